"""Evidence: exact where it says so, and an occlusion map elsewhere, both against the network
itself.
"""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mnistlab.book.trial import Network
from mnistlab.data.framing import frame_strokes
from mnistlab.drawing.evidence import PATCH, Explainer
from mnistlab.model.artifact import to_onnx
from mnistlab.model.network import initial_weights
from mnistlab.model.predictor import Predictor, shipped_model
from mnistlab.randomness import Purpose, generator
from tests.model.other_models import onnx_model

FOUR = frame_strokes([np.array([[3.0, 0], [0, 6], [5, 6]]), np.array([[4.0, 2], [4, 10]])])


def predictor(conv: list[dict[str, object]], seed: int = 0) -> Predictor:
    network = Network.model_validate({"conv": conv})
    return Predictor(
        to_onnx(network, initial_weights(network, generator(seed, Purpose.weights))), "toy"
    )


@pytest.mark.parametrize(
    "conv",
    [
        {"out": 16, "kernel": 7, "stride": 3, "padding": 1},
        {"out": 32, "kernel": 5, "stride": 2, "padding": 1},
        {"out": 3, "kernel": 1},
        {"out": 5, "kernel": 4, "stride": 5, "padding": 3},
    ],
)
def test_exact_evidence_plus_bias_is_the_difference_of_the_logits(conv: dict[str, object]) -> None:
    model = predictor([conv])
    explainer = Explainer(model)
    random = np.random.default_rng(0)
    for picture in (FOUR, random.integers(0, 256, (28, 28), dtype=np.uint8)):
        logits = model.predict(picture[None])[0][0]
        for digit, other in ((9, 4), (0, 1)):
            evidence = explainer.explain(picture, digit, other)
            assert evidence.exact
            assert evidence.values.sum() + evidence.bias == pytest.approx(
                logits[digit] - logits[other], abs=1e-4
            )


def test_evidence_of_a_padded_network_lies_where_the_ink_is() -> None:
    explainer = Explainer(predictor([{"out": 8, "kernel": 3, "stride": 1, "padding": 3}]))
    blank, dot = np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    dot[20, 6] = 255
    change = np.abs(
        explainer.explain(dot, 9, 4).over_pixels() - explainer.explain(blank, 9, 4).over_pixels()
    )
    rows, columns = np.nonzero(change > 1e-6)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (18, 22, 4, 8)


def named_otherwise() -> onnx.ModelProto:
    model = onnx.load_from_string(predictor([{"out": 4, "kernel": 5}]).content)
    for array in model.graph.initializer:
        array.name += "_"
    for node in model.graph.node:
        known = ("pixels", *(name for each in model.graph.node for name in each.output))
        node.input[:] = [name if name in known else f"{name}_" for name in node.input]
    return model


def dilated() -> onnx.ModelProto:
    """Named as ours, but its filters look at every other pixel."""
    model = onnx.load_from_string(predictor([{"out": 4, "kernel": 5, "padding": 2}]).content)
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    conv.attribute.append(helper.make_attribute("dilations", [2, 2]))
    next(each for each in conv.attribute if each.name == "pads").ints[:] = [4] * 4
    return model


def brighter() -> onnx.ModelProto:
    """Named and shaped as ours, but its pixels are divided by another number."""
    model = onnx.load_from_string(predictor([{"out": 4, "kernel": 5}]).content)
    white = next(array for array in model.graph.initializer if array.name == "white")
    white.CopyFrom(numpy_helper.from_array(np.array(100, np.float32), "white"))
    return model


@pytest.mark.parametrize("make", [named_otherwise, dilated, brighter, onnx_model])
def test_networks_of_others_are_occluded_whatever_their_layers_are_called(
    make: Callable[[], onnx.ModelProto],
) -> None:
    explainer = Explainer(Predictor(make().SerializeToString(), "other"))
    assert not explainer.explain(FOUR, 9, 4).exact


def test_evidence_spread_over_pixels_keeps_its_sum_when_no_field_leaves_the_picture() -> None:
    evidence = Explainer(predictor([{"out": 8, "kernel": 4, "stride": 3}])).explain(FOUR, 9, 4)
    assert evidence.over_pixels().shape == (28, 28)
    assert evidence.over_pixels().sum() == pytest.approx(evidence.values.sum(), abs=1e-4)


@pytest.mark.parametrize(
    "conv",
    [
        [],
        [{"out": 4, "kernel": 5, "pool": 2}],
        [{"out": 4, "kernel": 5, "norm": True}],
        [{"out": 4, "kernel": 5}, {"out": 4, "kernel": 3}],
    ],
)
def test_other_networks_are_occluded(conv: list[dict[str, object]]) -> None:
    model = predictor(conv)
    explainer = Explainer(model)
    evidence = explainer.explain(FOUR, 9, 4)
    assert not evidence.exact
    for i, j in ((3, 5), (7, 6)):
        top, left = evidence.start + i * evidence.stride, evidence.start + j * evidence.stride
        erased = FOUR.copy()
        erased[top : top + PATCH, left : left + PATCH] = 0
        logits = model.predict(np.stack([FOUR, erased]))[0].astype(float)
        expected = (logits[0, 9] - logits[0, 4]) - (logits[1, 9] - logits[1, 4])
        assert evidence.values[i, j] == pytest.approx(expected, abs=1e-4)


def test_every_pixel_of_ink_is_erased_by_some_patch() -> None:
    picture = np.full((28, 28), 255, np.uint8)
    evidence = Explainer(shipped_model()).explain(picture, 1, 7)
    last = evidence.start + (evidence.values.shape[0] - 1) * evidence.stride + evidence.size
    assert evidence.start <= 0
    assert last >= 28


def test_a_blank_picture_has_no_evidence_to_show() -> None:
    assert not Explainer(shipped_model()).explain(np.zeros((28, 28), np.uint8), 1, 7).values.any()
