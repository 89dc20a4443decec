"""Data by name: what can be had, where it is fetched from, and how a fetched file is checked."""

import os
import shutil
import time
import tomllib
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from zipfile import BadZipFile, ZipFile

import platformdirs
from pydantic import BaseModel, ConfigDict, TypeAdapter

from mnistlab import atomic
from mnistlab.data.files import read_path
from mnistlab.data.split import PARTS
from mnistlab.errors import DataError, one_line
from mnistlab.images import ClassNames, DataSet

TIMEOUT = 20.0  # seconds without a byte before the next mirror is tried
MAX_BYTES = 50_000_000  # of a download, where a source does not say more
# a file's name → an object with `total`, `update(bytes)` and `close()`
Progress = Callable[[str], Any]


class Source(BaseModel):
    """Where a data set is published, and what is known of it: an entry of catalog.toml, which
    explains it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str = ""
    licence: str = ""
    remark: str | None = None  # what whoever uses the data must know
    classes: ClassNames | None = None
    mirrors: tuple[str, ...] = ()
    files: dict[str, str] = {}
    addresses: dict[str, str] = {}
    members: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES


def _read_catalog() -> dict[str, Source]:
    text = resources.files("mnistlab.data").joinpath("catalog.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Source]).validate_python(tomllib.loads(text))


CATALOG = _read_catalog()
NAMES = tuple(CATALOG)
CHOICES = (
    "mnist, fashion, kmnist, qmnist, emnist-letters, emnist-balanced, mini, a set of MedMNIST such "
    "as bloodmnist, or a path"
)


# sets that people look for here, and why they are not
LEFT_OUT = {"chestmnist": "its images have any number of 14 labels at once, a network one class"}


def cache_folder() -> Path:
    """Where downloads and shared arrays are kept: $MNISTLAB_CACHE, or the system's cache folder."""
    chosen = os.environ.get("MNISTLAB_CACHE")
    return Path(chosen or platformdirs.user_cache_dir("mnistlab", appauthor=False))


