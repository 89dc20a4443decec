"""ONNX models that others could have made: right in form, or wrong in one way."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

OUTPUTS = ("logits", "probabilities")
HEAD = [
    helper.make_node("MatMul", ["flat", "linear"], ["logits"]),
    helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
]
FLATTEN = helper.make_node("Flatten", ["pixels"], ["flat"])


def onnx_model(
    nodes: Sequence[NodeProto] = (FLATTEN, *HEAD),
    weights: Mapping[str, Any] | None = None,
    *,
    n: int | str = "n", side: int = 28, classes: int = 10, kind: type = np.float32,
    outputs: Sequence[str] = OUTPUTS, opset: int = 17, domain: str = "", about: str | None = None,
) -> onnx.ModelProto:  # fmt: skip
    """A model of pixels (n, side, side); by default a linear layer of zeros without a bias."""
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    arrays = {"linear": np.zeros((side * side, classes), kind)} | dict(weights or {})
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()]
    given = [helper.make_tensor_value_info("pixels", element, [n, side, side])]
    taken = [helper.make_tensor_value_info(name, element, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "other", given, taken, tensors)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(domain, opset)], ir_version=8
    )
    if about is not None:
        helper.set_model_props(model, {"unsure_below": about})
    return model


def endless_loop() -> onnx.ModelProto:
    """A model that counts to 2⁶³ before it answers."""
    pixels = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 784])
    going = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
    number = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    same = [helper.make_node("Identity", [a], [b]) for a, b in (("going", "on"), ("x", "y"))]
    results = [helper.make_tensor_value_info("on", TensorProto.BOOL, []),
               helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 784])]  # fmt: skip
    body = helper.make_graph(same, "body", [number, going, pixels], results)
    first = helper.make_node("Flatten", ["pixels"], ["first"])
    loop = helper.make_node("Loop", ["count", "yes", "first"], ["flat"], body=body)
    weights = {"count": np.int64(2**63 - 1), "yes": np.bool_(True)}
    return onnx_model([first, loop, *HEAD], weights)
