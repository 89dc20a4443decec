"""Evidence: exact where it says so, and an occlusion map elsewhere, both against the network
itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mnistlab.book.trial import Network
from mnistlab.data.framing import frame_strokes
from mnistlab.drawing.evidence import PATCH, Explainer
from mnistlab.images import Task
from mnistlab.model.artifact import to_onnx
from mnistlab.model.network import initial_weights
from mnistlab.model.predictor import Predictor, shipped_model
from mnistlab.randomness import Purpose, generator
from tests.model.other_models import onnx_model

FOUR = frame_strokes([np.array([[3.0, 0], [0, 6], [5, 6]]), np.array([[4.0, 2], [4, 10]])])


def predictor(conv: list[dict[str, object]], classes: int = 10, **keys: object) -> Predictor:
    """A network that was not trained, its batch-norms as if it had been."""
    network = Network.model_validate({"conv": conv} | keys)
    random = generator(0, Purpose.weights)
    weights = initial_weights(network, random, Task(1, classes))
    for name in weights:
        if name.startswith("norm"):
            weights[name] += random.uniform(0, 0.5, weights[name].shape).astype(np.float32)
    names = tuple(map(str, range(classes)))
    return Predictor(to_onnx(network, weights, classes=names), "toy")


EXACT: dict[str, dict[str, Any]] = {
    "trial 1": {"conv": [{"out": 16, "kernel": 7, "stride": 3, "padding": 1}]},
    "trial 6": {"conv": [{"out": 32, "kernel": 5, "stride": 2, "padding": 1}]},
    "one pixel": {"conv": [{"out": 3, "kernel": 1}]},
    "gaps": {"conv": [{"out": 5, "kernel": 4, "stride": 5, "padding": 3}]},
    "mean pooling": {"conv": [{"out": 6, "kernel": 5, "pool": 3, "pool_by": "mean"}]},
    "max pooling": {"conv": [{"out": 6, "kernel": 4, "stride": 2, "padding": 1, "pool": 2}]},
    "norm": {"conv": [{"out": 4, "kernel": 5, "norm": True}]},
    "average": {"conv": [{"out": 6, "kernel": 5, "pool": 2}], "head": "average"},
    "silu": {"conv": [{"out": 4, "kernel": 5}], "activation": "silu"},
    "gelu": {"conv": [{"out": 4, "kernel": 5}], "activation": "gelu"},
    "leaky": {"conv": [{"out": 4, "kernel": 5}], "activation": "leaky_relu"},
    "pixels": {"conv": []},
    "two classes": {"conv": [{"out": 4, "kernel": 5}], "classes": 2},
    "47 classes": {"conv": [{"out": 4, "kernel": 5}], "classes": 47},
}


@pytest.mark.parametrize("network", EXACT.values(), ids=EXACT)
def test_exact_evidence_plus_bias_is_the_difference_of_the_logits(network: dict[str, Any]) -> None:
    model = predictor(**network)
    explainer, classes = Explainer(model), len(model.classes)
    random = np.random.default_rng(0)
    for picture in (FOUR, random.integers(0, 256, (28, 28), dtype=np.uint8)):
        logits = model.predict(picture[None])[0][0]
        for digit, other in ((classes - 1, classes // 2 - 1), (0, 1)):
            evidence = explainer.explain(picture, digit, other)
            assert evidence.exact
            assert evidence.values.sum() + evidence.bias == pytest.approx(
                logits[digit] - logits[other], abs=1e-4
            )
            assert "Exact" in evidence.in_words(model.classes)


@pytest.mark.parametrize("network", EXACT.values(), ids=EXACT)
def test_what_a_place_adds_rests_on_the_pixels_that_it_is_said_to_see(
    network: dict[str, Any],
) -> None:
    explainer = Explainer(predictor(**network))
    random = np.random.default_rng(1)
    before = random.integers(0, 256, (28, 28), dtype=np.uint8)
    for row, column in ((0, 0), (13, 6), (27, 27)):
        after = before.copy()
        after[row, column] ^= 255
        first, second = (explainer.explain(picture, 1, 0) for picture in (before, after))
        low = first.start + first.stride * np.arange(len(first.values))
        sees = [(low <= at) & (at < low + first.size) for at in (row, column)]
        changed = first.values != second.values
        assert not changed[~np.outer(*sees)].any()
        assert changed.any() or not np.outer(*sees).any() or "pool" in str(network)


def test_evidence_of_pixels_is_the_gradient_times_the_pixel_by_autograd() -> None:
    torch = pytest.importorskip("torch")
    from mnistlab.training.torch import ConvNet

    network = Network.model_validate({"conv": []})
    weights = initial_weights(network, generator(3, Purpose.weights))
    model = ConvNet(network)
    model.layers.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    pixels = torch.from_numpy(FOUR[None].astype(np.float32)).requires_grad_()
    logits = model(pixels)[0]
    (gradient,) = torch.autograd.grad(logits[9] - logits[4], pixels)
    evidence = Explainer(Predictor(to_onnx(network, weights), "toy")).explain(FOUR, 9, 4)
    assert evidence.exact
    np.testing.assert_allclose(evidence.values, (gradient * pixels)[0].detach(), atol=1e-6)


def test_evidence_of_a_pooled_convolution_is_what_autograd_gives_each_place() -> None:
    torch = pytest.importorskip("torch")
    from mnistlab.training.torch import ConvNet

    conv = {"out": 6, "kernel": 5, "norm": True, "pool": 3, "pool_by": "mean"}
    network = Network.model_validate({"conv": [conv]})
    weights = initial_weights(network, generator(3, Purpose.weights))
    model = ConvNet(network).eval()
    state = model.layers.state_dict()
    learned = {name: torch.from_numpy(value) for name, value in weights.items()}
    model.layers.load_state_dict(state | learned)
    layers = dict(model.layers.named_children())
    linear = layers.pop("linear")
    features = torch.from_numpy(FOUR[None, None].astype(np.float32) / 255)
    for layer in layers.values():
        features = layer(features)
    features = features.detach().requires_grad_()
    logits = linear(features.flatten(1))[0]
    (gradient,) = torch.autograd.grad(logits[9] - logits[4], features)
    evidence = Explainer(Predictor(to_onnx(network, weights), "toy")).explain(FOUR, 9, 4)
    expected = (gradient * features)[0].sum(0).detach()
    np.testing.assert_allclose(evidence.values, expected, atol=1e-5)
    assert (evidence.start, evidence.stride, evidence.size) == (0, 3, 7)


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


def transposed() -> onnx.ModelProto:
    """Ordered as ours, but its linear layer's weights lie the other way round."""
    model = onnx.load_from_string(predictor([{"out": 10, "kernel": 28}]).content)
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    gemm.attribute[0].i = 0
    return model


