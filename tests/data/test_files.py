"""Own data by path: each form gives the very images that were put into it, or one line."""

import gzip
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab.data import files
from mnistlab.data.files import read_path
from mnistlab.errors import DataError
from mnistlab.images import Bytes, DataSet, Images
from tests.data.test_folders import by_class, export
from tests.data.test_idx import write_folder

HEADER = ",".join(["label", *(f"pixel{number}" for number in range(784))])


@pytest.fixture(scope="module")
def real(mini: DataSet) -> DataSet:
    """Real pictures of all ten digits, in three parts."""
    train, validation = mini.train[np.arange(300)], mini.train[np.arange(300, 400)]
    return DataSet("real", train, mini.test[np.arange(100)], validation)


def without_validation(data: DataSet) -> DataSet:
    return DataSet(data.name, data.train, data.test)


def csv_lines(images: Images, labels: list[str] | None = None) -> str:
    labels = labels or [images.classes[label] for label in images.labels]
    rows = zip(labels, images.pixels.reshape(len(images), -1).tolist(), strict=True)
    return "".join(f"{label},{','.join(map(str, row))}\n" for label, row in rows)


def keras(data: DataSet) -> dict[str, Any]:
    return {
        "x_train": data.train.pixels,
        "y_train": data.train.labels.astype(np.int64),
        "x_test": data.test.pixels,
        "y_test": data.test.labels.astype(np.int64),
    }


def medmnist(data: DataSet) -> dict[str, Any]:
    parts = {"train": data.train, "val": data.validation or data.train, "test": data.test}
    pixels = {f"{part}_images": images.pixels for part, images in parts.items()}
    return pixels | {f"{part}_labels": images.labels[:, None] for part, images in parts.items()}


def test_idx_is_recognised(tmp_path: Path, real: DataSet) -> None:
    read = read_path(write_folder(tmp_path, real, ".gz"))
    assert read.sha256 == without_validation(real).sha256
    assert read.name == tmp_path.name


def test_class_folders_are_recognised(tmp_path: Path, real: DataSet) -> None:
    export(tmp_path / "train", real.train)
    export(tmp_path / "test", real.test)
    train, test = by_class(real.train, 300), by_class(real.test, 100)
    assert read_path(tmp_path).sha256 == DataSet("real", train, test).sha256


@pytest.mark.parametrize("inner", [(28, 28), (28, 28, 1)])
def test_npz_as_keras_has_it(tmp_path: Path, real: DataSet, inner: tuple[int, ...]) -> None:
    arrays = keras(real)
    for key in ("x_train", "x_test"):
        arrays[key] = np.asfortranarray(arrays[key].reshape(-1, *inner))
    np.savez(tmp_path / "real.npz", **arrays)
    read = read_path(tmp_path / "real.npz")
    assert read.sha256 == without_validation(real).sha256
    assert read.classes == real.classes
    assert read.name == "real"
    assert read.train.pixels.flags.c_contiguous


def test_npz_as_medmnist_has_it_brings_its_validation_images(tmp_path: Path, real: DataSet) -> None:
    np.savez_compressed(tmp_path / "real.npz", **medmnist(real))
    assert read_path(tmp_path / "real.npz").sha256 == real.sha256


def test_npz_in_colour_with_texts_and_no_test_part(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 3), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", x_train=pixels, y_train=["shoe", "bag"] * 6)
    read = read_path(tmp_path / "own.npz")
    assert read.classes == ("bag", "shoe")
    assert (len(read.train), len(read.test)) == (10, 2)
    assert read.task == (3, 2)


def change(key: str, to: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda arrays: arrays.update({key: to(arrays[key])})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change("x_train", lambda x: x / 255), "x_train is float64 of shape (300, 28, 28), not ui"),
        (change("x_test", lambda x: x.astype("i8")), "x_test is int64 of shape (100, 28, 28), not"),
        (change("x_train", lambda x: x[:, :20]), "shape (300, 20, 28), not (n, 28, 28) or (n, "),
        (change("x_train", lambda x: x[:, None]), "(300, 1, 28, 28), not (n, 28, 28) or (n, 28, "
         "28, 3); bring it to that shape, or give a folder of images"),
        (change("x_test", lambda x: x[0]), "x_test is uint8 of shape (28, 28), not (n, 28, 28)"),
        (change("y_train", lambda y: y[1:]), "y_train is int64 of shape (299,), not (300,)"),
        (change("y_test", lambda y: np.eye(10)[y]), "of shape (100, 10), not (100,); give one"),
        (change("y_test", lambda y: y / 2), "y_test is float64 of shape (100,), not whole numbers"),
        (change("y_train", lambda y: y.astype(object)), "y_train holds Python objects, and unp"),
        (lambda arrays: arrays.pop("y_test"), "no y_test; add it"),
        (lambda arrays: arrays.pop("x_train"), "neither x_train nor train_images, but x_test, y"),
        (lambda arrays: arrays.clear(), "neither x_train nor train_images, but nothing; name the"),
        (change("x_train", lambda x: x[:0]), "y_train is int64 of shape (300,), not (0,)"),
    ],
)  # fmt: skip
def test_npz_that_is_not_as_it_should_be(
    tmp_path: Path, real: DataSet, spoil: Callable[[dict[str, Any]], Any], said: str
) -> None:
    arrays = keras(real)
    spoil(arrays)
    path = tmp_path / "own.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=f"^{re.escape(f'{path}: ')}.*{re.escape(said)}") as caught:
        read_path(path)
    assert "\n" not in str(caught.value)


