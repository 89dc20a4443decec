"""Initial weights: PyTorch's default distribution, from one generator, the same on every NumPy."""

import hashlib

import numpy as np
import pytest

from mnistlab.book.trial import Conv, Network
from mnistlab.images import Task
from mnistlab.model.network import initial_weights
from mnistlab.randomness import Purpose, generator

DEEP = Network(
    conv=(Conv(out=3, kernel=3, pool=2, norm=True), Conv(out=5, kernel=4, stride=2, padding=1)),
    dropout=0.2,
)


@pytest.mark.parametrize("task", [Task(), Task(3, 47)])
@pytest.mark.parametrize(
    "network", [DEEP, Network(conv=()), Network(conv=(Conv(out=2, kernel=28),))]
)
def test_names_and_numbers_are_those_of_the_book(network: Network, task: Task) -> None:
    weights = initial_weights(network, generator(0, Purpose.weights), task)
    learned = {name: value for name, value in weights.items() if "running" not in name}
    assert sum(value.size for value in learned.values()) == network.parameters(task)
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}
    assert weights["linear.weight"].shape == (task.classes, network.features(task))


def test_batch_norm_begins_as_pytorchs() -> None:
    weights = initial_weights(DEEP, generator(0, Purpose.weights))
    found = {
        name: set(value.tolist()) for name, value in weights.items() if name.startswith("norm")
    }
    assert found == {
        "norm1.weight": {1.0}, "norm1.bias": {0.0}, "norm1.running_mean": {0.0},
        "norm1.running_var": {1.0},
    }  # fmt: skip


def test_initial_weights_fill_the_range_of_pytorchs_default() -> None:
    network = Network(conv=(Conv(out=64, kernel=5), Conv(out=64, kernel=3)))
    weights = initial_weights(network, generator(0, Purpose.weights))
    for name, fan_in in (("conv1", 25), ("conv2", 64 * 9)):
        for part in ("weight", "bias"):
            values = weights[f"{name}.{part}"] * fan_in**0.5
            assert np.abs(values).max() <= 1
            assert values.std() == pytest.approx(3**-0.5, rel=0.15)


def test_the_seed_alone_decides_and_a_change_of_numpys_streams_is_noticed() -> None:
    def digest(seed: int) -> str:
        weights = initial_weights(DEEP, generator(seed, Purpose.weights))
        return hashlib.sha256(b"".join(value.tobytes() for value in weights.values())).hexdigest()[
            :16
        ]

    assert digest(0) == digest(0) != digest(1)
    assert digest(0) == "6da6a6d43e6cd1a4"
