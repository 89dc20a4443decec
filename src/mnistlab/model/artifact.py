"""A trained network as files that others read: safetensors for its weights, ONNX for the whole of
it.

`model.onnx` takes `pixels`, float32 (n, 28, 28) with values 0 to 255, ink high, and gives `logits`
and `probabilities`, float32 (n, 10); the division by 255 is inside, so it cannot be forgotten. The
graph is written down node by node: nothing is traced, and torch is not needed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mnistlab.book.trial import Network
from mnistlab.errors import StoreError
from mnistlab.images import CLASSES, SIDE
from mnistlab.model import Weights

OPSET, IR_VERSION = 17, 8  # old enough for ONNX Runtime 1.14 and every browser's
BATCH_NORM_EPSILON = 1e-5  # PyTorch's default


def weights_to_bytes(weights: Weights) -> bytes:
    """Weights as a safetensors file: tensors only, so the same weights always give the same
    bytes.
    """
    return save(weights)


def read_weights(path: Path) -> Weights:
    """Weights by name from a safetensors file. Raises StoreError."""
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"{path}: cannot be read as safetensors ({error}); train that run again"
        ) from None


def to_onnx(network: Network, weights: Weights, unsure_below: float | None = None) -> bytes:
    """The network with its weights as an ONNX file (contract: see the module)."""
    steps = _Steps(weights)
    steps.add("Div", "pixels", steps.constant("white", np.array(255, np.float32)))
    steps.add(
        "Reshape", steps.last, steps.constant("shape", np.array([-1, 1, SIDE, SIDE], np.int64))
    )
    for number, conv in enumerate(network.conv, 1):
        steps.add(
            "Conv", steps.last, f"conv{number}.weight", f"conv{number}.bias",
            kernel_shape=[conv.kernel] * 2, strides=[conv.stride] * 2, pads=[conv.padding] * 4,
        )  # fmt: skip
        if conv.norm:
            names = [
                f"norm{number}.{part}" for part in ("weight", "bias", "running_mean", "running_var")
            ]
            steps.add("BatchNormalization", steps.last, *names, epsilon=BATCH_NORM_EPSILON)
        steps.add("Relu", steps.last)
        if conv.pool > 1:
            steps.add("MaxPool", steps.last, kernel_shape=[conv.pool] * 2, strides=[conv.pool] * 2)
    steps.add("Flatten", steps.last)
    steps.add("Gemm", steps.last, "linear.weight", "linear.bias", output="logits", transB=1)
    steps.add("Softmax", "logits", output="probabilities", axis=1)
    content: bytes = steps.model().SerializeToString()
    return content


class _Steps:
    """ONNX nodes in a row, each working on what the one before it made."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants = [
            numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in weights.items()
        ]
        self.last = ""

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> None:
        self.last = output or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [self.last], **attributes))

    def model(self) -> onnx.ModelProto:
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", SIDE, SIDE])
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", CLASSES])
            for name in ("logits", "probabilities")
        ]
        graph = helper.make_graph(self.nodes, "mnistlab", [pixels], outputs, self.constants)
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(
            graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="mnistlab"
        )
