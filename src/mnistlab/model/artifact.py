"""A trained network as files that others read: its weights as safetensors, all of it as ONNX.

`model.onnx` takes `pixels`, float32 (n, 28, 28), or (n, 28, 28, 3) of RGB images, from 0 to 255,
and gives `logits` and `probabilities`, float32 (n, classes); the division by 255 is inside, so it
cannot be forgotten. Its metadata are `classes`, their names as a JSON list, and `unsure_below`. The
graph is written down node by node: nothing is traced, and PyTorch is not needed.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from mnistlab.book.trial import Network
from mnistlab.images import DIGITS, SIDE, Task
from mnistlab.model import Weights

OPSET, IR_VERSION = 17, 8  # old enough for ONNX Runtime 1.14 and every browser's
BATCH_NORM_EPSILON = 1e-5  # PyTorch's default


def weights_to_bytes(weights: Weights) -> bytes:
    """Weights as a safetensors file: tensors only, so that equal weights give equal bytes."""
    return save(weights)


def to_onnx(
    network: Network, weights: Weights, unsure_below: float | None = None,
    classes: Sequence[str] = DIGITS, channels: int = 1,
) -> bytes:  # fmt: skip
    """The network as an ONNX file; a prediction less confident than `unsure_below` is unsure."""
    steps = _Steps(weights)
    steps.add("Div", "pixels", steps.constant("white", np.array(255, np.float32)))
    if channels == 1:
        shape = steps.constant("shape", np.array([-1, 1, SIDE, SIDE], np.int64))
        steps.add("Reshape", steps.last, shape)
    else:
        steps.add("Transpose", steps.last, perm=[0, 3, 1, 2])
    for number, conv in enumerate(network.conv, 1):
        steps.add(
            "Conv", steps.last, f"conv{number}.weight", f"conv{number}.bias",
            kernel_shape=[conv.kernel] * 2, strides=[conv.stride] * 2, pads=[conv.padding] * 4,
        )  # fmt: skip
        if conv.norm:
            parts = ("weight", "bias", "running_mean", "running_var")
            names = [f"norm{number}.{part}" for part in parts]
            steps.add("BatchNormalization", steps.last, *names, epsilon=BATCH_NORM_EPSILON)
        steps.activate(network.activation)
        if conv.pool > 1:
            pool = "MaxPool" if conv.pool_by == "max" else "AveragePool"
            steps.add(pool, steps.last, kernel_shape=[conv.pool] * 2, strides=[conv.pool] * 2)
    if network.head == "average":
        steps.add("GlobalAveragePool", steps.last)
    steps.add("Flatten", steps.last)
    for number in range(1, len(network.hidden) + 1):
        steps.add("Gemm", steps.last, f"hidden{number}.weight", f"hidden{number}.bias", transB=1)
        steps.activate(network.activation)
    steps.add("Gemm", steps.last, "linear.weight", "linear.bias", output="logits", transB=1)
    steps.add("Softmax", "logits", output="probabilities", axis=1)
    model = steps.model(Task(channels, len(classes)))
    helper.set_model_props(model, metadata(classes, unsure_below))
    return bytes(model.SerializeToString())


def metadata(classes: Sequence[str], unsure_below: float | None) -> dict[str, str]:
    """What an ONNX file says of its answers, by key."""
    about = {"classes": json.dumps(list(classes))}
    return about if unsure_below is None else about | {"unsure_below": str(unsure_below)}


class _Steps:
    """ONNX nodes in a row, each working on what the one before it made."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.last = ""
        for name, value in weights.items():
            self.constant(name, np.ascontiguousarray(value))

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> None:
        self.last = output or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [self.last], **attributes))

    def activate(self, activation: str) -> None:
        """Apply an activation; those that this version of ONNX does not have are written out."""
        given = self.last
        match activation:
            case "leaky_relu":
                self.add("LeakyRelu", given, alpha=0.01)
            case "silu":
                self.add("Sigmoid", given)
                self.add("Mul", given, self.last)
            case "gelu":  # x · (1 + erf(x/√2)) / 2
                self.add("Div", given, self.number("root", 2**0.5))
                self.add("Erf", self.last)
                self.add("Add", self.last, self.number("one", 1))
                self.add("Mul", self.last, self.number("half", 0.5))
                self.add("Mul", given, self.last)
            case _:
                self.add({"relu": "Relu", "tanh": "Tanh"}[activation], given)

    def number(self, name: str, value: float) -> str:
        known = any(constant.name == name for constant in self.constants)
        return name if known else self.constant(name, np.array(value, np.float32))

    def model(self, task: Task) -> onnx.ModelProto:
        def floats(name: str, *shape: int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

        pixels, outputs = floats("pixels", *task.picture()), ("logits", "probabilities")
        given = [floats(name, task.classes) for name in outputs]
        graph = helper.make_graph(self.nodes, "mnistlab", [pixels], given, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        about = {"ir_version": IR_VERSION, "producer_name": "mnistlab"}
        return helper.make_model(graph, opset_imports=opsets, **about)
