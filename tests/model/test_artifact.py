from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors.numpy import load_file

from mnistlab.book.reading import read_book, shipped_books
from mnistlab.book.trial import GREY_DIGITS, Conv, Network
from mnistlab.images import Bytes, DataSet, Task
from mnistlab.model import Weights
from mnistlab.model.artifact import to_onnx, weights_to_bytes
from mnistlab.model.check import check_model
from mnistlab.model.network import initial_weights
from mnistlab.randomness import Purpose, generator

SHIPPED = {trial.network for name in shipped_books() for trial in read_book(name).trials}
OTHERS = {
    Network(conv=()),
    Network(
        conv=(Conv(out=3, kernel=3, padding=2, pool=3, norm=True), Conv(out=4, kernel=2, stride=2)),
        dropout=0.5,
    ),
    Network(conv=(), hidden=(40, 30), activation="tanh"),
    Network(conv=(Conv(out=5, kernel=5, pool=2, pool_by="mean"),), activation="gelu"),
    Network(conv=(Conv(out=6, kernel=5, norm=True),), head="average", activation="silu"),
    Network(conv=(Conv(out=6, kernel=5, stride=2),), hidden=(20,), activation="leaky_relu"),
}


def weights_of(network: Network, task: Task = GREY_DIGITS) -> Weights:
    """Weights of a network whose batch-norm statistics are not those it began with."""
    random = np.random.default_rng(3)
    weights = initial_weights(network, generator(3, Purpose.weights), task)
    for name, value in weights.items():
        if "running" in name:
            weights[name] = (value + random.random(value.shape)).astype(np.float32)
    return weights


@pytest.mark.parametrize("network", sorted(SHIPPED | OTHERS, key=repr))
def test_onnx_runtime_and_torch_agree_on_real_digits(network: Network, mini: DataSet) -> None:
    onnx_runtime_and_torch_agree(network, Task(), mini.train.pixels[:200])


@pytest.mark.parametrize("network", sorted(OTHERS, key=repr))
@pytest.mark.parametrize("task", [Task(3, 2), Task(1, 47), Task(3, 100)])
def test_onnx_runtime_and_torch_agree_on_other_tasks(network: Network, task: Task) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (20, *task.picture()), dtype=np.uint8)
    onnx_runtime_and_torch_agree(network, task, pixels)


def onnx_runtime_and_torch_agree(network: Network, task: Task, pixels: Bytes) -> None:
    torch = pytest.importorskip("torch")
    from mnistlab.training.torch import ConvNet

    weights, model = weights_of(network, task), ConvNet(network, task).eval()
    new = {name: torch.from_numpy(value) for name, value in weights.items()}
    model.layers.load_state_dict(model.layers.state_dict() | new)
    names = [f"class {number}" for number in range(task.classes)]
    content = to_onnx(network, weights, None, names, task.channels)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    check_model(content, "model")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    logits, probabilities = session.run(
        ["logits", "probabilities"], {"pixels": pixels.astype(np.float32)}
    )
    expected = model(torch.from_numpy(pixels)).detach()
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(probabilities, expected.softmax(1), atol=1e-5)


def test_the_threshold_of_unsure_is_metadata() -> None:
    network = Network(conv=())
    for threshold, expected in ((None, None), (0.875, "0.875")):
        session = onnxruntime.InferenceSession(to_onnx(network, weights_of(network), threshold))
        assert session.get_modelmeta().custom_metadata_map.get("unsure_below") == expected


def test_weights_come_back_and_give_the_same_bytes(tmp_path: Path) -> None:
    weights = weights_of(max(OTHERS, key=repr))
    (tmp_path / "w.safetensors").write_bytes(weights_to_bytes(weights))
    read = load_file(tmp_path / "w.safetensors")
    assert weights_to_bytes(read) == weights_to_bytes(weights)
    for name, value in weights.items():
        np.testing.assert_array_equal(read[name], value)
