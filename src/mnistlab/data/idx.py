"""The IDX files of MNIST, EMNIST and drop-in sets, gzipped or not, with every byte accounted for.

Format: two zero bytes, the element type (8: unsigned byte), the number of dimensions, each
dimension as a big-endian 32-bit integer, then the elements (http://yann.lecun.com/exdb/mnist/,
"The IDX file format"). EMNIST (Cohen and others, 2017, https://arxiv.org/abs/1702.05373) names its
files after its six sets and stores images with rows and columns swapped.
"""

import gzip
import math
import re
import zlib
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np

from mnistlab.data.labels import MAX_IMAGES, Labelled, data_set
from mnistlab.errors import DataError
from mnistlab.images import SIDE, Bytes, DataSet

CHUNK = 1 << 18  # bytes
MAX_DEFLATION = 1032  # bytes that one byte of gzip can stand for (zlib.net/zlib_tech.html)
FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
EMNIST_FILE = r"(?P<set>emnist-\w+)-(train|test)"
FILE = re.compile(rf"({EMNIST_FILE}|train|t10k)-(images-idx3|labels-idx1)-ubyte(\.gz)?")
MERGED = digits + ascii_uppercase + "abdefghnqrt"  # the others are one class with their capitals
# what the labels 0, 1, … of an EMNIST set stand for, where not for digits
CHARACTERS = {
    "emnist-letters": "0" + ascii_uppercase,
    "emnist-balanced": MERGED,
    "emnist-bymerge": MERGED,
    "emnist-byclass": digits + ascii_uppercase + ascii_lowercase,
}


def sets_in(folder: Path) -> list[str]:
    """The EMNIST sets whose files lie in a folder, and `mnist` if files named as MNIST's do."""
    found = filter(None, (FILE.fullmatch(path.name) for path in folder.iterdir()))
    return sorted({each["set"] or "mnist" for each in found})


def read_folder(folder: Path, name: str) -> DataSet:
    """Return the data set in a folder with four IDX files, gzipped or not, named as MNIST's are or
    as those of one EMNIST set, whose classes are called as the characters. Raises DataError.
    """
    match sets_in(folder):
        case [] | ["mnist"]:
            found = {key: _find(folder, stem) for key, stem in FILES.items()}
            train = read_pair(found["train images"], found["train labels"])
            test = read_pair(found["test images"], found["test labels"])
            return data_set(folder, name, {"train": train, "test": test})
        case [emnist]:
            parts = {part: _read_emnist(folder, emnist, part) for part in ("train", "test")}
            remark = "EMNIST's files have rows and columns swapped: its images were turned upright"
            return data_set(folder, name, parts, [remark])
        case several:
            names = ", ".join(several)
            raise DataError(f"{folder}: files of several sets ({names}); leave those of one there")


def _read_emnist(folder: Path, emnist: str, part: str) -> Labelled:
    images, labels = (f"{emnist}-{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
    swapped, numbers = read_pair(_find(folder, images), _find(folder, labels))
    known = dict(enumerate(CHARACTERS.get(emnist, "")))
    upright = np.ascontiguousarray(swapped.transpose(0, 2, 1))
    return Labelled(upright, [known.get(int(number), number) for number in numbers])


def read_pair(images: Path, labels: Path) -> Labelled:
    """Return the images of one IDX file with the labels of another. Raises DataError."""
    pixels, numbers = read_idx(images, (SIDE, SIDE)), read_idx(labels, ())
    if len(pixels) != len(numbers):
        found = f"{len(pixels):,} images, but {labels.name} has {len(numbers):,} labels"
        raise DataError(f"{images}: {found}; fetch both again")
    return Labelled(pixels, numbers.tolist())


def read_idx(path: Path, inner: tuple[int, ...]) -> Bytes:
    """Return the uint8 array (n, *inner) in an IDX file. Raises DataError for anything else."""
    try:
        with opened(path) as file:
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


def opened(path: Path) -> BufferedReader | gzip.GzipFile:
    """A file's bytes, unpacked if it is gzipped."""
    with path.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if gzipped else path.open("rb")


def _find(folder: Path, stem: str) -> Path:
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: no {stem} or {stem}.gz; give a folder with the four IDX files")
