"""Evidence: where in the picture a network sees one digit rather than another.

Of one convolution, ReLU and a linear layer without pooling, the difference of two logits is exactly
b_a - b_b + sum over positions p and filters f of (W_a - W_b)[f, p] · relu(conv(x))[f, p]; summed
over the filters, it is a map. Of any other network the map is occlusion's, an approximation: what
erasing a small patch takes away (Zeiler and Fergus, "Visualizing and understanding convolutional
networks", ECCV 2014).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mnistlab.errors import StoreError
from mnistlab.images import CLASSES, SIDE
from mnistlab.model.predictor import Predictor

PATCH, STRIDE = 4, 2  # pixels: what occlusion erases, and how far apart the erased patches lie
ONE_CONVOLUTION = ["Div", "Reshape", "Conv", "Relu", "Flatten", "Gemm", "Softmax"]

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Why `digit` and not `other`: `values` (h, w) of logit, positive where they speak for `digit`.

    The value at (i, j) belongs to the `size`×`size` pixels whose upper left one is (`start` +
    i·`stride`, `start` + j·`stride`). If `exact`, `bias` plus the sum of all values is the
    difference of the logits.
    """

    digit: int
    other: int
    values: Map
    bias: float
    exact: bool
    start: int
    stride: int
    size: int

    def in_words(self) -> str:
        """What the colours mean."""
        colours = f"Orange speaks for {self.digit}, blue for {self.other}."
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
        self.model, self.layers = model, _one_convolution(model)

    def explain(self, picture: npt.NDArray[Any], digit: int, other: int) -> Evidence:
        """Why `digit` and not `other`, of a picture (28, 28) with values 0 to 255."""
        if self.layers is not None:
            return _exact(self.layers, picture, digit, other)
        return _occlusion(self.model, picture, digit, other)


@dataclass(frozen=True, eq=False)
class _Layers:
    filters: Map  # (f, k, k)
    offsets: Map  # (f,)
    linear: Map  # (10, f, h, w)
    biases: Map  # (10,)
    stride: int
    padding: int


def _one_convolution(model: Predictor) -> _Layers | None:
    """The weights of a network of one convolution and no pooling; None for any other.

    They are tried on a picture: what a file calls its layers is not what they are.
    """
    picture = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 256
    try:
        logits = model.predict(picture[None])[0][0]
        layers = _read_layers(model.content)
        found = [_exact(layers, picture, digit, 0) for digit in range(CLASSES)]
    except (LookupError, ValueError, StoreError):  # other layers, or other names or shapes
        return None
    differences = [evidence.values.sum() + evidence.bias for evidence in found]
    return layers if np.allclose(differences, logits - logits[0], atol=1e-2) else None


def _read_layers(content: bytes) -> _Layers:
    """The layers as `to_onnx` names them. Raises LookupError or ValueError for any others."""
    import onnx
    from onnx import helper, numpy_helper

    graph = onnx.load_from_string(content).graph
    if [node.op_type for node in graph.node] != ONE_CONVOLUTION:
        raise LookupError
    arrays = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    convolution = graph.node[ONE_CONVOLUTION.index("Conv")]
    settings = {each.name: helper.get_attribute_value(each) for each in convolution.attribute}
    filters, linear = arrays["conv1.weight"][:, 0], arrays["linear.weight"]
    stride, padding = settings["strides"][0], settings["pads"][0]
    side = (SIDE + 2 * padding - filters.shape[-1]) // stride + 1
    linear = linear.reshape(len(linear), len(filters), side, side)
    return _Layers(filters, arrays["conv1.bias"], linear, arrays["linear.bias"], stride, padding)


def _exact(layers: _Layers, picture: npt.NDArray[Any], digit: int, other: int) -> Evidence:
    kernel = layers.filters.shape[-1]
    padded = np.pad(picture.astype(np.float32) / 255, layers.padding)
    windows = sliding_window_view(padded, (kernel, kernel))[:: layers.stride, :: layers.stride]
    responses = np.einsum("hwkl,fkl->fhw", windows, layers.filters) + layers.offsets[:, None, None]
    values = ((layers.linear[digit] - layers.linear[other]) * np.maximum(responses, 0)).sum(axis=0)
    bias = float(layers.biases[digit] - layers.biases[other])
    return Evidence(digit, other, values, bias, True, -layers.padding, layers.stride, kernel)


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
