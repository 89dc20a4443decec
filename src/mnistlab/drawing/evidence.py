"""Evidence: where in the picture a network sees one class rather than another.

Of a network with one linear layer and at most one convolution, the difference of two logits is
exactly b_a - b_b + sum over positions p and features f of (W_a - W_b)[f, p] · features(x)[f, p]:
the features are what the linear layer is given, pixels or what batch-norm, activation and pooling
make of the convolution. Summed over the features, it is a map. Of any other network the map is
occlusion's, an approximation: what erasing a small patch takes away (Zeiler and Fergus,
"Visualizing and understanding convolutional networks", ECCV 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.errors import StoreError
from mnistlab.images import SIDE
from mnistlab.model.predictor import Predictor

PATCH, STRIDE = 4, 2  # pixels: what occlusion erases, and how far apart the erased patches lie
PLACE_BY_PLACE = {  # what these make of a place rests on the pixels around it
    "Add", "AveragePool", "BatchNormalization", "Conv", "Div", "Erf", "LeakyRelu", "MaxPool", "Mul",
    "Relu", "Sigmoid", "Tanh",
}  # fmt: skip
MAX_DIFFERENCE = 1e-2  # of logits, between an exact sum and what the network gives

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Why `digit` and not `other`: `values` (h, w) of logit, positive where they speak for `digit`.

    Both are places among the classes. The value at (i, j) belongs to the `size`×`size` pixels whose
    upper left one is (`start` + i·`stride`, `start` + j·`stride`). If `exact`, `bias` plus the sum
    of all values is the difference of the logits.
    """

    digit: int
    other: int
    values: Map
    bias: float
    exact: bool
    start: int
    stride: int
    size: int

    def in_words(self, classes: Sequence[str]) -> str:
        """What the colours mean; `classes` are the names of the classes."""
        colours = f"Orange speaks for {classes[self.digit]}, blue for {classes[self.other]}."
        if not self.exact:
            return f"{colours} Approximate: what erasing each small patch takes away."
        total = float(self.values.sum())
        sums = f"{total:+.2f}, with the bias {total + self.bias:+.2f} of logit"
        return f"{colours} Exact: they add up to {sums}."

    def over_pixels(self) -> Map:
        """The evidence as (28, 28), each value shared out evenly over its pixels.

        What falls outside the picture is left out.
        """
        margin = max(0, -self.start) + self.size
        field = np.zeros((SIDE + 2 * margin, SIDE + 2 * margin), np.float32)
        shares = self.values / self.size**2
        for i, j in np.ndindex(self.values.shape):
            top, left = (margin + self.start + place * self.stride for place in (i, j))
            field[top : top + self.size, left : left + self.size] += shares[i, j]
        return field[margin : margin + SIDE, margin : margin + SIDE]


class Explainer:
    """Finds the evidence in what one model says; exact where the network allows it."""

    def __init__(self, model: Predictor) -> None:
        self.model, self.sum = model, _exact_sum(model)

    def explain(self, picture: npt.NDArray[Any], digit: int, other: int) -> Evidence:
        """Why `digit` and not `other`, of a picture (28, 28) with values 0 to 255."""
        if self.sum is not None:
            return self.sum.evidence(picture, digit, other)
        return _occlusion(self.model, picture, digit, other)


@dataclass(frozen=True, eq=False)
class _Sum:
    """Logits as weighted sums over places, each of which sees `size`×`size` pixels."""

    model: Predictor  # which gives the features too
    features: str
    weights: Map  # (classes, f, h, w), or (classes, f, 1, 1) where all places weigh the same
    biases: Map  # (classes,)
    start: int
    stride: int
    size: int

    def evidence(self, picture: npt.NDArray[Any], digit: int, other: int) -> Evidence:
        weights = self.weights[digit] - self.weights[other]
        values = (weights * self.features_of(picture)).sum(axis=0)
        bias = float(self.biases[digit] - self.biases[other])
        return Evidence(digit, other, values, bias, True, self.start, self.stride, self.size)

    def features_of(self, picture: npt.NDArray[Any]) -> Map:
        given = {"pixels": picture[None].astype(np.float32)}
        found: Map = self.model.session.run([self.features], given)[0][0]
        return found

    def logits(self, picture: npt.NDArray[Any]) -> Map:
        products = self.weights * self.features_of(picture)
        return np.asarray(products.sum(axis=(1, 2, 3)) + self.biases)


