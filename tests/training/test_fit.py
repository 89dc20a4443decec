import inspect
import math

import numpy as np
import pytest
import torch

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Book, Conv, Network, Training, Trial
from mnistlab.data.images import DataSet
from mnistlab.data.split import PARTS, Split, split
from mnistlab.training.fit import fit, generator, learning_rate, run
from mnistlab.training.record import Epoch, Run
from mnistlab.training.scores import score


@pytest.fixture
def parts(tiny: DataSet) -> Split:
    return split(tiny, 60)


def trial(network: Network | None = None, **training: object) -> Trial:
    settings: dict[str, object] = {"batch_size": 32, "learning_rate": 0.01, "epochs": 3} | training
    default = Network(conv=(Conv(out=4, kernel=5, stride=3),))
    return Trial(name="t", network=network or default, training=Training.model_validate(settings))


def same(first: Run, second: Run) -> bool:
    return set(first.weights) == set(second.weights) and all(
        np.array_equal(value, second.weights[name]) for name, value in first.weights.items()
    )


def test_fit_cannot_see_test_data() -> None:
    known = {"trial", "seed", "train", "validation", "device", "on_epoch", "patches"}
    assert set(inspect.signature(fit).parameters) == known


NETWORKS = [
    Network(conv=(Conv(out=4, kernel=5, stride=3),)),
    Network(conv=(Conv(out=4, kernel=3, pool=2, norm=True), Conv(out=4, kernel=3)), dropout=0.3),
    Network(conv=()),
]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_gives_bit_equal_weights_and_another_does_not(network: Network, parts: Split) -> None:
    first = run(trial(network), 0, parts)
    torch.manual_seed(99)  # what the caller drew before does not matter
    torch.rand(7)
    assert same(first, run(trial(network), 0, parts))
    assert not same(first, run(trial(network), 1, parts))


def test_a_run_leaves_the_callers_random_stream_and_threads_alone(parts: Split) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    run(trial(NETWORKS[1]), 0, parts)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimizer_learns(optimizer: str, parts: Split) -> None:
    rate = 0.1 if optimizer == "sgd" else 0.01
    record = run(trial(optimizer=optimizer, learning_rate=rate, epochs=8), 0, parts).record
    assert record.scores["test"].accuracy > 0.9
    assert record.history[-1].train_loss < 0.5 * record.history[0].train_loss  # type: ignore[operator]


def test_the_chosen_weights_are_those_of_the_lowest_validation_loss(parts: Split) -> None:
    result = run(trial(learning_rate=0.05, epochs=6), 0, parts)
    losses = [epoch.validation_loss for epoch in result.record.history]
    assert result.record.epoch is not None
    assert losses[result.record.epoch - 1] == min(losses, key=lambda loss: loss or math.inf)
    assert result.record.scores["validation"].loss == pytest.approx(losses[result.record.epoch - 1], abs=1e-6)
    stopped_there = run(trial(learning_rate=0.05, epochs=result.record.epoch), 0, parts)
    assert same(result, stopped_there)


def test_patience_stops_after_that_many_epochs_without_a_lower_loss(parts: Split) -> None:
    long = run(trial(learning_rate=0.3, epochs=40), 0, parts).record
    short = run(trial(learning_rate=0.3, epochs=40, patience=2), 0, parts).record
    assert short.epoch is not None
    assert len(short.history) == short.epoch + 2 < len(long.history)
    losses = [epoch.validation_loss for epoch in short.history]
    assert losses == [epoch.validation_loss for epoch in long.history][: len(losses)]


def test_scores_are_those_of_the_whole_splits_with_the_chosen_weights(parts: Split) -> None:
    result = run(trial(), 0, parts)
    assert result.test_probabilities.shape == (60, 10)
    assert result.test_probabilities.dtype == np.float32
    assert result.record.scores["test"] == score(result.test_probabilities, parts.test.labels)
    assert set(result.record.scores) == set(PARTS)


def test_a_run_that_diverges_says_so(parts: Split) -> None:
    result = run(trial(optimizer="sgd", learning_rate=1e30), 0, parts)
    assert (result.record.status, result.record.epoch, result.record.scores) == ("diverged", None, {})
    assert result.record.reason == f"the loss was not finite in epoch {len(result.record.history)}"
    assert (result.weights, result.test_probabilities.shape) == ({}, (0, 10))
    assert "NaN" not in result.record.model_dump_json()


def test_the_direct_engine_diverges_in_silence(parts: Split, capfd: pytest.CaptureFixture[str]) -> None:
    result = run(trial(learning_rate=1e37), 0, parts)
    assert (result.record.engine, result.record.status) == ("direct", "diverged")
    assert capfd.readouterr().err == ""


def test_every_epoch_is_told_as_it_ends(parts: Split) -> None:
    told: list[Epoch] = []
    record = run(trial(epochs=4), 0, parts, on_epoch=told.append).record
    assert tuple(told) == record.history
    assert [epoch.epoch for epoch in told] == [1, 2, 3, 4]


def test_cosine_starts_at_the_rate_and_falls_towards_zero() -> None:
    training = trial(schedule="cosine", epochs=10, learning_rate=0.4).training
    rates = [learning_rate(training, epoch) for epoch in range(1, 11)]
    assert rates[0] == 0.4
    assert rates[5] == pytest.approx(0.2)
    assert rates[-1] == pytest.approx(0.4 * (1 + math.cos(0.9 * math.pi)) / 2)


def test_generators_of_different_purposes_and_seeds_differ() -> None:
    states = [generator(seed, purpose).initial_seed() for seed in range(50) for purpose in ("order", "weights")]
    assert len(set(states)) == 100


def test_a_batch_larger_than_the_data_is_one_batch(parts: Split) -> None:
    assert run(trial(batch_size=10_000), 0, parts).record.status == "done"


def test_trial_3_is_on_its_way_to_its_published_accuracy(mnist: DataSet) -> None:
    book: Book = read_book("six-trials").with_epochs(2)
    record = run(book.trial("3"), 0, split(mnist)).record
    assert record.scores["test"].accuracy > 0.955  # after 2 of 20 epochs; 0.9783 published for 18