def load_data(data: str | Path, progress: Progress | None = None) -> DataSet:
    """Return a data set by its name (one of `NAMES`) or from a path, in a form `read_path` knows.

    `mini` comes with the package. What else is not in the cache is downloaded and checked;
    `progress` shows it. A Path is never a name. Raises DataError.
    """
    if isinstance(data, str) and data in CATALOG:
        return _load_known(data, CATALOG[data], progress)
    path, found = Path(data), False
    with suppress(OSError):  # no name that a file can have, or one that may not be looked into
        found = path.exists()
    if found:
        return read_path(path)
    if data in LEFT_OUT:
        raise DataError(f"{data}: left out, for {LEFT_OUT[str(data)]}; give {CHOICES}")
    near = get_close_matches(str(data), NAMES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"give {CHOICES}"
    said = "neither a known data set nor a folder or file"
    raise DataError(f"{one_line(str(data)[:200])}: {said}; {hint}")


def about(data: str) -> str | None:
    """What a known data set shows, by whom, and its licence; None of others."""
    source = CATALOG.get(data)
    return f"{source.about}; licence: {source.licence}" if source else None


def _load_known(name: str, source: Source, progress: Progress | None) -> DataSet:
    if not source.files:
        with resources.as_file(resources.files("mnistlab.data") / name) as folder:
            return _named(read_path(folder), name, source)
    folder = cache_folder() / "data" / name
    fetch(name, source, folder, progress)
    npz = folder / f"{name}.npz"
    return _named(read_path(npz if npz.name in source.files else folder), name, source)


def _named(data: DataSet, name: str, source: Source) -> DataSet:
    """The data set under its own name, with the names of its classes and what must be said."""
    classes = source.classes or data.classes
    if len(classes) != len(data.classes):
        found = f"{len(data.classes)} classes, and {len(classes)} are published"
        raise DataError(f"{name}: {found}; delete its folder in {cache_folder() / 'data'}")
    parts = {part: replace(it, classes=classes) for part in PARTS if (it := getattr(data, part))}
    remarks = (source.remark, *data.remarks) if source.remark else data.remarks
    return replace(data, name=name, remarks=remarks, **parts)


def fetch(name: str, source: Source, folder: Path, progress: Progress | None = None) -> None:
    """Download what is missing of a source's files into `folder`. Raises DataError.

    An archive is kept beside it only until its members are taken out.
    """
    members = [folder / Path(member).name for member in source.members]
    if members and all(member.is_file() for member in members):
        return
    place = folder.parent if members else folder
    for file, checksum in source.files.items():
        path = fetch_file(
            name, file, source.mirrors, checksum, place, progress,
            source.addresses.get(file, file), source.max_bytes,
        )  # fmt: skip
        if members:
            _unpack(name, source, path)


def _unpack(name: str, source: Source, archive: Path) -> None:
    """Take out of an archive the members of each set that is in it, and remove the archive."""
    sets = {other: it.members for other, it in CATALOG.items() if it.files == source.files}
    try:
        with ZipFile(archive) as content:
            for other, members in {**sets, name: source.members}.items():
                for member in members:
                    path = archive.parent / other / Path(member).name
                    atomic.write_whole(path, content.read(member))
    except (OSError, KeyError, BadZipFile) as error:
        reason = f"its archive cannot be unpacked ({_reason(error)})"
        raise DataError(f"{name}: {reason}; make room, or try again later") from None
    finally:
        archive.unlink(missing_ok=True)


def fetch_file(
    name: str, file: str, mirrors: tuple[str, ...], checksum: str | None, folder: Path,
    progress: Progress | None = None, address: str = "", max_bytes: int = MAX_BYTES,
) -> Path:  # fmt: skip
    """Return where one file is, downloaded from the first mirror that gives it whole, if need be.

    `address` says where it is, seen from a mirror, if not under its name. pooch downloads under
    another name and moves the file once its sum is right; without `checksum` the caller checks what
    is inside. Raises DataError.
    """
    import pooch  # with requests it takes 0.2 s to import, and most commands download nothing

    pooch.get_logger().setLevel("ERROR")
    _discard_partial(folder)
    download = partial(_download, progress=progress, max_bytes=max_bytes)
    reasons = []
    for mirror in mirrors:
        url = urljoin(mirror, address or file)
        try:
            return Path(pooch.retrieve(url, checksum, file, folder, downloader=download))
        except (OSError, ValueError) as error:  # requests' errors; a wrong sum is a ValueError
            reasons.append(f"{url}: {_reason(error)}")
    raise DataError(
        f"{name} could not be downloaded ({'; '.join(reasons)}); check the connection, "
        "or use --data mini, which needs none, or --data PATH with data that you have"
    )


def _discard_partial(folder: Path) -> None:
    """Remove what killed downloads left: pooch's temporary files, once more than an hour old."""
    for path in folder.glob("tmp????????"):
        with suppress(OSError):  # another process has just removed it
            if time.time() - path.stat().st_mtime > atomic.STALE_SECONDS:
                path.unlink()


def _download(url: str, path: str, _: object, progress: Progress | None, max_bytes: int) -> None:
    """Write to `path` what `url` gives, as pooch asks for it. Raises OSError, ValueError."""
    import requests

    with requests.get(url, stream=True, timeout=TIMEOUT) as answer, Path(path).open("wb") as file:
        answer.raise_for_status()
        total = int(answer.headers.get("Content-Length", 0))
        _check_size(total, max_bytes)
        _check_room(total, Path(path).parent)
        with closing(progress(Path(url).name)) if progress else nullcontext() as bar:
            for chunk in answer.iter_content(1 << 16):
                _check_size(file.tell() + len(chunk), max_bytes)
                file.write(chunk)
                if bar:
                    bar.total = total
                    bar.update(len(chunk))


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise ValueError(f"larger than any published file, {max_bytes:,} bytes at most")


def _check_room(size: int, folder: Path) -> None:
    if size > (free := shutil.disk_usage(folder).free):
        found = f"no room for a download of {size:,} bytes, {free:,} are free"
        raise DataError(f"{folder}: {found}; set MNISTLAB_CACHE to a folder on another disk")


def _reason(error: Exception) -> str:
    if "hash" in str(error):
        return "not the published file (its checksum differs)"
    return f"{type(error).__name__}: {one_line(error)[:120]}"
