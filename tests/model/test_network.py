import numpy as np
import pytest
import torch

from mnistlab.book.trial import Conv, Network
from mnistlab.model.network import build, load_weights, weights_of

DEEP = Network(conv=(Conv(out=3, kernel=3, pool=2, norm=True), Conv(out=5, kernel=4, stride=2, padding=1)), dropout=0.2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("network", [DEEP, Network(conv=()), Network(conv=(Conv(out=2, kernel=28),))])
def test_shapes_and_number_of_parameters_are_those_of_the_book(network: Network) -> None:
    model = build(network, generator())
    assert model(torch.zeros(4, 28, 28, dtype=torch.uint8)).shape == (4, 10)
    assert sum(parameter.numel() for parameter in model.parameters()) == network.parameters()


def test_the_generator_alone_decides_the_initial_weights() -> None:
    torch.manual_seed(1)
    first = weights_of(build(DEEP, generator()))
    torch.manual_seed(2)
    second = weights_of(build(DEEP, generator()))
    other = weights_of(build(DEEP, generator(1)))
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
    assert not np.array_equal(first["conv1.weight"], other["conv1.weight"])


def test_initial_weights_fill_the_range_of_pytorchs_default() -> None:
    weights = weights_of(build(Network(conv=(Conv(out=64, kernel=5),)), generator()))
    ours, theirs = weights["conv1.weight"], torch.nn.Conv2d(1, 64, 5).weight.detach().numpy()
    assert np.abs(ours).max() <= 1 / 5
    assert ours.std() == pytest.approx(theirs.std(), rel=0.05)


def test_weights_go_out_and_in_again() -> None:
    model, other = build(DEEP, generator()), build(DEEP, generator(1))
    load_weights(other, weights_of(model))
    pixels = torch.randint(0, 256, (5, 28, 28), generator=generator())
    assert torch.equal(model.eval()(pixels), other.eval()(pixels))
    assert {name for name in weights_of(model) if name.startswith("norm")} == {
        "norm1.weight", "norm1.bias", "norm1.running_mean", "norm1.running_var",
    }  # fmt: skip
