"""Own data by path: what lies there is recognised, and NumPy's .npz and CSV files are read."""

import csv
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from mnistlab.data import folders, idx
from mnistlab.data.labels import MAX_IMAGES, Labelled, data_set
from mnistlab.errors import DataError, one_line
from mnistlab.images import SIDE, DataSet

MAX_NPZ_BYTES = 3 * SIDE**2 * MAX_IMAGES  # unpacked
MAX_LINE = 10_000  # letters of a line of CSV, of which a label and 784 pixels need some 3,000
FORMS = (
    "give a folder of IDX files, a folder of class folders of images, a .npz, a .csv, or a folder "
    "with *train*.csv and *test*.csv"
)
NPZ_KEYS = (("x_{}", "y_{}"), ("{}_images", "{}_labels"))  # as in Keras; as in MedMNIST
SHORT = {"train": "train", "validation": "val", "test": "test"}
SHAPES = ((SIDE, SIDE), (SIDE, SIDE, 1), (SIDE, SIDE, 3))
LEVELS = {str(level): level for level in range(256)}


def read_path(path: Path) -> DataSet:
    """Return the data set at a path, in whichever of `FORMS` it is. Raises DataError."""
    try:
        return _read_folder(path) if path.is_dir() else _read_file(path)
    except (OSError, ValueError) as error:  # ValueError: no name that a file can have
        where = getattr(error, "filename", None) or path
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{where}: cannot be read ({one_line(reason)}); check the path") from None


def _read_folder(folder: Path) -> DataSet:
    name = one_line(folder.resolve().name)
    if idx.sets_in(folder):
        return idx.read_folder(folder, name)
    if tables := _csv_parts(folder):
        return _read_csv(folder, name, tables)
    if any(path.is_dir() for path in folder.iterdir()):
        return folders.read_class_folders(folder, name)
    raise DataError(f"{folder}: no data that is known; {FORMS}")


def _read_file(path: Path) -> DataSet:
    name = one_line(Path(path.name.removesuffix(".gz")).stem)
    if path.suffix.lower() == ".npz":
        return read_npz(path, name)
    if _is_csv(path):
        return _read_csv(path, name, {"train": path})
    raise DataError(f"{path}: no data that is known; {FORMS}")


