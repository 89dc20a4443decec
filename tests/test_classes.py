"""Sets of 2 to 100 classes, grey and RGB, from a book to a report and a prediction."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistlab.book.reading import parse_book
from mnistlab.images import DataSet, Images, Task
from mnistlab.lab import run_book
from mnistlab.model.predictor import open_model

BOOK = """
seeds = 1
[base]
conv = [{ out = 16, kernel = 5, stride = 2, norm = true }]
batch_size = 32
learning_rate = 0.01
epochs = 12
[[trial]]
name = "one"
"""


def squares(task: Task, per_class: int, seed: int) -> Images:
    """A square for every class, each in a place of its own, or in a colour of its own; noise."""
    random, count = np.random.default_rng(seed), per_class * task.classes
    labels = np.arange(count) % task.classes
    pixels = random.integers(0, 40, (count, *task.picture()), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        place = label // task.channels
        top, left = 2 + 4 * (place // 6), 2 + 4 * (place % 6)
        square = image[top : top + 4, left : left + 4]
        square[..., label % task.channels] = 255
        if task.channels == 1:
            square[:] = 255 - 120 * (label // 36)
    names = tuple(f"“{label}” & <b>" for label in range(task.classes))
    return Images(pixels, labels.astype(np.uint8), names)


@pytest.mark.parametrize(
    "task", [Task(1, 2), Task(3, 2), Task(3, 10), Task(1, 26), Task(3, 47), Task(3, 100)], ids=repr
)
def test_known_answers_are_learned(task: Task, tmp_path: Path) -> None:
    train, test = squares(task, 30, 0), squares(task, 4, 1)
    data = DataSet("squares", train, test, squares(task, 4, 2))
    results = run_book(parse_book(BOOK, "book", "book.toml"), data, tmp_path, jobs=1)
    (run,) = results.runs
    figures = run.record.scores["test"]
    assert (figures.accuracy, figures.f1_macro) == (1, 1)
    assert figures.auroc == pytest.approx(1)
    contract = json.loads((tmp_path / "results.json").read_text())
    assert contract["data"]["classes"] == list(test.classes)
    assert contract["data"]["sizes"]["validation"] == 4 * task.classes
    model = open_model(run.folder / "model.onnx")
    assert (model.task, model.classes) == (task, test.classes)
    found = model.predict(test.pixels)[1]
    np.testing.assert_allclose(found, run.predictions(), atol=1e-5)
    assert (found.argmax(axis=1) == test.labels).all()
