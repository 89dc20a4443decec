"""Data by name: what can be had, where it is fetched from, and how a fetched file is checked."""

import os
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from difflib import get_close_matches
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from mnistlab.data import idx
from mnistlab.errors import DataError, one_line
from mnistlab.images import DataSet

TIMEOUT = 20.0  # seconds without a byte before the next mirror is tried
MAX_BYTES = 50_000_000  # of a download; the largest published file has 26 million
# a file's name → an object with `total`, `update(bytes)` and `close()`
Progress = Callable[[str], Any]


class Source(NamedTuple):
    """Where a data set is published: addresses of folders, and the sums of `idx.FILES`' .gz."""

    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]


CATALOG = {
    "mnist": Source(  # handwritten digits (LeCun, Cortes, Burges)
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion": Source(  # articles of clothing (Xiao, Rasul, Vollgraf)
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # has no https
        ),
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "kmnist": Source(  # Kuzushiji-MNIST, cursive Japanese characters (Clanuwat and others)
        ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
}
NAMES = (*CATALOG, "mini")


def cache_folder() -> Path:
    """Where downloads and shared arrays are kept: $MNISTLAB_CACHE, or the system's cache folder."""
    chosen = os.environ.get("MNISTLAB_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("mnistlab", appauthor=False))


def load_data(data: str | Path, progress: Progress | None = None) -> DataSet:
    """Return a data set by its name (one of `NAMES`) or from a folder with four IDX files.

    `mini` comes with the package. What else is not in the cache is downloaded and checked;
    `progress` shows it. A Path is always a folder's. Raises DataError.
    """
    if data == "mini":
        with resources.as_file(resources.files("mnistlab.data") / "mini") as folder:
            return idx.read_folder(folder, "mini")
    if isinstance(data, str) and data in CATALOG:
        folder = cache_folder() / "data" / data
        fetch(data, CATALOG[data], folder, progress)
        return idx.read_folder(folder, data)
    path = Path(data)
    with suppress(OSError):  # no name that a folder can have, or one that may not be looked into
        if path.is_dir():
            return idx.read_folder(path, one_line(path.resolve().name))
    near = get_close_matches(str(data), NAMES, n=1)
    choice = f"give one of {', '.join(NAMES)} or a folder with four IDX files"
    hint = f"did you mean {near[0]!r}?" if near else choice
    raise DataError(f"{one_line(str(data)[:200])}: neither a known data set nor a folder; {hint}")


def fetch(name: str, source: Source, folder: Path, progress: Progress | None = None) -> None:
    """Download what is missing of a source's four files into `folder`. Raises DataError."""
    for stem, sha256 in zip(idx.FILES.values(), source.sha256, strict=True):
        fetch_file(name, f"{stem}.gz", source.mirrors, sha256, folder, progress)


def fetch_file(
    name: str, file: str, mirrors: tuple[str, ...], sha256: str | None, folder: Path,
    progress: Progress | None = None,
) -> Path:  # fmt: skip
    """Return where one file is, downloaded from the first mirror that gives it whole, if need be.

    pooch downloads under another name and moves the file once its sum is right; without `sha256`
    the caller checks what is inside. Raises DataError.
    """
    import pooch  # with requests it takes 0.2 s to import, and most commands download nothing

    pooch.get_logger().setLevel("ERROR")
    download = partial(_download, progress=progress)
    reasons = []
    for mirror in mirrors:
        try:
            return Path(pooch.retrieve(mirror + file, sha256, file, folder, downloader=download))
        except (OSError, ValueError) as error:  # requests' errors; a wrong sum is a ValueError
            reasons.append(f"{mirror + file}: {_reason(error)}")
    raise DataError(
        f"{name} could not be downloaded ({'; '.join(reasons)}); check the connection, "
        "or use --data mini, which needs none, or --data DIR with the four IDX files"
    )


def _download(url: str, path: str, _: object, progress: Progress | None) -> None:
    """Write to `path` what `url` gives, as pooch asks for it. Raises OSError, ValueError."""
    import requests

    with requests.get(url, stream=True, timeout=TIMEOUT) as answer, Path(path).open("wb") as file:
        answer.raise_for_status()
        total = int(answer.headers.get("Content-Length", 0))
        _check_size(total)
        with closing(progress(Path(url).name)) if progress else nullcontext() as bar:
            for chunk in answer.iter_content(1 << 16):
                _check_size(file.tell() + len(chunk))
                file.write(chunk)
                if bar:
                    bar.total = total
                    bar.update(len(chunk))


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"larger than any published file, {MAX_BYTES:,} bytes at most")


def _reason(error: Exception) -> str:
    if "hash" in str(error):
        return "not the published file (its checksum differs)"
    return f"{type(error).__name__}: {one_line(error)[:120]}"
