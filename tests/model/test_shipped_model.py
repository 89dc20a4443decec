"""The model that comes with mnistlab, on real digits and real strokes where they are at hand."""

import gzip
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from mnistlab.data.framing import frame_ink, frame_strokes
from mnistlab.data.ink import find_ink
from mnistlab.data.strokes import Drawing, Stroke, parse_pendigits
from mnistlab.images import DataSet
from mnistlab.model.predictor import shipped_model


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    """Every tenth of the real pen digits."""
    path = Path(os.environ.get("MNISTLAB_DATA", ""), "pendigits", "pendigits-orig.tra.gz")
    if not path.is_file():
        pytest.skip(
            "needs real pen digits: set MNISTLAB_DATA to a folder that holds "
            "pendigits/pendigits-orig.tra.gz"
        )
    return parse_pendigits(gzip.decompress(path.read_bytes()).decode("latin-1"))[::10]


def answers(pictures: list[np.ndarray]) -> np.ndarray:
    return np.asarray(shipped_model().predict(np.stack(pictures))[1].argmax(axis=1))


def test_it_carries_its_threshold_and_the_weights_its_card_is_about() -> None:
    model = shipped_model()
    assert model.unsure_below == 0.9
    weights = onnx.load_from_string(model.content).graph.initializer
    found = hashlib.sha256(b"".join(each.raw_data for each in weights)).hexdigest()
    assert found.startswith("ff3c535b4b321b66")


def test_mnists_test_images(mnist: DataSet) -> None:
    assert mnist.test is not None
    logits, _ = shipped_model().predict(mnist.test.pixels)
    assert (logits.argmax(axis=1) == mnist.test.labels).mean() >= 0.994


@pytest.mark.parametrize(
    "change",
    [
        lambda stroke: stroke * 0.2,
        lambda stroke: stroke * 3 - 4321,
        lambda stroke: np.concatenate([stroke[:-1:2], stroke[-1:]]),
        lambda stroke: np.repeat(stroke, 5, axis=0),
    ],
    ids=["smaller", "larger and elsewhere", "sparser", "slower"],
)
def test_size_place_and_sampling_change_no_answer(
    drawings: list[Drawing], change: Callable[[Stroke], Stroke]
) -> None:
    usual = answers([frame_strokes(drawing.strokes) for drawing in drawings])
    changed = answers(
        [frame_strokes([change(stroke) for stroke in drawing.strokes]) for drawing in drawings]
    )
    assert (usual == changed).mean() >= 0.995


def test_mnists_images_survive_being_taken_for_photographs(mnist: DataSet) -> None:
    assert mnist.test is not None
    light = np.linspace(150, 250, 28)  # dark ink on paper lit from one side
    pictures = [
        frame_ink(find_ink(light * (1 - 0.8 * pixels / 255))) for pixels in mnist.test.pixels[:300]
    ]
    assert (answers(pictures) == mnist.test.labels[:300]).mean() >= 0.97