def _exact_sum(model: Predictor) -> _Sum | None:
    """The sum that the model's logits are; None if they are none over places of the picture.

    It is tried on a picture: what a file calls its layers is not what they are.
    """
    picture = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 256
    try:
        found = _read_sum(model)
        away = np.abs(found.logits(picture) - model.predict(picture[None])[0][0])
    except (LookupError, ValueError, StoreError):  # other layers, or other shapes
        return None
    return found if away.max() < MAX_DIFFERENCE else None


def _read_sum(model: Predictor) -> _Sum:
    """The layers as `to_onnx` orders them. Raises LookupError or ValueError for any others."""
    import onnx
    from onnx import numpy_helper

    file = onnx.load_from_string(model.content)
    *before, flatten, linear, softmax = file.graph.node
    averaged = before[-1].op_type == "GlobalAveragePool"
    features = (before.pop() if averaged else flatten).input[0]
    operators = [node.op_type for node in (*before, flatten, linear, softmax)]
    if operators[:2] + operators[-3:] != ["Div", "Reshape", "Flatten", "Gemm", "Softmax"]:
        raise LookupError
    if operators.count("Conv") > 1 or set(operators[2:-3]) - PLACE_BY_PLACE:
        raise LookupError
    arrays = {array.name: numpy_helper.to_array(array) for array in file.graph.initializer}
    weights, biases = (arrays[name] for name in linear.input[1:])
    file.graph.output.append(onnx.ValueInfoProto(name=features))
    again = Predictor(file.SerializeToString(), model.name)
    start, stride, size = _field(before)
    side = (SIDE - 2 * start - size) // stride + 1
    shape = (len(weights), -1, *((1, 1) if averaged else (side, side)))
    each: Map = weights.reshape(shape) * np.float32(1 / side**2 if averaged else 1)
    return _Sum(again, features, each, biases, start, stride, size)


def _field(nodes: Sequence[Any]) -> tuple[int, int, int]:
    """The pixels that one place sees: where the first ones start, how far apart, how many."""
    from onnx import helper

    start, stride, size = 0, 1, 1
    for node in nodes:
        settings = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        if "kernel_shape" in settings:
            if settings.keys() - {"kernel_shape", "strides", "pads"}:
                raise LookupError
            start -= stride * settings.get("pads", [0])[0]
            size += stride * (settings["kernel_shape"][0] - 1)
            stride *= settings["strides"][0]
    return start, stride, size


def _occlusion(model: Predictor, picture: npt.NDArray[Any], digit: int, other: int) -> Evidence:
    starts = range(1 - STRIDE, SIDE - PATCH + STRIDE, STRIDE)
    erased = np.repeat(picture[None].astype(np.float32), len(starts) ** 2, axis=0)
    for number, (top, left) in enumerate((top, left) for top in starts for left in starts):
        erased[number, max(0, top) : top + PATCH, max(0, left) : left + PATCH] = 0
    marked = (erased != picture).any(axis=(1, 2))  # a patch without ink changes nothing
    logits = model.predict(np.concatenate([picture[None].astype(np.float32), erased[marked]]))[0]
    differences = logits[:, digit] - logits[:, other]
    values = np.zeros((len(starts), len(starts)), np.float32)
    values.flat[marked] = differences[0] - differences[1:]
    return Evidence(digit, other, values, float("nan"), False, starts[0], STRIDE, PATCH)
