"""Whether a model from elsewhere may be run: it is read, and its work bounded, before it runs.

Only plain operators are allowed, which do the same work for every picture, and the sizes of all
that they make must follow from the file. So no model can go on for ever, fill the memory, or reach
for another file.
"""

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from mnistlab.errors import StoreError, one_line

OPERATORS = {
    "Abs", "Add", "And", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Celu", "Clip",
    "Concat", "Conv", "Cos", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp",
    "Expand", "Flatten", "Floor", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool",
    "Greater", "GreaterOrEqual", "GroupNormalization", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log",
    "LogSoftmax", "MatMul", "Max", "MaxPool", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or",
    "PRelu", "Pad", "Pow", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape",
    "Resize", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Slice", "Softmax", "Softplus",
    "Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Tile", "Transpose",
    "Unsqueeze", "Where",
}  # fmt: skip
ENLARGING = {"Expand", "Pad", "Resize", "Tile"}  # their inputs after the first say by how much
MIN_OPSET = 9
MAX_NODES = 500
MAX_NUMBERS = 20_000_000  # in all that the layers make of one picture
MAX_WORK = 10_000_000_000  # multiplications for one picture: a second at most on one core
RESIZED = 16  # pixels that cubic interpolation takes into account

Shape = tuple[int, ...]


def check_model(content: bytes, place: str) -> None:
    """Raise StoreError, naming `place`, unless `content` is an ONNX model that is safe to run."""
    try:
        fault = next(_faults(onnx.load_from_string(content)), None)
    except Exception as error:  # of protobuf, onnx, or a model that lacks what it says it has
        fault = f"not an ONNX model ({error})"
    if fault is not None:
        raise StoreError(f"{place}: {one_line(fault)[:200]}; give a model.onnx of a run")


def _faults(model: onnx.ModelProto) -> Iterator[str]:
    yield from _faults_of_form(model)
    yield from _faults_of_sizes(model.graph)
    shapes = _shapes_of_one_picture(model)
    made = [name for node in model.graph.node for name in node.output if name]
    yield from (f"the size of {name} cannot be told" for name in made if name not in shapes)
    if (numbers := sum(prod(shapes[name]) for name in made)) > MAX_NUMBERS:
        yield f"makes {numbers:,} numbers of one picture, at most {MAX_NUMBERS:,}"
    if (work := sum(_work(node, shapes) for node in model.graph.node)) > MAX_WORK:
        yield f"needs {work:,} multiplications per picture, at most {MAX_WORK:,}"


def _faults_of_form(model: onnx.ModelProto) -> Iterator[str]:
    graph, newest = model.graph, onnx.defs.onnx_opset_version()
    if not graph.node:
        yield "not an ONNX model (it has no layers)"
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx") or not MIN_OPSET <= opset.version <= newest:
            name = f"{opset.domain or 'ai.onnx'} {opset.version}"
            yield f"is written in {name}, not in ai.onnx {MIN_OPSET} to {newest}"
    operators = {node.op_type for node in graph.node if node.domain in ("", "ai.onnx")}
    if others := sorted(operators - OPERATORS):
        verb = "is" if len(others) == 1 else "are"
        yield f"has {', '.join(others)}, which {verb} not among the plain operators that are run"
    if model.functions or any(node.domain not in ("", "ai.onnx") for node in graph.node):
        yield "has operators of its own, which are not run"
    if len(graph.node) > MAX_NODES:
        yield f"has {len(graph.node):,} layers, at most {MAX_NODES}"
    if graph.sparse_initializer or any(each.external_data for each in graph.initializer):
        yield "keeps weights in other files or sparsely"
    types = [each.i for node in graph.node for each in node.attribute if each.name == "to"]
    if onnx.TensorProto.STRING in types:
        yield "writes its numbers out as texts"


def _faults_of_sizes(graph: onnx.GraphProto) -> Iterator[str]:
    """Faults that the sizes for one picture do not show: that another number of pictures makes
    something huge, or that a sum of sizes is beyond 64 bits and looks small.
    """
    arrays = {array.name: array for array in graph.initializer}
    for node in graph.node:
        given = node.input[1:] if node.op_type in ENLARGING else ()
        if not arrays.keys() >= {*given} - {""}:
            yield f"the size of {node.output[0]} cannot be told"
        values = (numpy_helper.to_array(arrays[name]) for name in given if name)
        sizes = [each.ints for each in node.attribute] + [
            it for it in values if it.dtype.kind == "i"
        ]
        if any(abs(int(size)) > MAX_NUMBERS for each in sizes for size in np.ravel(each)):
            yield f"makes more than {MAX_NUMBERS:,} numbers of one picture"


def _shapes_of_one_picture(model: onnx.ModelProto) -> dict[str, Shape]:
    """The shape of every weight and of all that layers make of one picture, as far as known.

    What the file itself says of these sizes is not believed. Raises what onnx raises.
    """
    graph = model.graph
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    for given in graph.input:
        if given.type.tensor_type.shape.dim:
            given.type.tensor_type.shape.dim[0].dim_value = 1
    found = shape_inference.infer_shapes(model, strict_mode=True).graph
    shapes = {array.name: tuple(array.dims) for array in graph.initializer}
    for value in (*found.input, *found.value_info, *found.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim):
            shapes[value.name] = tuple(d.dim_value for d in tensor.shape.dim)
    return {name: shape for name, shape in shapes.items() if min(shape, default=0) >= 0}


def _work(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int:
    """How many multiplications, or steps like them, a layer does at most for one picture."""
    numbers = prod(shapes[node.output[0]])
    if node.op_type == "MatMul":
        return numbers * shapes[node.input[0]][-1]
    if node.op_type in ("Conv", "Gemm"):
        weights = shapes[node.input[1]]
        outputs = weights[0] if node.op_type == "Conv" else shapes[node.output[0]][-1]
        return numbers * prod(weights) // max(1, outputs)
    kernels = [prod(each.ints) for each in node.attribute if each.name == "kernel_shape"]
    read = sum(prod(shapes.get(name, ())) for name in node.input)
    if node.op_type == "Resize":  # of 4×4 pixels at most, or, where it is made smaller, from them
        return RESIZED * (numbers + read)
    return numbers * max(kernels, default=1) + read
