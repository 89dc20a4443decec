"""The direct engine against autograd and PyTorch's own layers and optimizers."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from mnistlab.book.trial import SIDE, Conv, Network, Training, Trial
from mnistlab.data.catalog import load_data
from mnistlab.data.images import Images
from mnistlab.data.split import DataInfo, Split
from mnistlab.model.network import ConvNet, load_weights
from mnistlab.training.autograd import AutogradEngine
from mnistlab.training.direct import DirectEngine
from mnistlab.training.fit import generator, run
from mnistlab.training.patches import Patches
from mnistlab.training.record import engine_for

DOUBLE = torch.float64


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in a run: on a busy machine two threads on products this small mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def images(count: int, seed: int = 0) -> Images:
    """Blobs of ink on 0, a tenth of the pixels, with random labels."""
    random = np.random.default_rng(seed)
    pixels = random.integers(1, 256, (count, SIDE, SIDE)) * (random.random((count, SIDE, SIDE)) < 0.1)
    return Images(pixels.astype(np.uint8), random.integers(0, 10, count).astype(np.uint8))


def trial(conv: Conv | None = None, **training: object) -> Trial:
    network = Network(conv=(conv or Conv(out=16, kernel=7, stride=3, padding=1),))
    settings = {"batch_size": 32, "learning_rate": 0.001, "weight_decay": 0.01, "epochs": 1} | training
    return Trial(name="t", network=network, training=Training.model_validate(settings))


def direct(chosen: Trial, train: Images, dtype: torch.dtype = torch.float32, seed: int = 0) -> DirectEngine:
    patches = Patches(chosen.network.conv[0])
    return DirectEngine(chosen.network, chosen.training, train, generator(seed, "weights"), patches, dtype)


def autograd(chosen: Trial, train: Images, seed: int = 0) -> AutogradEngine:
    return AutogradEngine(
        chosen.network, chosen.training, train, generator(seed, "weights"), generator(seed, "augment"), "cpu"
    )


def distance(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> float:
    """‖ours - theirs‖ / ‖theirs‖."""
    return float(np.linalg.norm(ours.astype(float) - theirs) / np.linalg.norm(theirs))


def gradient_by_autograd(engine: DirectEngine, network: Network, train: Images, rows: Tensor) -> dict[str, Tensor]:
    model = ConvNet(network).double()
    load_weights(model, engine.weights())
    pixels = torch.from_numpy(train.pixels)[rows].double() / 255
    logits = model.layers(pixels.unsqueeze(1))
    nn.functional.cross_entropy(logits, torch.from_numpy(train.labels)[rows].long()).backward()
    return {name: parameter.grad for name, parameter in model.layers.named_parameters() if parameter.grad is not None}


@st.composite
def geometries(draw: st.DrawFn) -> Conv:
    kernel = draw(st.integers(1, 12))
    stride = draw(st.integers(1 if kernel > 4 else 2, 6))
    return Conv(out=draw(st.integers(1, 9)), kernel=kernel, stride=stride, padding=draw(st.integers(0, 4)))


@settings(max_examples=60, deadline=None)
@given(conv=geometries(), size=st.integers(1, 70), seed=st.integers(0, 999))
def test_gradients_in_float64_equal_autograds(conv: Conv, size: int, seed: int) -> None:
    chosen, train = trial(conv, batch_size=40), images(70, seed)
    engine = direct(chosen, train, DOUBLE, seed)
    rows = torch.randperm(70, generator=torch.Generator().manual_seed(seed))[:size]
    for batch in rows.split(40):  # the last one short
        y = torch.eye(10, dtype=DOUBLE)[:, engine.labels[batch]]
        engine.differentiate(batch, torch.empty(10, len(batch), dtype=DOUBLE), y)
        ours = engine.weights(engine.gradient / len(batch))
        theirs = gradient_by_autograd(engine, chosen.network, train, batch)
        assert ours.keys() == theirs.keys()
        for name, gradient in theirs.items():
            assert np.abs(ours[name] - gradient.numpy()).max() <= 1e-10, name


def test_gradients_hold_where_the_linear_layer_is_taken_in_groups() -> None:
    chosen, train = trial(Conv(out=32, kernel=5, stride=2, padding=1), batch_size=64), images(64)
    engine = direct(chosen, train, DOUBLE)
    rows = torch.arange(64)
    engine.differentiate(rows, torch.empty(10, 64, dtype=DOUBLE), torch.eye(10, dtype=DOUBLE)[:, engine.labels])
    assert len(engine.batches[64].Z) > 1
    ours = engine.weights(engine.gradient / 64)
    for name, gradient in gradient_by_autograd(engine, chosen.network, train, rows).items():
        assert np.abs(ours[name] - gradient.numpy()).max() <= 1e-10, name


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("conv", [Conv(out=16, kernel=7, stride=3, padding=1), Conv(out=32, kernel=5, stride=2)])
def test_the_engines_stay_together_for_200_batches(optimizer: str, conv: Conv) -> None:
    digits = load_data("digits").train
    train, chosen = digits[np.arange(1270)], trial(conv, optimizer=optimizer)  # 40 batches, the last one short
    ours, theirs = direct(chosen, train), autograd(chosen, train)
    for epoch in range(5):
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(epoch))
        loss, accuracy = ours.train_epoch(order, 0.001)
        expected = theirs.train_epoch(order, 0.001)
        assert loss == pytest.approx(expected[0], rel=1e-4)
        assert accuracy == pytest.approx(expected[1], abs=0.002)
    for name, value in theirs.weights().items():
        assert distance(ours.weights()[name], value) <= 1e-3, name


def test_both_engines_begin_with_the_same_weights_and_say_the_same() -> None:
    train, chosen = images(300), trial()
    ours, theirs = direct(chosen, train), autograd(chosen, train)
    assert all(np.array_equal(ours.weights()[name], value) for name, value in theirs.weights().items())
    assert np.abs(ours.logits(train.pixels) - theirs.logits(train.pixels)).max() < 1e-5


def test_weights_are_copies_that_can_be_gone_back_to() -> None:
    train = images(100)
    engine = direct(trial(), train)
    before, logits = engine.weights(), engine.logits(train.pixels)
    engine.train_epoch(torch.arange(100), 0.001)
    assert not np.array_equal(engine.logits(train.pixels), logits)
    engine.load(before)
    assert np.array_equal(engine.logits(train.pixels), logits)


def test_a_learning_rate_is_that_of_the_epoch() -> None:
    engine = direct(trial(weight_decay=0.0), images(100))
    before = engine.weights()
    engine.train_epoch(torch.arange(100), 0.0)
    assert all(np.array_equal(engine.weights()[name], value) for name, value in before.items())


@pytest.mark.parametrize(
    ("network", "training", "device"),
    [
        ({"conv": [{"out": 2, "kernel": 3}, {"out": 2, "kernel": 3}]}, {}, "cpu"),
        ({"conv": []}, {}, "cpu"),
        ({"conv": [{"out": 2, "kernel": 3, "pool": 2}]}, {}, "cpu"),
        ({"conv": [{"out": 2, "kernel": 3, "norm": True}]}, {}, "cpu"),
        ({"conv": [{"out": 2, "kernel": 3}], "dropout": 0.1}, {}, "cpu"),
        ({"conv": [{"out": 2, "kernel": 3}]}, {"optimizer": "sgd"}, "cpu"),
        ({"conv": [{"out": 2, "kernel": 3}]}, {"augment": {"rotate": 5.0}}, "cpu"),
        ({"conv": [{"out": 2, "kernel": 3}]}, {}, "cuda"),
    ],
)
def test_what_is_beyond_the_direct_engine_takes_autograd(
    network: dict[str, object], training: dict[str, object], device: str
) -> None:
    chosen = trial(None, **training).model_copy(update={"network": Network.model_validate(network)})
    assert engine_for(chosen, device) == "autograd"
    assert engine_for(trial(optimizer="adamw", schedule="cosine", patience=3), "cpu") == "direct"


def test_a_run_says_which_engine_it_took_and_repeats_bit_for_bit() -> None:
    parts = {"train": images(200), "validation": images(50, 1), "test": images(50, 2)}
    split = Split(DataInfo(name="noise", sha256="0" * 64, sizes={}), **parts)
    first, second = (run(trial(epochs=2), 0, split) for _ in range(2))
    assert first.record.engine == "direct"
    assert all(np.array_equal(first.weights[name], value) for name, value in second.weights.items())
    assert np.array_equal(first.test_probabilities, second.test_probabilities)


def test_denormals_are_flushed_in_numpys_products_too() -> None:
    tiny, seen = np.full((8, 8), 1e-20, np.float32), []
    parts = {"train": images(64), "validation": images(32, 1), "test": images(32, 2)}
    split = Split(DataInfo(name="noise", sha256="0" * 64, sizes={}), **parts)
    run(trial(), 0, split, on_epoch=lambda _: seen.append((tiny @ tiny).max()))
    assert seen == [0]
    assert (tiny @ tiny).max() > 0
