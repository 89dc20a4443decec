"""The predictor: what it answers, what it refuses, and that it needs no torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from mnistlab.book.trial import Network
from mnistlab.errors import StoreError
from mnistlab.images import Task
from mnistlab.model.artifact import to_onnx
from mnistlab.model.network import initial_weights
from mnistlab.model.predictor import Guess, Predictor, open_model, shipped_model
from mnistlab.randomness import Purpose, generator
from tests.model.other_models import FLATTEN, HEAD, endless_loop, onnx_model

SMALL = Network.model_validate(
    {"conv": [{"out": 4, "kernel": 5, "stride": 2, "norm": True}], "dropout": 0.1}
)
NAN = np.float32("nan")
WEIGHTS = initial_weights(SMALL, generator(0, Purpose.weights))


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


def test_a_guess_is_unsure_below_the_threshold_of_its_model() -> None:
    probabilities = np.array([0, 0.3, 0, 0, 0, 0, 0, 0, 0, 0.7], np.float32)
    guess = Guess(probabilities, unsure_below=0.8)
    assert (guess.digit, guess.runner_up, guess.unsure) == (9, 1, True)
    assert not Guess(probabilities, unsure_below=0.6).unsure
    assert not Guess(probabilities).unsure


def with_classes(text: str, outputs: int = 4) -> bytes:
    """A small model whose metadata say that of its classes; nothing if that is empty."""
    network, task = Network(conv=()), Task(1, outputs)
    weights = initial_weights(network, generator(0, Purpose.weights), task)
    model = onnx.load_from_string(to_onnx(network, weights, None, ["?"] * outputs))
    helper.set_model_props(model, {"classes": text} if text else {})
    return bytes(model.SerializeToString())


def test_a_model_carries_the_names_of_its_classes() -> None:
    model = Predictor(with_classes('["cat", "dog", "größer", "深い"]'), "model")
    assert model.classes == ("cat", "dog", "größer", "深い")
    guess = model.guess(np.full((28, 28), 9, np.uint8))
    assert guess is not None
    assert guess.label == model.classes[guess.digit]
    assert Predictor(with_classes(""), "model").classes == ("0", "1", "2", "3")


IMPOSSIBLE = [
    "{", "[]", '["a"]', '["a", "a", "b", "c"]', '["a", "b", "c", 4]', '["a", "b", "c", ""]',
    '["a", "b", "c", "\\u001b[2J"]', json.dumps([str(n) for n in range(101)]),
]  # fmt: skip


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_impossible_classes_are_refused(text: str) -> None:
    with pytest.raises(StoreError, match="classes are not 2 to 100 different names"):
        Predictor(with_classes(text), "model")


def test_other_classes_than_outputs_are_refused() -> None:
    with pytest.raises(StoreError, match="does not give 3 numbers per picture"):
        Predictor(with_classes('["a", "b", "c"]'), "model")
    with pytest.raises(StoreError, match="classes are not 2 to 100"):
        Predictor(with_classes("", outputs=1), "model")


def test_a_model_of_rgb_pictures_says_so() -> None:
    network, task = Network(conv=()), Task(3, 5)
    weights = initial_weights(network, generator(0, Purpose.weights), task)
    model = Predictor(to_onnx(network, weights, None, tuple("abcde"), channels=3), "model")
    assert model.task == task
    assert model.predict(np.ones((2, 28, 28, 3), np.uint8))[1].shape == (2, 5)


def test_a_model_carries_its_own_threshold() -> None:
    network = Network(conv=())
    weights = initial_weights(network, generator(0, Purpose.weights))
    picture = np.full((28, 28), 9, np.uint8)
    for threshold, unsure in ((0.999, True), (0.01, False), (None, False)):
        model = Predictor(to_onnx(network, weights, threshold), "model")
        guess = model.guess(picture)
        assert guess is not None
        assert (model.unsure_below, guess.unsure_below, guess.unsure) == (
            threshold, threshold, unsure,
        )  # fmt: skip


@pytest.mark.parametrize("about", ["high", "1.5", "-0.1", "nan", "\x1b[2J"])
def test_a_threshold_that_is_none_is_refused(about: str) -> None:
    with pytest.raises(StoreError, match="unsure_below is not a number from 0 to 1"):
        Predictor(onnx_model(about=about).SerializeToString(), "model")


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


def model_bytes(model: onnx.ModelProto) -> bytes:
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an ONNX model"),
        (b"not a model", "not an ONNX model"),
        (b"\x08\x08" + bytes(1000), "not an ONNX model"),
        (model_bytes(onnx_model(side=32)), "takes pixels"),
        (model_bytes(onnx_model(classes=101)), "not 2 to 100 different names"),
        (model_bytes(onnx_model(kind=np.float64)), "takes pixels"),
        (model_bytes(onnx_model(outputs=["logits"])), "outputs"),
        (model_bytes(onnx_model(n=2)), r"takes pixels .* \[2, 28, 28\]"),
        (model_bytes(onnx_model(weights={"linear": np.full((784, 10), NAN)})), "not finite"),
        (model_bytes(endless_loop()), "has Loop"),
    ],
    ids=["empty", "text", "bytes", "side", "classes", "type", "outputs", "two", "nan", "loop"],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=said) as caught:
        open_model(path, "trial 4")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_two_pictures_only_inside_the_network() -> None:
    shape = {"two": np.array([2, 784])}
    reshape = helper.make_node("Reshape", ["pixels", "two"], ["flat"])
    with pytest.raises(StoreError, match="does not run"):
        Predictor(model_bytes(onnx_model([reshape, *HEAD], shape)), "model")


def test_numbers_that_are_none_are_an_error_not_an_answer() -> None:
    fraction = helper.make_node("Div", ["flat", "flat"], ["ones"])  # of a white pixel: 0 / 0
    head = [helper.make_node("MatMul", ["ones", "linear"], ["logits"]), HEAD[1]]
    nodes = [helper.make_node("Flatten", ["pixels"], ["flat0"])]
    nodes += [helper.make_node("Sub", ["flat0", "white"], ["flat"]), fraction, *head]
    model = Predictor(model_bytes(onnx_model(nodes, {"white": np.float32(255)})), "m\x1b[2J")
    picture = np.zeros((28, 28), np.uint8)
    picture[3, 3] = 255
    with pytest.raises(StoreError, match=r"m\\x1b\[2J: gives numbers that are not finite"):
        model.guess(picture)


def test_probabilities_that_do_not_add_up_are_refused() -> None:
    nodes = [FLATTEN, HEAD[0], helper.make_node("Identity", ["logits"], ["probabilities"])]
    with pytest.raises(StoreError, match="do not add up to 1"):
        Predictor(model_bytes(onnx_model(nodes)), "model")


def test_a_slow_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistlab.model.predictor.MAX_SECONDS", 0)
    with pytest.raises(StoreError, match="s per picture, at most 0 s"):
        shipped_model()


def test_a_missing_file_and_a_huge_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        open_model(tmp_path / "none.onnx")
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(StoreError, match="larger than"):
        open_model(tmp_path / "huge.onnx")
    for name in ("nul\0.onnx", "n" * 300, "\udcff.onnx"):
        with pytest.raises(StoreError, match="cannot be read") as caught:
            open_model(tmp_path / name)
        assert str(caught.value).isprintable()


def test_telemetry_is_off_before_onnx_runtime_is_there() -> None:
    script = (
        "import os, sys, mnistlab.model.predictor\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    )
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == ["1", "False"]


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
