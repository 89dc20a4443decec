"""Images of one's own, from arrays: what is taken, and what is refused in one line."""

from typing import Any

import numpy as np
import pytest

import mnistlab
from mnistlab.data.files import read_npz
from mnistlab.errors import DataError
from mnistlab.images import DataSet, Images
from tests.conftest import random_images

PIXELS = np.zeros((4, 28, 28), np.uint8)
LABELS = np.array([0, 1, 0, 1], np.uint8)


@pytest.mark.parametrize(
    "labels", [[7, 3, 7], [10, 9, 10], ["ü", "a b", "ü"], ["10", "9", "10"], [True, False, True]]
)
def test_arrays_become_the_data_set_that_their_npz_is(labels: list[Any], tmp_path: Any) -> None:
    pixels = random_images(3).pixels
    parts: dict[str, Any] = {"x_train": pixels, "y_train": labels}
    parts |= {"x_test": pixels[:2], "y_test": labels[:2]}
    np.savez(tmp_path / "a.npz", **parts)
    known, given = read_npz(tmp_path / "a.npz", "a"), DataSet.from_arrays(**parts)
    assert (given.classes, given.sha256) == (known.classes, known.sha256)
    assert given.name == "arrays"


def test_classes_may_be_named_and_pixels_have_a_channel_of_their_own() -> None:
    columns = LABELS[:, None]
    data = DataSet.from_arrays(PIXELS[..., None], columns, PIXELS, LABELS, ("cat", "dog"), "pets")
    assert (data.name, data.classes, data.train.pixels.shape) == (
        "pets",
        ("cat", "dog"),
        (4, 28, 28),
    )
    assert data.train.labels.tolist() == [0, 1, 0, 1]
    texts = ["dog", "cat", "cat", "dog"]
    named = DataSet.from_arrays(PIXELS, texts, PIXELS, texts, ["dog", "cat"])
    assert named.train.labels.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x_train": PIXELS / 255}, r"x_train: float64 of shape \(4, 28, 28\), not uint8; .*round"),
        ({"x_test": PIXELS.reshape(4, 784)}, r"x_test: .* \(4, 784\), not \(n, 28, 28\)"),
        ({"x_train": PIXELS[0]}, r"x_train: .* \(28, 28\), not \(n, 28, 28\)"),
        ({"x_train": [[1], [1, 2]]}, "x_train: not an array; "),
        ({"x_test": np.zeros((4, 28, 28, 3), np.uint8)}, "x_train .* grey .* x_test RGB; "),
        ({"y_train": LABELS[:3]}, r"y_train: 3 labels of 4 images; give one label an image"),
        ({"y_train": LABELS + 0.5}, "y_train: float64.*; give whole numbers or texts"),
        ({"x_test": PIXELS[:0], "y_test": LABELS[:0]}, "x_test: no images; give at least one"),
        ({"y_test": LABELS + 1}, "y_test: class '2' is not in y_train; "),
        ({"y_train": LABELS * 0, "y_test": LABELS * 0}, "1 class; give images of 2 to 100"),
        ({"y_train": LABELS + 1, "classes": ("a", "b")}, "y_train: label 2 is not of the 2"),
        ({"y_train": list("abca"), "classes": ("a", "b")}, "label 'c' is not of the 2 classes"),
        ({"classes": ("a", "a")}, "two classes of the same name"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_refused_in_one_line(change: dict[str, Any], said: str) -> None:
    good = {"x_train": PIXELS, "y_train": LABELS, "x_test": PIXELS, "y_test": LABELS}
    with pytest.raises(DataError, match=said) as refused:
        DataSet.from_arrays(**good | change)
    assert str(refused.value).startswith("arrays: ")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("pixels", "labels", "said"),
    [
        (PIXELS / 255, LABELS, "float64"),
        (PIXELS[..., :27], LABELS, r"\(4, 28, 27\)"),
        (PIXELS, LABELS[:2], "2 labels of 4 images"),
        (PIXELS, LABELS.astype(float), "labels: float64"),
        (PIXELS, LABELS + 9, "label 10 is not of the 10 classes"),
    ],
)
def test_images_are_checked_when_they_are_made(pixels: Any, labels: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Images(pixels, labels)


def test_what_python_users_need_is_in_the_package_itself() -> None:
    assert mnistlab.DataSet is DataSet
    assert mnistlab.Images is Images
    assert mnistlab.__version__.split(".")[0].isdigit()
    assert set(mnistlab.__all__) <= set(dir(mnistlab))
