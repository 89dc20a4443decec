"""The predictor: what it answers, what it refuses, and that it needs no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mnistlab.book.trial import Network
from mnistlab.errors import StoreError
from mnistlab.model.artifact import to_onnx
from mnistlab.model.network import initial_weights
from mnistlab.model.predictor import Guess, Predictor, open_model, shipped_model
from mnistlab.randomness import Purpose, generator

SMALL = Network.model_validate(
    {"conv": [{"out": 4, "kernel": 5, "stride": 2, "norm": True}], "dropout": 0.1}
)


WEIGHTS = initial_weights(SMALL, generator(0, Purpose.weights))


def some_model(
    kind: str = "float", side: int = 28, classes: int = 10, outputs: tuple[str, ...] = ()
) -> bytes:
    """A model that multiplies pixels by zeros: right in form only if its arguments are."""
    dtype = TensorProto.FLOAT if kind == "float" else TensorProto.DOUBLE
    numpy_type = np.float32 if kind == "float" else np.float64
    names = outputs or ("logits", "probabilities")
    zeros = onnx.numpy_helper.from_array(np.zeros((side * side, classes), numpy_type), "zeros")
    nodes = [helper.make_node("Flatten", ["pixels"], ["flat"])]
    nodes += [helper.make_node("MatMul", ["flat", "zeros"], [name]) for name in names]
    given = [helper.make_tensor_value_info("pixels", dtype, ["n", side, side])]
    taken = [helper.make_tensor_value_info(name, dtype, ["n", classes]) for name in names]
    graph = helper.make_graph(nodes, "toy", given, taken, [zeros])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    from mnistlab.training.torch import ConvNet

    network = ConvNet(SMALL).eval()
    new = {name: torch.from_numpy(value) for name, value in WEIGHTS.items()}
    network.layers.load_state_dict(network.layers.state_dict() | new)
    pixels = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
    logits, probabilities = Predictor(to_onnx(SMALL, WEIGHTS), "small").predict(pixels)
    with torch.no_grad():
        expected = network(torch.from_numpy(pixels))
    assert np.abs(logits - expected.numpy()).max() < 1e-4
    assert np.abs(probabilities - expected.softmax(1).numpy()).max() < 1e-5


def test_a_guess() -> None:
    guess = Guess(np.array([0, 0.3, 0, 0, 0, 0, 0, 0, 0, 0.7], np.float32))
    assert (guess.digit, guess.runner_up, guess.unsure) == (9, 1, True)
    sure = Guess(np.eye(10, dtype=np.float32)[4])
    assert (sure.digit, sure.unsure) == (4, False)


def test_nothing_is_guessed_of_a_blank_picture() -> None:
    assert shipped_model().guess(np.zeros((28, 28), np.uint8)) is None


def test_the_shipped_model_is_small_and_reads_a_plain_one() -> None:
    model = shipped_model()
    assert len(model.content) <= 500_000
    one = np.zeros((28, 28), np.uint8)
    one[4:24, 13:15] = 255
    guess = model.guess(one)
    assert guess is not None
    assert guess.digit == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a model",
        b"\x08\x08" + bytes(1000),
        some_model(side=32),
        some_model(classes=11),
        some_model("double"),
        some_model(outputs=("a", "b")),
    ],
    ids=["empty", "text", "bytes", "side", "classes", "type", "outputs"],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"model\.onnx") as caught:
        open_model(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_huge_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        open_model(tmp_path / "none.onnx")
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(StoreError, match="larger than"):
        open_model(tmp_path / "huge.onnx")


def test_predicting_loads_neither_torch_nor_matplotlib() -> None:
    script = (
        "import sys, numpy as np\n"
        "from mnistlab.model.predictor import shipped_model\n"
        "from mnistlab.data.framing import frame_strokes\n"
        "shipped_model().guess(frame_strokes([np.array([[0, 0], [0, 9]])]))\n"
        "print([name for name in ('torch', 'matplotlib', 'sklearn', 'onnx') if name in "
        "sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
