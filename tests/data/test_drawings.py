"""Drawings among the training images of a book."""

from pathlib import Path

import numpy as np
import pytest

from mnistlab.book.trial import Extra
from mnistlab.data.drawings import PLAIN_PEN, add_drawings, frame_drawings, varied
from mnistlab.data.framing import frame_strokes
from mnistlab.data.split import Split, split
from mnistlab.data.strokes import Drawing, append_drawing
from mnistlab.errors import DataError
from mnistlab.images import DIGITS, DataSet, Images
from mnistlab.randomness import Purpose, generator

SEVEN = (np.array([[0.0, 0], [60, 0], [20, 100]]), np.array([[15.0, 50], [55, 50]]))
BEFORE_CLASSES = "a71628496a441063e57b1e1354467f0ac33b8dd14448b9037c6b28ffd6ebe7fb"


def a_split(classes: tuple[str, ...] = DIGITS, *rgb: int) -> Split:
    pixels = np.zeros((40, 28, 28, *rgb), np.uint8)
    images = Images(pixels, np.arange(40, dtype=np.uint8) % len(classes), classes)
    return split(DataSet("toy", images, images), 10)


def write(path: Path, labels: dict[str, str | None]) -> str:
    for writer, label in labels.items():
        append_drawing(path, Drawing(SEVEN, label, writer))
    return str(path)


def test_only_the_training_images_grow(tmp_path: Path) -> None:
    before = a_split()
    strokes = write(tmp_path / "mine.jsonl", {"1": "7", "2": "7", "3": "1"})
    after = add_drawings(before, [Extra(strokes=strokes, exclude_writers=("2",), copies=3)])
    assert len(after.train) == len(before.train) + 2 * 3
    assert after.train.labels[-6:].tolist() == [7, 1, 7, 1, 7, 1]
    assert np.array_equal(after.train.pixels[-6], frame_strokes(SEVEN, PLAIN_PEN))
    assert after.validation is before.validation
    assert after.test is before.test
    assert after.info.sizes["train"] == len(after.train)
    assert after.info.sha256 != before.info.sha256
    assert after.info.name == "toy + mine"


def test_the_same_drawings_give_the_same_images() -> None:
    first, second = (frame_drawings([Drawing(SEVEN, "7")], 4) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert len(np.unique(first.pixels, axis=0)) == 4


def test_varied_drawings_stay_what_they_are() -> None:
    random = generator(1, Purpose.drawings)
    original = frame_strokes(SEVEN).astype(float)
    for _ in range(20):
        other = frame_strokes(varied(SEVEN, random)).astype(float)
        assert 0.5 < np.corrcoef(original.ravel(), other.ravel())[0, 1] < 0.999


def test_no_label_no_drawing_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="number 1 has no label"):
        add_drawings(a_split(), [Extra(strokes=write(tmp_path / "a.jsonl", {"1": None}))])
    with pytest.raises(DataError, match="no drawing is left"):
        add_drawings(
            a_split(),
            [Extra(strokes=write(tmp_path / "b.jsonl", {"1": "3"}), exclude_writers=("1",))],
        )
    with pytest.raises(DataError, match="cannot be read"):
        add_drawings(a_split(), [Extra(strokes=str(tmp_path / "none.jsonl"))])


def test_labels_are_the_names_of_the_datas_classes(tmp_path: Path) -> None:
    strokes = write(tmp_path / "mine.jsonl", {"1": "seven", "2": "A", "3": "7"})
    before = a_split(("7", "A", "seven"))
    after = add_drawings(before, [Extra(strokes=strokes)])
    assert after.train.labels[-3:].tolist() == [2, 1, 0]
    assert after.train.classes == after.info.classes == before.info.classes
    sizes = before.info.sizes | {"train": len(after.train)}
    names = {"name": "toy + mine", "sha256": after.info.sha256, "sizes": sizes}
    assert after.info == before.info.model_copy(update=names)


def test_digits_keep_the_fingerprint_that_they_had(tmp_path: Path) -> None:
    strokes = write(tmp_path / "mine.jsonl", {"1": "7", "2": "1"})
    after = add_drawings(a_split(), [Extra(strokes=strokes, copies=2)])
    assert after.info.sha256 == BEFORE_CLASSES


def test_a_label_that_is_no_class_is_refused_in_one_line(tmp_path: Path) -> None:
    strokes = write(tmp_path / "mine.jsonl", {"1": "a", "2": "é", "3": "7"})
    with pytest.raises(DataError) as caught:
        add_drawings(a_split(("a", "b")), [Extra(strokes=strokes)])
    said = f"{strokes}: label é is no class of the data: correct it, or take it out; "
    assert str(caught.value) == f"{said}the classes are a, b"


def test_strokes_are_no_rgb_images(tmp_path: Path) -> None:
    strokes = write(tmp_path / "mine.jsonl", {"1": "7"})
    with pytest.raises(DataError, match=r"strokes are grey, the images of toy RGB; train without"):
        add_drawings(a_split(DIGITS, 3), [Extra(strokes=strokes)])
