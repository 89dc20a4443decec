"""Files and folders that appear under their name only when they are complete."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY = ".mnistlab-new-"  # then 32 hexadecimal digits: being written
REPLACED = ".mnistlab-old-"  # then its name: moved aside for a new folder of that name
STALE_SECONDS = 3600


@contextmanager
def whole_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder that becomes `path` when the block ends without an error.

    What another process makes of that name meanwhile stays, and ours is dropped: its name says
    what is in it. With `replace` what was there before makes way, and is never lost: until ours
    has its name, `recover_from_kills` would give it back. Raises OSError.
    """
    temporary, old = _beside(path), path.with_name(f"{REPLACED}{path.name}")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.iterdir():
            _to_disk(file)
        if replace:
            _settle(old)
            with suppress(FileNotFoundError):
                path.rename(old)
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        _settle(old)
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file: a reader sees the old one or the new one, never a part. Raises OSError."""
    temporary = _beside(path)
    try:
        temporary.write_bytes(content)
        _to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def recover_from_kills(folder: Path) -> None:
    """Clear up after killed processes: only what this module named, only directly in `folder`.

    What was replaced gets its name back if the new one never came; what was half-written more
    than an hour ago is removed.
    """
    for path in folder.glob(f"{REPLACED}*"):
        _settle(path)
    for path in folder.glob(TEMPORARY + 32 * "[0-9a-f]"):
        with suppress(OSError):  # another process has just removed it, or writes it still
            if time.time() - path.lstat().st_mtime > STALE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _settle(old: Path) -> None:
    """Give a replaced folder its name back, or remove it if there is a new one of that name."""
    path = old.with_name(old.name.removeprefix(REPLACED))
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        with suppress(OSError):  # there is none, or another process has just settled it
            old.rename(path)


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent / f"{TEMPORARY}{uuid.uuid4().hex}"


def _to_disk(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())
