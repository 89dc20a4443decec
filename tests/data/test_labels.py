"""Labels of any kind made into classes, and what no network could learn from refused."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.labels import Labelled, data_set
from mnistlab.errors import DataError

PATH = Path("own.npz")
ENDLESS = "x" * 101


def labelled(labels: Sequence[int | str], channels: int = 1) -> Labelled:
    shape = (28, 28) if channels == 1 else (28, 28, channels)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), *shape), dtype=np.uint8)
    return Labelled(pixels, labels)


@pytest.mark.parametrize(
    ("labels", "classes", "positions"),
    [
        ([7, 1, 3, 1], ("1", "3", "7"), [2, 0, 1, 0]),
        ([10, 9, 100, -1], ("-1", "9", "10", "100"), [2, 1, 3, 0]),
        (["10", "9", "9"], ("9", "10"), [1, 0, 0]),
        (["10", "b", "9"], ("10", "9", "b"), [0, 2, 1]),
        (["shoe", "bag", "shoe"], ("bag", "shoe"), [1, 0, 1]),
        (["a\n\x1b[1m b", "c"], (r"a \x1b[1m b", "c"), [0, 1]),
    ],
)
def test_classes_are_called_as_the_labels_are(
    labels: list[int | str], classes: tuple[str, ...], positions: list[int]
) -> None:
    data = data_set(PATH, "own", {"train": labelled(labels), "test": labelled(labels[:1])})
    assert data.classes == data.test.classes == classes
    assert data.train.labels.tolist() == positions
    assert data.test.labels.tolist() == positions[:1]
    assert data.train.labels.dtype == np.uint8


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [2, 26, 47, 100])
def test_two_to_a_hundred_classes_in_grey_and_colour(classes: int, channels: int) -> None:
    part = labelled([f"class {number:03}" for number in range(classes)] * 2, channels)
    data = data_set(PATH, "own", {"train": part, "test": part, "validation": part})
    assert data.task == (channels, classes)
    assert data.train.labels.tolist() == [*range(classes)] * 2
    assert data.validation is not None
    np.testing.assert_array_equal(data.validation.pixels, part.pixels)
    assert not data.remarks


def test_a_sixth_of_each_class_is_set_aside_where_no_test_part_came(tmp_path: Path) -> None:
    part = labelled(["a"] * 12 + ["b"] * 60)
    data, again = (data_set(tmp_path, "own", {"train": part}) for _ in range(2))
    assert data.remarks == (
        "no labelled test images came with it: 60 to learn from, 12 set aside to test",
    )
    assert np.bincount(data.test.labels).tolist() == [2, 10]
    assert np.bincount(data.train.labels).tolist() == [10, 50]
    images = [image.tobytes() for image in [*data.train.pixels, *data.test.pixels]]
    assert sorted(images) == sorted(image.tobytes() for image in part.pixels)
    assert again.sha256 == data.sha256


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"train": ["a"] * 9}, "1 class; give images of 2 to 100 classes"),
        ({"train": range(101)}, "101 classes; give images of 2 to 100 classes"),
        ({"train": ["a", " "] * 9}, "an image's label is blank; label it or take it out"),
        ({"train": ["a", ENDLESS] * 9}, "class 'xxxxxxxxxxxxxxxxxxxx'… has a name of 101 letters"),
        ({"train": ["a", "b"], "test": []}, r"an empty set \(test\); give at least one image"),
        ({"train": [], "test": ["a", "b"]}, r"an empty set \(train\)"),
        ({"train": ["a", "b"], "test": ["c"]}, "class 'c' is in test and not in train; add images"),
        (
            {"train": ["a", "b"], "test": ["a"], "validation": ["a", "c"]},
            "class 'c' is in validation and not in train",
        ),
        ({"train": ["a", "b", "a", "b", "b"]}, "5 images, too few to test on some; give at least"),
        ({"train": list("abcdefghijkl")}, "class '.' is in test and not in train"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    parts: dict[str, Sequence[int | str]], said: str
) -> None:
    with pytest.raises(DataError, match=f"^own.npz: {said}") as caught:
        data_set(PATH, "own", {part: labelled(labels) for part, labels in parts.items()})
    assert "\n" not in str(caught.value)


def test_grey_and_colour_do_not_go_together() -> None:
    parts = {"train": labelled(["a", "b"]), "test": labelled(["a", "b"], 3)}
    with pytest.raises(DataError, match="train or test is grey and the other RGB; make them alike"):
        data_set(PATH, "own", parts)