def read_npz(path: Path, name: str) -> DataSet:
    """Return the data set in a .npz with the keys of `NPZ_KEYS`; nothing is unpickled.

    Raises DataError.
    """
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as arrays:
            parts = dict(_npz_parts(path, arrays))
    except (DataError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # a broken zip makes its reader raise almost anything
        reason = f"cannot be read ({one_line(error)[:120]})"
        raise DataError(f"{path}: {reason}; save it again by numpy.savez") from None
    return data_set(path, name, parts)


def _check_size(path: Path) -> None:
    with ZipFile(path) as members:
        size = sum(member.file_size for member in members.infolist())
    if size > MAX_NPZ_BYTES:
        raise DataError(f"{path}: {size:,} bytes unpacked, at most {MAX_NPZ_BYTES:,}; split it")


def _npz_parts(path: Path, arrays: Any) -> Iterator[tuple[str, Labelled]]:
    keys = next((keys for keys in NPZ_KEYS if keys[0].format("train") in arrays), None)
    if keys is None:
        names = one_line(", ".join(sorted(arrays)[:6])) or "nothing"
        found = f"neither x_train nor train_images, but {names}"
        raise DataError(f"{path}: {found}; name the arrays as Keras or MedMNIST do")
    for part, short in SHORT.items():
        images, labels = (key.format(short) for key in keys)
        if images in arrays:
            pixels, numbers = _npz_array(path, arrays, images), _npz_array(path, arrays, labels)
            yield part, _checked(path, images, pixels, labels, numbers)


def _npz_array(path: Path, arrays: Any, key: str) -> npt.NDArray[Any]:
    if key not in arrays:
        raise DataError(f"{path}: no {key}; add it")
    try:
        return np.asarray(arrays[key])
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        found = f"{key} holds Python objects, and unpickling them could run any code"
        raise DataError(f"{path}: {found}; save it as numbers or texts of one type") from None


def _checked(
    path: Path, images: str, pixels: npt.NDArray[Any], labels: str, numbers: npt.NDArray[Any]
) -> Labelled:
    """The arrays of two keys, once they are what they should be. Raises DataError."""
    found = f"{path}: {images} is {pixels.dtype} of shape {pixels.shape}"
    if pixels.shape[1:] not in SHAPES:
        what = f"not (n, {SIDE}, {SIDE}) or (n, {SIDE}, {SIDE}, 3)"
        raise DataError(f"{found}, {what}; bring it to that shape, or give a folder of images")
    if pixels.dtype != np.uint8:
        raise DataError(f"{found}, not uint8; bring it to 0 to 255, round it, save it as uint8")
    found = f"{path}: {labels} is {numbers.dtype} of shape {numbers.shape}"
    if numbers.shape not in ((len(pixels),), (len(pixels), 1)):
        raise DataError(f"{found}, not ({len(pixels)},); give one label an image")
    if numbers.dtype.kind not in "iubU":
        raise DataError(f"{found}, not whole numbers or texts; save it as such")
    shape = SHAPES[0] if pixels.shape[1:] == SHAPES[1] else pixels.shape[1:]
    pixels = np.ascontiguousarray(pixels.reshape(len(pixels), *shape))
    return Labelled(pixels, numbers.ravel().tolist())


def _csv_parts(folder: Path) -> dict[str, Path]:
    """The CSV files of a folder, by the part that their names say; none without training images."""
    tables = [path for path in sorted(folder.iterdir()) if _is_csv(path)]
    named = [(part, path) for part, short in SHORT.items() for path in tables
             if short in path.name.lower()]  # fmt: skip
    parts = dict(named)
    if len(set(parts.values())) < len(named):
        names = one_line(", ".join(path.name for path in tables[:6]))
        raise DataError(f"{folder}: which CSV file is which part? ({names}); leave one of each")
    return parts if "train" in parts else {}


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz"))


def _read_csv(path: Path, name: str, tables: dict[str, Path]) -> DataSet:
    remarks = []
    if "test" in tables and _lacks_labels(tables["test"]):
        remarks.append(f"{one_line(tables['test'].name)} has no labels and was left out")
        tables = {part: table for part, table in tables.items() if part != "test"}
    parts = {part: read_csv(table) for part, table in tables.items()}
    return data_set(path, name, parts, remarks)


def _lacks_labels(path: Path) -> bool:
    """Whether a CSV file's rows are all of 784 columns, as Kaggle has images to be predicted."""
    widths = (len(row) for _, row in _rows(path))
    return next(widths, 0) == SIDE**2 and all(width == SIDE**2 for width in widths)


def read_csv(path: Path) -> Labelled:
    """Return the images of a CSV file, gzipped or not, as on Kaggle: the label first, then 784
    pixels, with or without a header. Raises DataError.
    """
    labels, content = [], bytearray()
    for number, row in _rows(path):
        content += _pixels(path, number, row)
        labels.append(row[0])
        if len(labels) > MAX_IMAGES:
            raise DataError(f"{path}: more than {MAX_IMAGES:,} images; split the file")
    pixels = np.frombuffer(content, np.uint8) if content else np.empty(0, np.uint8)
    return Labelled(pixels.reshape(len(labels), SIDE, SIDE), labels)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file and their numbers, without blank ones and a header."""
    try:
        with io.TextIOWrapper(idx.opened(path), "utf-8-sig", newline="") as file:
            lines = iter(lambda: file.readline(MAX_LINE), "")
            for number, row in enumerate(csv.reader(lines, skipinitialspace=True), 1):
                if row and not (number == 1 and _is_header(row)):
                    yield number, row
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        reason = f"cannot be read ({one_line(error)[:120]})"
        raise DataError(f"{path}: {reason}; save it again as UTF-8") from None


def _is_header(row: list[str]) -> bool:
    names = row[1:]
    if len(row) < SIDE**2:
        return False
    if row[0].lower() in ("label", "class") and len(set(names)) == len(names):
        return True  # names may be 0, 1, …; so many pixels of 256 levels cannot all differ
    return all(map(_is_name, names))


def _is_name(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(cell.strip())
    return False


def _pixels(path: Path, number: int, row: list[str]) -> bytes:
    where = f"{path}, line {number}"
    if len(row) != 1 + SIDE**2:
        wanted = f"not {1 + SIDE**2}: a label and {SIDE**2} pixels"
        raise DataError(f"{where}: {len(row)} columns, {wanted}; correct or delete that line")
    try:
        return bytes(map(LEVELS.__getitem__, row[1:]))
    except KeyError as error:
        found = f"{error.args[0][:20]!r} is no whole number from 0 to 255"
        raise DataError(f"{where}: {found}; correct or delete that line") from None