class Canary:
    """Pickled, it leaves a file behind wherever it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(tmp_path: Path, real: DataSet) -> None:
    canary, objects = Canary(tmp_path / "unpickled"), np.empty(300, object)
    objects[:] = canary
    np.savez(tmp_path / "objects.npz", **keras(real) | {"y_train": objects})
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(canary))
    for name, said in (("objects", "holds Python objects"), ("pickle", "not a zip file")):
        with pytest.raises(DataError, match=said):
            read_path(tmp_path / f"{name}.npz")
    assert not canary.path.exists()
    pickle.loads((tmp_path / "pickle.npz").read_bytes())
    assert canary.path.exists()


def test_npz_damaged_or_announcing_too_much(
    tmp_path: Path, real: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.npz"
    np.savez_compressed(path, **keras(real))
    whole = path.read_bytes()
    for place in (0, 100, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:place])
        with pytest.raises(DataError, match=r"own\.npz: cannot be read \(.*\); save it again"):
            read_path(path)
        path.write_bytes(whole[:place] + bytes(40) + whole[place + 40 :])
        with pytest.raises(DataError):
            read_path(path)
    lying = b"\x93NUMPY\x01\x00v\x00" + str(
        {"descr": "|u1", "fortran_order": False, "shape": (1 << 50, 28, 28)}
    ).encode().ljust(117) + b"\n"  # fmt: skip
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x_train.npy", lying)
        file.writestr("y_train.npy", lying)
    with pytest.raises(DataError, match="cannot be read"):
        read_path(path)
    path.write_bytes(whole)
    monkeypatch.setattr(files, "MAX_NPZ_BYTES", 1000)
    monkeypatch.delattr(np, "load")
    with pytest.raises(DataError, match="bytes unpacked, at most 1,000; split it"):
        read_path(path)


@pytest.mark.parametrize("header", [f"{HEADER}\n", f"label,{','.join(map(str, range(784)))}\n", ""])
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_a_folder_of_csv_files(tmp_path: Path, real: DataSet, header: str, ending: str) -> None:
    for part, images in (("my_Train_set", real.train), ("my_test_set", real.test)):
        content = ("\ufeff" + header + csv_lines(images)).replace("\n", "\r\n").encode()
        path = tmp_path / f"{part}.{ending}"
        path.write_bytes(gzip.compress(content) if ending == "csv.gz" else content)
    read = read_path(tmp_path)
    assert read.sha256 == without_validation(real).sha256
    assert read.classes == real.classes
    assert not read.remarks


def test_a_single_csv_file_gives_a_sixth_to_the_test(tmp_path: Path, real: DataSet) -> None:
    (tmp_path / "own.csv").write_text(f"{csv_lines(real.train)}\n\n", "utf-8")
    read = read_path(tmp_path / "own.csv")
    assert read.name == "own"
    assert (len(read.train), len(read.test), len(read.remarks)) == (250, 50, 1)
    both: list[Bytes] = [*read.train.pixels, *read.test.pixels]
    expected = sorted(image.tobytes() for image in real.train.pixels)
    assert sorted(image.tobytes() for image in both) == expected


def test_csv_labels_may_be_texts_and_quoted(tmp_path: Path, real: DataSet) -> None:
    names = ['"bag, small"', "shoe", '"12"'] * 100
    content = csv_lines(real.train, names).replace(",0,", ', "0",')
    (tmp_path / "train.csv").write_text(content, "utf-8")
    (tmp_path / "test.csv").write_text(content, "utf-8")
    read = read_path(tmp_path)
    assert read.classes == ("12", "bag, small", "shoe")
    assert read.train.labels.tolist() == [1, 2, 0] * 100
    np.testing.assert_array_equal(read.train.pixels, real.train.pixels)


ROW = ",".join(["5", *["0"] * 784])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{ROW}\n{ROW[:-4]}\n", ", line 2: 783 columns, not 785: a label and 784 pixels; correct"),
        (f"{HEADER}\n{ROW},0\n", ", line 2: 786 columns, not 785"),
        (f"{HEADER[6:]}\n{ROW[2:]}\n", ", line 2: 784 columns, not 785"),
        (f"{ROW}\n{ROW[:-1]}256\n", ", line 2: '256' is no whole number from 0 to 255; correct or"),
        (f"{ROW}\n{ROW[:-1]}1.5\n", ", line 2: '1.5' is no whole number"),
        (f"{ROW}\n{ROW[:-1]}\n", ", line 2: '' is no whole number"),
        (f"{ROW}\n{'1' * 10**6}\n", ", line 2: 1 columns, not 785"),
        (f'{ROW}\n"{ROW}\n{ROW}', ", line 2: 1 columns, not 785"),
        (f"{ROW}\n{ROW[:-1]}120 \n", ", line 2: '120 ' is no whole number"),
        (f"{ROW.replace('0', '147.0')}\n{ROW}\n", ", line 1: '147.0' is no whole number"),
        (f"{ROW.replace('0', 'nan')}\n{ROW}\n", ", line 1: 'nan' is no whole number"),
        (f"{ROW.replace('0', ' ')}\n{ROW}\n", ", line 1: '' is no whole number"),
        (gzip.compress(b"nope"), ", line 1: 1 columns, not 785"),
        ("", ": an empty set (train); give at least one image"),
        (f"{HEADER}\n", ": an empty set (train)"),
        (ROW.encode("utf-16"), ": cannot be read ('utf-8' codec can't decode"),
        (gzip.compress(ROW.encode())[:-9], ": cannot be read (Compressed file ended"),
        (gzip.compress(ROW.encode())[:-8] + bytes(8), ": cannot be read (CRC check failed"),
    ],
)
def test_csv_that_is_not_as_it_should_be(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=f"^{re.escape(f'{path}{said}')}") as caught:
        read_path(path)
    assert "\n" not in str(caught.value)


def test_an_image_of_a_class_called_label_is_no_header(tmp_path: Path, real: DataSet) -> None:
    labels = ["label", *["shoe"] * 149] * 2
    (tmp_path / "own.csv").write_text(csv_lines(real.train, labels), "utf-8")
    read = read_path(tmp_path / "own.csv")
    assert len(read.train) + len(read.test) == 300


@pytest.mark.parametrize("header", [f"{HEADER[6:]}\n", f"{','.join(map(str, range(784)))}\n", ""])
def test_a_test_table_without_labels_is_left_out_as_of_kaggles_digit_recognizer(
    tmp_path: Path, real: DataSet, header: str
) -> None:
    rows = csv_lines(real.test).splitlines()
    blind = "".join(f"{row.split(',', 1)[1]}\n" for row in rows)
    (tmp_path / "train.csv").write_text(f"{HEADER}\n{csv_lines(real.train)}", "utf-8")
    (tmp_path / "test.csv").write_text(header + blind, "utf-8")
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n", "utf-8")
    read = read_path(tmp_path)
    assert (len(read.train), len(read.test)) == (250, 50)
    assert read.remarks == (
        "test.csv has no labels and was left out",
        "no labelled test images came with it: 250 to learn from, 50 set aside to test",
    )
    (tmp_path / "test.csv").write_text(f"{header}{blind}{rows[0]}\n", "utf-8")
    with pytest.raises(DataError, match=r"test\.csv, line [12]: 784 columns, not 785"):
        read_path(tmp_path)


@pytest.mark.parametrize("names", [["train.csv", "train2.csv"], ["latest_train.csv", "b.csv"]])
def test_csv_files_that_could_be_several_parts(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text(f"{ROW}\n", "utf-8")
    with pytest.raises(DataError, match=r"which CSV file is which part\? \(.*train.*\); leave one"):
        read_path(tmp_path)


def test_more_csv_rows_than_are_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_IMAGES", 2)
    (tmp_path / "own.csv").write_text(f"{ROW}\n" * 3, "utf-8")
    with pytest.raises(DataError, match="more than 2 images; split the file"):
        read_path(tmp_path / "own.csv")


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no data", "utf-8")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(DataError, match="no data that is known; give a folder of IDX files, a"):
            read_path(path)
    for path in (tmp_path / "none.csv", tmp_path / "none.npz", Path("a\0b.csv")):
        with pytest.raises(DataError, match=r"cannot be read \(.*\)"):
            read_path(path)
