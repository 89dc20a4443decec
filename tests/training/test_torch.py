"""The engine on PyTorch: what it leaves alone, and how often it waits for its device."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from mnistlab.book.trial import Augment, Conv, Network, Training, Trial
from mnistlab.data.split import split
from mnistlab.images import Bytes, DataSet, Images
from mnistlab.model.network import initial_weights
from mnistlab.randomness import Purpose, generator
from mnistlab.training.batches import Batches
from mnistlab.training.fit import run
from mnistlab.training.record import Job

pytest.importorskip("torch")
import torch

from mnistlab.training.torch import TorchEngine

NAMES = [
    "ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE",
]  # fmt: skip
LEFT = "import os, sys, mnistlab.training.torch; print([n for n in sys.argv if n in os.environ])"


def test_pytorch_never_sees_what_would_choose_its_instructions() -> None:
    given = {**os.environ, **dict.fromkeys(NAMES, "")}
    command = [sys.executable, "-c", LEFT, *NAMES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=given)
    assert done.stdout == "[]\n"


def test_a_run_on_the_cpu_asks_nothing_of_cuda(
    tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    for name in ("_lazy_init", "device_count", "current_device", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, refuse)
    training = Training(batch_size=32, learning_rate=0.01, epochs=1)
    network = Network(conv=(Conv(out=4, kernel=5, stride=3, norm=True),), dropout=0.1)
    trial = Trial(name="t", network=network, training=training)
    assert run(Job(trial, 0, "torch"), split(tiny, 60)).record.status == "done"


@pytest.mark.parametrize("augment", [Augment(), Augment(shift=1)])
def test_the_device_is_waited_for_once_an_epoch_not_once_a_batch(
    augment: Augment, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(conv=(Conv(out=2, kernel=9, stride=9),), dropout=0.5)
    labels = np.arange(40, dtype=np.uint8) % 10
    train = Images(np.zeros((40, 28, 28), np.uint8), labels)
    waits = []
    for name in ("item", "cpu", "numpy", "tolist", "__bool__", "__float__", "__int__"):
        original = getattr(torch.Tensor, name)

        def counted(tensor: "torch.Tensor", *given: object, _do: object = original) -> object:
            waits.append(tensor)
            return _do(tensor, *given)  # type: ignore[operator]

        monkeypatch.setattr(torch.Tensor, name, counted)

    def count(batch_size: int) -> int:
        training = Training(batch_size=batch_size, learning_rate=0.1, epochs=1, augment=augment)
        initial = initial_weights(network, generator(0, Purpose.weights))
        engine = TorchEngine(Batches(network, training, train, 0), initial)
        waits.clear()
        engine.train_epoch(np.arange(40), 0.1)
        return len(waits)

    assert count(2) == count(20) == count(40) == 2


def test_the_training_images_are_sent_to_the_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels: Bytes = np.zeros((40, 28, 28), np.uint8)
    train = Images(pixels, np.arange(40, dtype=np.uint8) % 10)
    network = Network(conv=())
    training = Training(batch_size=10, learning_rate=0.1, epochs=1)
    initial = initial_weights(network, generator(0, Purpose.weights))
    engine = TorchEngine(Batches(network, training, train, 0), initial)
    sent, original = [], torch.from_numpy

    def send(array: Any) -> "torch.Tensor":
        sent.append(array)
        return original(array)

    monkeypatch.setattr(torch, "from_numpy", send)
    for _ in range(3):
        engine.train_epoch(np.arange(40), 0.1)
    assert sum(array is pixels for array in sent) == 1
