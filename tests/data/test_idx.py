import gzip
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistlab.data import idx
from mnistlab.data.labels import MAX_IMAGES
from mnistlab.errors import DataError
from mnistlab.images import DIGITS, Bytes, DataSet, Images
from tests.conftest import random_images


def image_bytes(n: int, side: int = 28, magic: int = 0x803) -> bytes:
    return struct.pack(">IIII", magic, n, side, side) + bytes(n * side * side)


def label_bytes(labels: list[int]) -> bytes:
    return struct.pack(">II", 0x801, len(labels)) + bytes(labels)


def write_folder(folder: Path, data: DataSet, suffix: str = "") -> Path:
    for part, images in (("train", data.train), ("test", data.test)):
        pixels = struct.pack(">IIII", 0x803, len(images), 28, 28) + images.pixels.tobytes()
        for kind, content in (("images", pixels), ("labels", label_bytes(images.labels.tolist()))):
            path = folder / (idx.FILES[f"{part} {kind}"] + suffix)
            path.write_bytes(gzip.compress(content) if suffix else content)
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_comes_back_as_it_was_written(tmp_path: Path, tiny: DataSet, suffix: str) -> None:
    read = idx.read_folder(write_folder(tmp_path, tiny, suffix), "name")
    assert read.name == "name"
    assert read.sha256 == tiny.sha256
    np.testing.assert_array_equal(read.train.pixels, tiny.train.pixels)


