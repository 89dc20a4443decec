"""The IDX files of MNIST and its drop-in sets, gzipped or not, read with every byte accounted for.

Format: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each
dimension as a big-endian 32-bit integer, then the elements (http://yann.lecun.com/exdb/mnist/,
"The IDX file format").
"""

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from mnistlab.errors import DataError
from mnistlab.images import CLASSES, SIDE, Bytes, DataSet, Images

MAX_IMAGES = 300_000  # 235 MB of pixels; the largest set of ten classes has 240,000
CHUNK = 1 << 18  # bytes
MAX_DEFLATION = 1032  # bytes that one byte of gzip can stand for (zlib.net/zlib_tech.html)
FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}


def read_folder(folder: Path, name: str) -> DataSet:
    """Return the data set in a folder with the four IDX files, gzipped or not. Raises DataError."""
    paths = {part: _find(folder, stem) for part, stem in FILES.items()}
    train = read_pair(paths["train images"], paths["train labels"])
    return DataSet(name, train, read_pair(paths["test images"], paths["test labels"]))


def read_pair(images: Path, labels: Path) -> Images:
    """Return the images of one IDX file with the labels of another. Raises DataError."""
    pixels, numbers = read_idx(images, (SIDE, SIDE)), read_idx(labels, ())
    if len(pixels) != len(numbers):
        found = f"{len(pixels):,} images, but {labels.name} has {len(numbers):,} labels"
        raise DataError(f"{images}: {found}; fetch both again")
    if not len(numbers):
        raise DataError(f"{images}: an empty set; give files with at least one image")
    if numbers.max() >= CLASSES:
        place = int(np.argmax(numbers >= CLASSES))
        found = f"label {numbers[place]} at position {place:,}"
        raise _unusable(labels, f"{found}, and only 0 to 9 are known")
    return Images(pixels, numbers)


def read_idx(path: Path, inner: tuple[int, ...]) -> Bytes:
    """Return the uint8 array (n, *inner) in an IDX file. Raises DataError for anything else."""
    try:
        with _opened(path) as file:
            return _elements(file, path, _shape(file, path, inner))
    except (OSError, EOFError, zlib.error) as error:
        raise _unusable(path, f"cannot be read ({error})") from None


def _shape(file: BufferedIOBase, path: Path, inner: tuple[int, ...]) -> tuple[int, ...]:
    rank = 1 + len(inner)
    header = file.read(4 + 4 * rank)
    if header[:4] != bytes((0, 0, 8, rank)):
        wanted = f"000008{rank:02d} as IDX bytes of rank {rank} do"
        raise _unusable(path, f"starts with {header[:4].hex() or 'nothing'}, not {wanted}")
    if len(header) < 4 + 4 * rank:
        raise _unusable(path, "ends inside its header")
    count, *sizes = map(int, np.frombuffer(header, ">u4", offset=4))
    if count > MAX_IMAGES:
        raise _unusable(path, f"announces {count:,} images, more than is believed")
    if tuple(sizes) != inner:
        found, wanted = ("×".join(map(str, part)) for part in (sizes, inner))
        raise DataError(f"{path}: elements of {found}, not {wanted}; give images of that size")
    return count, *inner


def _elements(file: BufferedIOBase, path: Path, shape: tuple[int, ...]) -> Bytes:
    """All that is left in a file, read in place.

    Neither a false header nor a gzip bomb makes us allocate more than the file can hold.
    """
    size, filled = math.prod(shape), 0
    announced = f"({size:,} bytes announced)"
    if size > MAX_DEFLATION * path.stat().st_size:
        raise _unusable(path, f"truncated {announced}")
    content = np.empty(size, np.uint8)
    while filled < size and (count := file.readinto(content[filled : filled + CHUNK].data)):
        filled += count
    if filled < size:
        raise _unusable(path, f"truncated {announced}")
    if file.read(1):
        raise _unusable(path, f"has bytes after its last element {announced}")
    return content.reshape(shape)


def _unusable(path: Path, reason: str) -> DataError:
    return DataError(f"{path}: {reason}; fetch the file again")


def _opened(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if gzipped else path.open("rb")


def _find(folder: Path, stem: str) -> Path:
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: no {stem} or {stem}.gz; give a folder with the four IDX files")
