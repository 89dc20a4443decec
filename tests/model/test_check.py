"""Models from elsewhere: refused in one line, and quickly, whatever they would do when run."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mnistlab.book.reading import read_book, shipped_books
from mnistlab.book.trial import Network
from mnistlab.errors import StoreError
from mnistlab.model.artifact import to_onnx
from mnistlab.model.check import MAX_NODES, check_model
from mnistlab.model.network import initial_weights
from mnistlab.model.predictor import Predictor, shipped_model
from mnistlab.randomness import Purpose, generator
from tests.model.other_models import FLATTEN, HEAD, endless_loop, onnx_model

SHAPE = {"shape": np.array([-1, 1, 28, 28])}
RESHAPE = helper.make_node("Reshape", ["pixels", "shape"], ["image"])
FLATTEN_IMAGE = helper.make_node("Flatten", ["image"], ["flat"])


def in_another_file() -> onnx.ModelProto:
    model = onnx_model()
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    return model


def wide_padding() -> onnx.ModelProto:
    """A convolution of a picture with 40,000 pixels of padding on every side."""
    conv = helper.make_node("Conv", ["image", "filter"], ["wide"], pads=[40_000] * 4)
    weights = SHAPE | {"filter": np.ones((1, 1, 3, 3), np.float32)}
    return onnx_model([RESHAPE, conv, FLATTEN, *HEAD], weights)


def doubling() -> onnx.ModelProto:
    """Every layer joins the one before it to itself, forty times."""
    names = ["flat", *(f"twice{i}" for i in range(40))]
    pairs = pairwise(names)
    joins = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in pairs]
    return onnx_model([FLATTEN, *joins, *HEAD])


def much_work() -> onnx.ModelProto:
    """Forty convolutions of 512 filters: 1.8 billion multiplications each."""
    weights = SHAPE | {
        "first": np.zeros((512, 1, 1, 1), np.float32),
        "filters": np.zeros((512, 512, 3, 3), np.float32),
    }
    names = ["deep", *(f"deep{i}" for i in range(40))]
    nodes = [RESHAPE, helper.make_node("Conv", ["image", "first"], ["deep"])]
    for a, b in pairwise(names):
        nodes.append(helper.make_node("Conv", [a, "filters"], [b], pads=[1] * 4))
    return onnx_model([*nodes, FLATTEN, *HEAD], weights)


def of_unknown_size() -> onnx.ModelProto:
    """A layer whose size is known only when it is run."""
    mean = helper.make_node("ReduceMean", ["shapes"], ["size"], axes=[0], keepdims=0)
    reshape = helper.make_node("Reshape", ["pixels", "size"], ["image"])
    weights = {"shapes": np.array([[-1, 1, 28, 28]] * 2)}
    return onnx_model([mean, reshape, FLATTEN_IMAGE, *HEAD], weights)


def of_claimed_size() -> onnx.ModelProto:
    """The same in a file that says how large that layer is."""
    model = of_unknown_size()
    claimed = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 28, 28])
    model.graph.value_info.append(claimed)
    return model


def of_claimed_output() -> onnx.ModelProto:
    """The logits' size is known only when they are made; the file says ten."""
    mean = helper.make_node("ReduceMean", ["shapes"], ["size"], axes=[0], keepdims=0)
    product = helper.make_node("MatMul", ["flat", "linear"], ["numbers"])
    reshape = helper.make_node("Reshape", ["numbers", "size"], ["logits"])
    shapes = {"shapes": np.array([[-1, 10]] * 2)}
    model = onnx_model([FLATTEN, mean, product, reshape, HEAD[1]], shapes)
    for output in model.graph.output:
        claimed = helper.make_tensor_value_info(output.name, TensorProto.FLOAT, [1, 10])
        output.CopyFrom(claimed)
    return model


def wide(operator: str, *sizes: Any) -> onnx.ModelProto:
    """A picture enlarged by constants."""
    names = [f"by{number}" for number in range(len(sizes))]
    node = helper.make_node(operator, ["image", *names], ["wide"])
    weights = dict(zip(names, map(np.array, sizes), strict=True))
    return onnx_model([RESHAPE, node, FLATTEN, *HEAD], SHAPE | weights)


def resized() -> onnx.ModelProto:
    return wide("Resize", [], np.array([1, 1, 500, 500], np.float32))


def enlarged_by_a_computed_size(operator: str) -> onnx.ModelProto:
    """Of one picture nothing is made, of two 10¹²: the sizes for one are not all there is."""
    none = np.ones((0, 28, 28), np.float32)
    nodes = [
        helper.make_node("ReduceSum", ["pixels"], ["size"], keepdims=0),
        helper.make_node("Cast", ["size"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "one"], ["list"]),
        helper.make_node(operator, ["none", "list"], ["wide"]),
    ]
    return onnx_model([*nodes, FLATTEN, *HEAD], {"none": none[0:0, 0, 0], "one": np.array([1])})