def test_a_folder_without_one_of_the_files(tmp_path: Path, tiny: DataSet) -> None:
    write_folder(tmp_path, tiny)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(
        DataError, match=r"no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte\.gz; give a folder"
    ):
        idx.read_folder(tmp_path, "name")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "starts with nothing, not 00000803"),
        (image_bytes(2, magic=0x801), "starts with 00000801, not 00000803"),
        (image_bytes(2, magic=0xD03), "starts with 00000d03, not 00000803"),
        (image_bytes(2)[:9], "ends inside its header"),
        (image_bytes(2, side=20), "elements of 20×20, not 28×28"),
        (image_bytes(2)[:-1], r"truncated \(1,568 bytes announced\)"),
        (image_bytes(2) + b"x", r"has bytes after its last element \(1,568 bytes announced\)"),
        (
            struct.pack(">IIII", 0x803, 1 << 30, 1 << 15, 1 << 15),
            "announces 1,073,741,824 images",
        ),
        (struct.pack(">IIII", 0x803, MAX_IMAGES, 28, 28), "truncated"),
        (
            gzip.compress(struct.pack(">IIII", 0x803, MAX_IMAGES + 1, 28, 28) + bytes(10**7)),
            "announces 700,001 images, more than is believed",
        ),
        (gzip.compress(image_bytes(2))[:-9], "cannot be read"),
        (gzip.compress(image_bytes(2))[:-8] + bytes(8), "cannot be read"),
        (gzip.compress(image_bytes(2) + bytes(10**8)), "has bytes after its last element"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        idx.read_idx(path, (28, 28))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_false_headers_and_bombs_take_no_memory(tmp_path: Path) -> None:
    import tracemalloc

    false = tmp_path / "false"
    false.write_bytes(struct.pack(">IIII", 0x803, MAX_IMAGES, 28, 28))
    bomb = tmp_path / "bomb"
    bomb.write_bytes(gzip.compress(image_bytes(2) + bytes(10**8)))
    for path in (false, bomb):
        tracemalloc.start()
        with pytest.raises(DataError):
            idx.read_idx(path, (28, 28))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 * idx.CHUNK


def test_the_most_compressible_file_is_believed(tmp_path: Path) -> None:
    blank = gzip.compress(image_bytes(5000))
    assert len(blank) < 5000 * 784 / 1000
    (tmp_path / "blank").write_bytes(blank)
    assert idx.read_idx(tmp_path / "blank", (28, 28)).shape == (5000, 28, 28)


def test_images_and_labels_that_do_not_go_together(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(image_bytes(3))
    (tmp_path / "labels").write_bytes(label_bytes([1, 2]))
    with pytest.raises(DataError, match="3 images, but labels has 2 labels; fetch both again"):
        idx.read_pair(tmp_path / "images", tmp_path / "labels")


def test_labels_up_to_255_become_classes_without_gaps(tmp_path: Path, tiny: DataSet) -> None:
    write_folder(tmp_path, tiny)
    for part, images in (("train", tiny.train), ("test", tiny.test)):
        numbers = (images.labels * 28 + 3).tolist()
        (tmp_path / idx.FILES[f"{part} labels"]).write_bytes(label_bytes(numbers))
    read = idx.read_folder(tmp_path, "name")
    assert read.classes == ("3", "31", "59", "87", "115", "143", "171", "199", "227", "255")
    assert read.sha256 == tiny.sha256


def write_emnist(folder: Path, of: str, labels: list[int], suffix: str = "") -> Bytes:
    """Write one of EMNIST's sets as it is published, rows and columns swapped: its images."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    head = image_bytes(len(labels))[:16]
    for part in ("train", "test"):
        stem = f"emnist-{of}-{part}"
        images, numbers = head + pixels.transpose(0, 2, 1).tobytes(), label_bytes(labels)
        for kind, content in (("images-idx3", images), ("labels-idx1", numbers)):
            content = gzip.compress(content) if suffix else content
            (folder / f"{stem}-{kind}-ubyte{suffix}").write_bytes(content)
    return pixels


@pytest.mark.parametrize(
    ("of", "labels", "classes"),
    [
        ("letters", [*range(1, 27)], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("balanced", [*range(47)], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
        ("bymerge", [46, 0, 10], "0At"),
        ("byclass", [61, 36, 35, 9], "9Zaz"),
        ("digits", [9, 0, 5], "059"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_emnist_is_turned_upright_and_its_classes_are_called_as_its_characters(
    tmp_path: Path, of: str, labels: list[int], classes: str, suffix: str
) -> None:
    pixels = write_emnist(tmp_path, of, labels, suffix)
    read = idx.read_folder(tmp_path, "name")
    assert read.classes == tuple(classes)
    assert read.train.labels.tolist() == np.argsort(np.argsort(labels)).tolist()
    np.testing.assert_array_equal(read.train.pixels, pixels)
    np.testing.assert_array_equal(read.test.pixels, pixels)
    assert len(read.remarks) == 1


def test_a_folder_of_several_sets_is_refused(tmp_path: Path, tiny: DataSet) -> None:
    write_emnist(tmp_path, "letters", [1, 2])
    write_emnist(tmp_path, "digits", [1, 2])
    with pytest.raises(DataError, match=r"several sets \(emnist-digits, emnist-letters\); leave"):
        idx.read_folder(tmp_path, "name")
    write_folder(tmp_path, tiny)
    with pytest.raises(DataError, match=r"several sets \(emnist-digits, emnist-letters, mnist\)"):
        idx.read_folder(tmp_path, "name")


def test_an_emnist_folder_without_one_of_the_files(tmp_path: Path) -> None:
    write_emnist(tmp_path, "letters", [1, 2])
    (tmp_path / "emnist-letters-test-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="no emnist-letters-test-labels-idx1-ubyte or emnist-"):
        idx.read_folder(tmp_path, "name")


@given(
    st.binary(max_size=60),
    st.sampled_from(
        [b"", image_bytes(1)[:4], image_bytes(1)[:16], image_bytes(1), b"\x1f\x8b\x08"]
    ),
)
@settings(max_examples=300, deadline=None)
def test_random_bytes_give_an_array_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, tail: bytes, head: bytes
) -> None:
    path = tmp_path_factory.mktemp("idx") / "images"
    path.write_bytes(head + tail)
    with suppress(DataError):
        assert idx.read_idx(path, (28, 28)).shape[1:] == (28, 28)


def test_the_fingerprint_tells_data_apart() -> None:
    train, test = random_images(20), random_images(10, seed=1)
    base = DataSet("a", train, test).sha256
    assert DataSet("another name", train, test).sha256 == base
    others = [
        DataSet("a", test, train),
        DataSet("a", train, train),
        DataSet("a", Images(train.pixels, train.labels[::-1]), test),
    ]
    assert len({base, *(other.sha256 for other in others)}) == 4


def test_real_mnist_is_mnist(mnist: DataSet) -> None:
    assert mnist.sha256 == "625c86df0a1319fc9ee83afae9b44174ea5c67d979d470d0a9945b3682b01ff3"
    assert mnist.classes == DIGITS
    assert (len(mnist.train), len(mnist.test)) == (60_000, 10_000)
    assert np.bincount(mnist.train.labels).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