@pytest.mark.parametrize("make", [dilated, transposed, onnx_model])
def test_networks_of_others_are_occluded_whatever_their_layers_are_called(
    make: Callable[[], onnx.ModelProto],
) -> None:
    explainer = Explainer(Predictor(make().SerializeToString(), "other"))
    assert not explainer.explain(FOUR, 9, 4).exact


@pytest.mark.parametrize("make", [named_otherwise, brighter])
def test_networks_of_others_are_explained_by_what_they_do(
    make: Callable[[], onnx.ModelProto],
) -> None:
    model = Predictor(make().SerializeToString(), "other")
    evidence = Explainer(model).explain(FOUR, 9, 4)
    logits = model.predict(FOUR[None])[0][0]
    assert evidence.exact
    assert evidence.values.sum() + evidence.bias == pytest.approx(logits[9] - logits[4], abs=1e-4)


def test_evidence_spread_over_pixels_keeps_its_sum_when_no_field_leaves_the_picture() -> None:
    evidence = Explainer(predictor([{"out": 8, "kernel": 4, "stride": 3}])).explain(FOUR, 9, 4)
    assert evidence.over_pixels().shape == (28, 28)
    assert evidence.over_pixels().sum() == pytest.approx(evidence.values.sum(), abs=1e-4)


@pytest.mark.parametrize(
    "network",
    [
        {"conv": [], "hidden": [16]},
        {"conv": [{"out": 4, "kernel": 5}], "hidden": [16]},
        {"conv": [{"out": 4, "kernel": 5}, {"out": 4, "kernel": 3}]},
    ],
)
def test_other_networks_are_occluded(network: dict[str, Any]) -> None:
    model = predictor(**network)
    explainer = Explainer(model)
    evidence = explainer.explain(FOUR, 9, 4)
    assert not evidence.exact
    assert "Approximate" in evidence.in_words(model.classes)
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