def sizes_that_double() -> onnx.ModelProto:
    """Whole numbers, of which sizes could be made, joined to themselves forty times."""
    names = ["numbers", *(f"twice{i}" for i in range(40))]
    joins = [helper.make_node("Concat", [a, a], [b], axis=0) for a, b in pairwise(names)]
    return onnx_model([*joins, FLATTEN, *HEAD], {"numbers": np.array([1, 2, 3, 4])})


def texts() -> onnx.ModelProto:
    cast = helper.make_node("Cast", ["pixels"], ["texts"], to=TensorProto.STRING)
    return onnx_model([cast, FLATTEN, *HEAD])


def attention(times: int) -> onnx.ModelProto:
    """Eight heads' 100×1000 numbers with 1000×100 others: 80 million multiplications a time."""
    both = [helper.make_node("MatMul", ["queries", "keys"], [f"a{i}"]) for i in range(times)]
    heads = {"queries": np.zeros((8, 100, 1000), np.float32)}
    heads["keys"] = heads["queries"].transpose(0, 2, 1)
    return onnx_model([*both, FLATTEN, *HEAD], heads)


def many_layers() -> onnx.ModelProto:
    names = ["flat", *(f"same{i}" for i in range(MAX_NODES))]
    pairs = pairwise(names)
    return onnx_model([FLATTEN, *(helper.make_node("Relu", [a], [b]) for a, b in pairs), *HEAD])


def sparse() -> onnx.ModelProto:
    model = onnx_model()
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("s_at", TensorProto.INT64, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [10**12]))
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (endless_loop, "has Loop, which is not among the plain operators that are run"),
        (in_another_file, "in other files"),
        (sparse, "in other files or sparsely"),
        (wide_padding, "numbers of one picture"),
        (doubling, "numbers of one picture"),
        (lambda: wide("Pad", [0, 0, 9999, 9999] * 2), "numbers of one picture"),
        (lambda: wide("Pad", [0, 0, 0, 2**63 - 1] * 2), "numbers of one picture"),
        (lambda: wide("Expand", [1, 40_000, 28, 28]), "numbers of one picture"),
        (lambda: wide("Tile", [1, 1, 1, 2**62]), "numbers of one picture"),
        (resized, "numbers of one picture"),
        (lambda: enlarged_by_a_computed_size("Expand"), "the size of wide cannot be told"),
        (lambda: enlarged_by_a_computed_size("Tile"), "the size of wide cannot be told"),
        (sizes_that_double, "numbers of one picture"),
        (texts, "writes its numbers out as texts"),
        (much_work, "multiplications per picture"),
        (lambda: attention(126), "multiplications per picture"),
        (many_layers, "layers, at most"),
        (of_unknown_size, "the size of image cannot be told"),
        (of_claimed_size, "the size of image cannot be told"),
        (of_claimed_output, "the size of logits cannot be told"),
        (lambda: onnx_model(domain="com.example"), "is written in com.example 17"),
        (lambda: onnx_model(opset=10**6), r"ai\.onnx 1000000"),
        (lambda: onnx_model([helper.make_node("If", ["pixels"], ["flat"]), *HEAD]), "has If"),
        (
            lambda: onnx_model([helper.make_node("Relu", ["pixels"], ["flat"], domain="x.y")]),
            "operators of its own",
        ),
        (lambda: onnx_model([]), "no layers"),
        (lambda: onnx_model([helper.make_node("Conv", [], [])]), "not an ONNX model"),
    ],
)  # fmt: skip
def test_what_could_run_for_ever_or_reach_out_is_refused_quickly(
    make: Callable[[], onnx.ModelProto], said: str
) -> None:
    content, started = make().SerializeToString(), time.perf_counter()
    with pytest.raises(StoreError, match=said) as caught:
        check_model(content, "some/model.onnx")
    assert time.perf_counter() - started < 2
    assert str(caught.value).startswith("some/model.onnx: ")
    assert "\n" not in str(caught.value)


def test_the_work_of_heads_is_theirs_alone() -> None:
    check_model(attention(124).SerializeToString(), "attention")


def test_the_lab_can_run_what_it_writes_itself() -> None:
    check_model(shipped_model().content, "drawing")
    for network in {trial.network for name in shipped_books() for trial in read_book(name).trials}:
        weights = initial_weights(network, generator(0, Purpose.weights))
        check_model(to_onnx(network, weights), "model.onnx")
    check_model(to_onnx(*empty_network()), "model.onnx")


def empty_network() -> tuple[Network, dict[str, np.ndarray]]:
    network = Network(conv=())
    return network, initial_weights(network, generator(0, Purpose.weights))


def test_a_plain_model_of_others_runs() -> None:
    content = onnx_model().SerializeToString()
    check_model(content, "other")
    assert np.allclose(Predictor(content, "other").predict(np.zeros((3, 28, 28)))[1], 0.1)
