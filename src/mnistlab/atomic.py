"""Files and folders that appear under their name only when they are complete."""

import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY = ".tmp-"
STALE_SECONDS = 3600


@contextmanager
def whole_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends without an error it becomes
    `path`.

    If another process made `path` meanwhile, theirs stays and ours is dropped: both hold the same,
    because such a folder's name is a hash of what determines its content. With `replace` what is
    there is taken away at the very end. Raises OSError.
    """
    temporary = _beside(path)
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.iterdir():
            _to_disk(file)
        if replace:
            remove_folder(path)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`: a reader sees the old file or the new one, never a part. Raises
    OSError.
    """
    temporary = _beside(path)
    try:
        temporary.write_bytes(content)
        _to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def discard_if_incomplete(folder: Path, files: Iterable[str]) -> bool:
    """Whether the folder holds all its files; if something took one away, what is left of it is
    removed, to be remade.

    Raises OSError.
    """
    if all((folder / file).is_file() for file in files):
        return True
    remove_folder(folder)
    return False


def remove_folder(path: Path) -> None:
    """Take the folder `path` away in one step, so that no half of it is ever seen under its name.
    Raises OSError.
    """
    doomed = _beside(path)
    with suppress(FileNotFoundError):  # it is not there, or another process has just taken it
        path.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left half-written in `folder` more than an hour ago."""
    for path in folder.glob(f"{TEMPORARY}*"):
        try:
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue  # another process swept it first, or writes it still


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent / f"{TEMPORARY}{uuid.uuid4().hex}"


def _to_disk(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
