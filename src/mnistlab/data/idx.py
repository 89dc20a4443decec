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

MAX_IMAGES = 1_000_000  # 784 MB of pixels; a header that announces more is not believed
CHUNK = 1 << 18  # bytes
MAX_DEFLATION = 1032  # bytes that one byte of gzip can stand for (zlib.net/zlib_tech.html)
FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
REMEDY = "fetch the file again"


def read_folder(folder: Path, name: str) -> DataSet:
    """The data set in a folder with the four IDX files, gzipped or not. Raises DataError."""
    paths = {part: _find(folder, stem) for part, stem in FILES.items()}
    train = read_pair(paths["train images"], paths["train labels"])
    return DataSet(name, train, read_pair(paths["test images"], paths["test labels"]))


def read_pair(images: Path, labels: Path) -> Images:
    """The images of one IDX file with the labels of another. Raises DataError."""
    pixels, numbers = read_idx(images, (SIDE, SIDE)), read_idx(labels, ())
    if len(pixels) != len(numbers):
        raise DataError(
            f"{images}: {len(pixels):,} images, but {labels.name} has {len(numbers):,} labels; "
            f"fetch both again"
        )
    if not len(numbers):
        raise DataError(f"{images}: an empty set; give files with at least one image")
    if numbers.max() >= CLASSES:
        place = int(np.argmax(numbers >= CLASSES))
        found = f"label {numbers[place]} at position {place:,}"
        raise DataError(f"{labels}: {found}, and only 0 to 9 are known; {REMEDY}")
    return Images(pixels, numbers)


def read_idx(path: Path, inner: tuple[int, ...]) -> Bytes:
    """The uint8 array (n, *inner) in an IDX file; for anything else DataError is raised."""
    try:
        with _opened(path) as file:
            return _parsed(file, path, inner)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); {REMEDY}") from None


def _parsed(file: BufferedIOBase, path: Path, inner: tuple[int, ...]) -> Bytes:
    rank = 1 + len(inner)
    header = file.read(4 + 4 * rank)
    if header[:4] != bytes((0, 0, 8, rank)):
        found = header[:4].hex() or "nothing"
        wanted = f"000008{rank:02d} as IDX bytes of rank {rank} do"
        raise DataError(f"{path}: starts with {found}, not {wanted}; {REMEDY}")
    if len(header) < 4 + 4 * rank:
        raise DataError(f"{path}: ends inside its header; {REMEDY}")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4", offset=4))
    if shape[0] > MAX_IMAGES:
        size = math.prod(shape)
        raise DataError(f"{path}: announces {size:,} bytes, more than is believed; {REMEDY}")
    if shape[1:] != inner:
        sizes, wanted = ("×".join(map(str, part)) for part in (shape[1:], inner))
        raise DataError(f"{path}: elements of {sizes}, not {wanted}; give images of that size")
    return _elements(file, path, math.prod(shape)).reshape(shape)


def _elements(file: BufferedIOBase, path: Path, size: int) -> Bytes:
    """The `size` bytes that are left in a file, read in place.

    Neither a false header nor a gzip bomb makes us allocate more than the file can hold.
    """
    announced = f"({size:,} bytes announced); {REMEDY}"
    if size > MAX_DEFLATION * path.stat().st_size:
        raise DataError(f"{path}: truncated {announced}")
    content, filled = np.empty(size, np.uint8), 0
    while filled < size and (count := file.readinto(content[filled : filled + CHUNK].data)):
        filled += count
    if filled < size:
        raise DataError(f"{path}: truncated {announced}")
    if file.read(1):
        raise DataError(f"{path}: has bytes after its last element {announced}")
    return content


def _opened(path: Path) -> BufferedIOBase:
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if gzipped else path.open("rb")


def _find(folder: Path, stem: str) -> Path:
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: no {stem} or {stem}.gz; give a folder with the four IDX files")
