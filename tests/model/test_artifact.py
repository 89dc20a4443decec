from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from mnistlab.book.reading import read_book, shipped_books
from mnistlab.book.trial import Conv, Network
from mnistlab.data.images import DataSet
from mnistlab.errors import StoreError
from mnistlab.model.artifact import read_weights, to_onnx, weights_to_bytes
from mnistlab.model.network import ConvNet, build, weights_of

SHIPPED = {trial.network for name in shipped_books() for trial in read_book(name).trials}
OTHERS = {
    Network(conv=()),
    Network(conv=(Conv(out=3, kernel=3, padding=2, pool=3, norm=True), Conv(out=4, kernel=2, stride=2)), dropout=0.5),
}


def trained_a_little(network: Network) -> ConvNet:
    """A network whose batch-norm statistics are not those it began with."""
    generator = torch.Generator().manual_seed(3)
    model = build(network, generator)
    for _ in range(3):
        model(torch.randint(0, 256, (16, 28, 28), generator=generator))
    return model.eval()


@pytest.mark.parametrize("network", sorted(SHIPPED | OTHERS, key=repr))
def test_onnx_runtime_and_torch_agree_on_real_digits(network: Network, digits: DataSet) -> None:
    model = trained_a_little(network)
    content = to_onnx(network, weights_of(model))
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    pixels = digits.train.pixels[:200]
    logits, probabilities = session.run(["logits", "probabilities"], {"pixels": pixels.astype(np.float32)})
    expected = model(torch.from_numpy(pixels)).detach()
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(probabilities, expected.softmax(1), atol=1e-5)


def test_weights_come_back_and_give_the_same_bytes(tmp_path: Path) -> None:
    weights = weights_of(trained_a_little(max(OTHERS, key=repr)))
    (tmp_path / "w.safetensors").write_bytes(weights_to_bytes(weights))
    read = read_weights(tmp_path / "w.safetensors")
    assert weights_to_bytes(read) == weights_to_bytes(weights)
    for name, value in weights.items():
        np.testing.assert_array_equal(read[name], value)


def test_a_damaged_weights_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"rubbish")
    with pytest.raises(StoreError, match="cannot be read as safetensors"):
        read_weights(tmp_path / "w.safetensors")
