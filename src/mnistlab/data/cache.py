"""What the cache folder holds, by kind, and how to be rid of it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mnistlab.data.catalog import CATALOG, cache_folder
from mnistlab.data.pendigits import MEMBER

SPLITS = "splits/" + 64 * "[0-9a-f]" + ".uint8"  # as training/local.py names them
# version 0.1 kept folders of arrays there
OLD_SPLITS = [f"splits/{16 * '[0-9a-f]'}{each}" for each in ("/*.npy", "/info.json", "-*/*.npy")]
FONTS = "matplotlib/fontlist-v*.json"


@dataclass(frozen=True)
class Kind:
    """Files of one kind in the cache."""

    name: str
    files: tuple[Path, ...]

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return sum(file.stat().st_size for file in self.files)


def cached() -> list[Kind]:
    """What the lab keeps in the cache folder; files that it did not write there are left out."""
    kinds = {
        "downloads": [*_downloads()], "shared splits": [SPLITS],
        "splits of version 0.1": OLD_SPLITS, "list of fonts": [FONTS],
    }  # fmt: skip
    return [Kind(name, tuple(_own_files(patterns))) for name, patterns in kinds.items()]


def clear() -> None:
    """Remove what `cached` tells of, and the folders that it leaves empty; no other file.

    What another lab has open stays where the system wants it so.
    """
    files = [file for kind in cached() for file in kind.files]
    for file in files:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    for folder in sorted({file.parent for file in files}, reverse=True):
        with suppress(OSError):  # what is left in it is somebody's
            folder.rmdir()


def _downloads() -> Iterator[str]:
    yield f"data/pendigits/{MEMBER.removesuffix('.Z')}"
    for name, source in CATALOG.items():
        for file in source.members or source.files:
            yield f"data/{name}/{PurePosixPath(file).name}"


def _own_files(patterns: list[str]) -> Iterator[Path]:
    """The files of such names; what a link leads to is somebody's own."""
    cache = cache_folder()
    for pattern in patterns:
        for file in sorted(cache.glob(pattern)):
            if file.is_file() and file.resolve() == cache.resolve() / file.relative_to(cache):
                yield file
