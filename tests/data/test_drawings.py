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
from mnistlab.images import DataSet, Images
from mnistlab.randomness import Purpose, generator

SEVEN = (np.array([[0.0, 0], [60, 0], [20, 100]]), np.array([[15.0, 50], [55, 50]]))


def a_split() -> Split:
    pixels = np.zeros((40, 28, 28), np.uint8)
    labels = np.arange(40, dtype=np.uint8) % 10
    return split(DataSet("toy", Images(pixels, labels), Images(pixels, labels)), 10)


def write(path: Path, labels: dict[str, int | None]) -> str:
    for writer, label in labels.items():
        append_drawing(path, Drawing(SEVEN, label, writer))
    return str(path)


def test_only_the_training_images_grow(tmp_path: Path) -> None:
    before = a_split()
    strokes = write(tmp_path / "mine.jsonl", {"1": 7, "2": 7, "3": 1})
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
    first, second = (frame_drawings([Drawing(SEVEN, 7)], 4) for _ in range(2))
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
            [Extra(strokes=write(tmp_path / "b.jsonl", {"1": 3}), exclude_writers=("1",))],
        )
    with pytest.raises(DataError, match="cannot be read"):
        add_drawings(a_split(), [Extra(strokes=str(tmp_path / "none.jsonl"))])
