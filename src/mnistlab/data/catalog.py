"""Data by name: what can be had, where it is fetched from, and how a fetched file is checked."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs

from mnistlab.data import idx
from mnistlab.errors import DataError
from mnistlab.images import DataSet

TIMEOUT = 20.0  # seconds without a byte before the next mirror is tried
# a file's name → an object with `total`, `update(bytes)`, `reset()` and `close()`
Progress = Callable[[str], Any]


@dataclass(frozen=True)
class Source:
    """Where a data set is published.

    `mirrors` are folders' addresses, `md5` a sum for each of `idx.FILES`' .gz.
    """

    mirrors: tuple[str, ...]
    md5: tuple[str, str, str, str]


CATALOG = {
    "mnist": Source(  # handwritten digits (LeCun, Cortes, Burges)
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion": Source(  # articles of clothing (Xiao, Rasul, Vollgraf)
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    "kmnist": Source(  # Kuzushiji-MNIST, cursive Japanese characters (Clanuwat and others)
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
}
NAMES = (*CATALOG, "mini")


def cache_folder() -> Path:
    """Where downloads and shared arrays are kept: $MNISTLAB_CACHE, or the system's cache folder."""
    chosen = os.environ.get("MNISTLAB_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("mnistlab", appauthor=False))


def load_data(data: str | Path, progress: Progress | None = None) -> DataSet:
    """A data set by its name (one of `NAMES`) or from a folder with four IDX files.

    `mini` comes with the package. What else is not in the cache is downloaded and checked;
    `progress` shows it. Raises DataError.
    """
    if data == "mini":
        with resources.as_file(resources.files("mnistlab.data") / "mini") as folder:
            return idx.read_folder(folder, "mini")
    if data in CATALOG:
        folder = cache_folder() / "data" / str(data)
        fetch(str(data), CATALOG[str(data)], folder, progress)
        return idx.read_folder(folder, str(data))
    path = Path(data)
    with suppress(OSError):  # no name that a folder can have, or one that may not be looked into
        if path.is_dir():
            return idx.read_folder(path, path.resolve().name)
    near = get_close_matches(str(data), NAMES, n=1)
    choice = f"give one of {', '.join(NAMES)} or a folder with four IDX files"
    hint = f"did you mean {near[0]!r}?" if near else choice
    raise DataError(f"{str(data)[:200]}: neither a known data set nor a folder; {hint}")


def fetch(name: str, source: Source, folder: Path, progress: Progress | None = None) -> None:
    """Download what is missing of a source's four files into `folder`, each checked.

    Raises DataError.
    """
    for stem, md5 in zip(idx.FILES.values(), source.md5, strict=True):
        fetch_file(name, f"{stem}.gz", source.mirrors, f"md5:{md5}", folder, progress)


def fetch_file(
    name: str,
    file: str,
    mirrors: tuple[str, ...],
    checksum: str | None,
    folder: Path,
    progress: Progress | None = None,
) -> Path:
    """Download one file from the first mirror that gives it whole, unless it is there.

    `checksum` is None where the publisher repacks the file and its content is checked instead.
    pooch downloads under a temporary name, checks the sum, and only then moves the file to its
    own name. Raises DataError.
    """
    import pooch  # with requests it takes 0.2 s to import, and most commands download nothing

    pooch.get_logger().setLevel("ERROR")
    reasons = []
    for mirror in mirrors:
        bar = progress(file) if progress and not (folder / file).exists() else False
        downloader = pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT)
        try:
            path = pooch.retrieve(mirror + file, checksum, file, folder, downloader=downloader)
            return Path(path)
        except (OSError, ValueError) as error:  # requests' errors; a wrong sum is a ValueError
            reasons.append(f"{mirror + file}: {_reason(error)}")
    raise DataError(
        f"{name} could not be downloaded ({'; '.join(reasons)}); check the connection, "
        "or use --data mini, which needs none, or --data DIR with the four IDX files"
    )


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    if "hash" in text:
        return "not the published file (its checksum differs)"
    return f"{type(error).__name__}: {text[:120]}"
