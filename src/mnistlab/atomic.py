"""Files and folders that appear under their name only when they are complete."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp-"
STALE_SECONDS = 3600


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; when the block ends without an error it becomes `path`.

    If another process made `path` meanwhile, theirs stays and ours is dropped: both hold the same, because such a
    folder's name is a hash of what determines its content. Raises OSError.
    """
    temporary = _beside(path)
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.iterdir():
            _to_disk(file)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`: a reader sees the old file or the new one, never a part. Raises OSError."""
    temporary = _beside(path)
    try:
        temporary.write_bytes(content)
        _to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Take the folder `path` away in one step, so that no half of it is ever seen under its name. Raises OSError."""
    if path.is_dir():
        doomed = _beside(path)
        path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def sweep(folder: Path) -> None:
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
