import inspect
import math
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Literal

import numpy as np
import pytest
import scipy.special

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Book, Conv, Network, Training, Trial
from mnistlab.data.split import PARTS, Split, split
from mnistlab.images import Bytes, DataSet
from mnistlab.training.batches import Batches
from mnistlab.training.fit import cross_entropy, fit, learning_rate, run, softmax
from mnistlab.training.record import Epoch, Job, Run
from mnistlab.training.scores import score, unsure_threshold


@pytest.fixture(params=["native", "torch"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine; they share the loop."""
    if request.param == "torch":
        pytest.importorskip("torch")
    return str(request.param)


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
    known = {"job", "train", "validation", "on_epoch"}
    assert set(inspect.signature(fit).parameters) == known


NETWORKS = [
    Network(conv=(Conv(out=4, kernel=5, stride=3),)),
    Network(conv=(Conv(out=4, kernel=3, pool=2, norm=True), Conv(out=4, kernel=3)), dropout=0.3),
    Network(conv=()),
]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_gives_bit_equal_weights_and_another_does_not(
    network: Network, engine: str, parts: Split
) -> None:
    first = run(Job(trial(network), 0, engine), parts)
    np.random.seed(99)  # what the caller drew before does not matter  # noqa: NPY002
    assert same(first, run(Job(trial(network), 0, engine), parts))
    assert not same(first, run(Job(trial(network), 1, engine), parts))


CALLER = """
import {first}
import numpy as np
np.seterr(all="raise")
{setting}
import hashlib
from tests.conftest import random_images
from mnistlab.images import DataSet
from mnistlab.data.split import split
from mnistlab.training.fit import run
from mnistlab.training.record import Job
from tests.training.test_fit import NETWORKS, trial
parts = split(DataSet("tiny", random_images(360), random_images(60, seed=1)), 60)
digest = hashlib.sha256()
for network in NETWORKS:
    for value in run(Job(trial(network), 3, {engine!r}), parts).weights.values():
        digest.update(value.tobytes())
print(digest.hexdigest())
"""
DOUBLE = "import torch; torch.set_default_dtype(torch.float64); torch.manual_seed(5); torch.rand(3)"
THREADS = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
INSTRUCTIONS = {
    "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41", "DNNL_MAX_CPU_ISA": "SSE41",
    "ONEDNN_DEFAULT_FPMATH_MODE": "ANY", "DNNL_DEFAULT_FPMATH_MODE": "ANY",
}  # fmt: skip


def test_nothing_that_the_caller_has_set_changes_the_weights(engine: str) -> None:
    def digest(first: str = "sys", setting: str = "", **environment: str) -> str:
        code = CALLER.format(first=first, setting=setting, engine=engine)
        command, given = [sys.executable, "-c", code], {**os.environ, **environment}
        return subprocess.run(command, env=given, capture_output=True, text=True, check=True).stdout

    found = {digest(), digest(first="numpy", OPENBLAS_CORETYPE="Haswell", **THREADS)}
    found.add(digest(**INSTRUCTIONS))
    if find_spec("torch"):
        found.add(digest(setting=DOUBLE))
    assert len(found) == 1


def test_dropout_masks_differ_between_seeds_and_leave_their_share(parts: Split) -> None:
    def masks(seed: int) -> Bytes:
        batches = Batches(NETWORKS[1], trial().training, parts.train, seed)
        kept = [batch.kept for batch in batches.epoch(np.arange(len(parts.train)))]
        return np.concatenate([mask for mask in kept if mask is not None])

    kept = [masks(seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(kept[0], kept[1])
    assert not np.array_equal(kept[0], kept[2])
    assert kept[0].mean() == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_every_optimizer_learns(optimizer: str, engine: str, parts: Split) -> None:
    rate = 0.1 if optimizer == "sgd" else 0.01
    record = run(
        Job(trial(optimizer=optimizer, learning_rate=rate, epochs=8), 0, engine), parts
    ).record
    assert record.scores["test"].accuracy > 0.9
    assert record.history[-1].train_loss < 0.5 * record.history[0].train_loss  # type: ignore[operator]


def test_the_chosen_weights_are_those_of_the_lowest_validation_loss(
    engine: str, parts: Split
) -> None:
    result = run(Job(trial(learning_rate=0.05, epochs=6), 0, engine), parts)
    losses = [epoch.validation_loss for epoch in result.record.history]
    assert result.record.epoch is not None
    assert losses[result.record.epoch - 1] == min(losses, key=lambda loss: loss or math.inf)
    assert result.record.scores["validation"].loss == pytest.approx(
        losses[result.record.epoch - 1], abs=1e-6
    )
    stopped_there = run(
        Job(trial(learning_rate=0.05, epochs=result.record.epoch), 0, engine), parts
    )
    assert same(result, stopped_there)


def test_patience_stops_after_that_many_epochs_without_a_lower_loss(
    engine: str, parts: Split
) -> None:
    long = run(Job(trial(learning_rate=0.3, epochs=40), 0, engine), parts).record
    short = run(Job(trial(learning_rate=0.3, epochs=40, patience=2), 0, engine), parts).record
    assert short.epoch is not None
    assert len(short.history) == short.epoch + 2 < len(long.history)
    losses = [epoch.validation_loss for epoch in short.history]
    assert losses == [epoch.validation_loss for epoch in long.history][: len(losses)]


def test_scores_are_those_of_the_whole_splits_with_the_chosen_weights(
    engine: str, parts: Split
) -> None:
    result = run(Job(trial(), 0, engine), parts)
    assert result.test_probabilities.shape == (60, 10)
    assert result.test_probabilities.dtype == np.float32
    assert result.record.scores["test"] == score(result.test_probabilities, parts.test.labels)
    assert set(result.record.scores) == set(PARTS)


def test_a_run_that_diverges_says_so(engine: str, parts: Split) -> None:
    result = run(Job(trial(optimizer="sgd", learning_rate=1e30), 0, engine), parts)
    assert (result.record.status, result.record.epoch, result.record.scores) == (
        "diverged",
        None,
        {},
    )
    assert result.record.reason == f"the loss was not finite in epoch {len(result.record.history)}"
    assert (result.weights, result.test_probabilities.shape) == ({}, (0, 10))
    assert "NaN" not in result.record.model_dump_json()


def test_a_run_diverges_in_silence(
    engine: str, parts: Split, capfd: pytest.CaptureFixture[str]
) -> None:
    result = run(Job(trial(learning_rate=1e37), 0, engine), parts)
    assert (result.record.engine, result.record.status) == (engine, "diverged")
    assert capfd.readouterr().err == ""


def test_of_equal_validation_losses_the_first_is_chosen(engine: str, parts: Split) -> None:
    record = run(Job(trial(learning_rate=1e-30, epochs=4, patience=2), 0, engine), parts).record
    assert len({epoch.validation_loss for epoch in record.history}) == 1
    assert (record.epoch, len(record.history)) == (1, 3)


def test_a_run_that_is_told_to_stop_is_pruned(engine: str, parts: Split) -> None:
    def stop_after_two(epoch: Epoch) -> Literal["stop"] | None:
        return "stop" if epoch.epoch == 2 else None

    result = run(Job(trial(epochs=4), 0, engine), parts, stop_after_two)
    record = result.record
    assert (record.status, record.reason) == ("pruned", "stopped after epoch 2")
    assert (record.epoch, record.scores, record.unsure_below) == (None, {}, None)
    assert (result.weights, result.test_probabilities.shape) == ({}, (0, 10))
    whole = run(Job(trial(epochs=4), 0, engine), parts).record
    losses = [epoch.validation_loss for epoch in whole.history]
    assert [epoch.validation_loss for epoch in record.history] == losses[:2]


def test_a_run_records_the_processors_seconds_without_the_wait(parts: Split) -> None:
    def sleep(_: Epoch) -> None:
        time.sleep(0.1)

    record = run(Job(trial(epochs=3), 0, "native"), parts, sleep).record
    assert 0 < record.cpu_seconds < record.seconds - 0.25


def test_a_run_records_the_confidence_below_which_it_is_unsure(parts: Split) -> None:
    job = Job(trial(epochs=8), 0, "native")
    found = run(job, parts).record.unsure_below
    engine = fit(job, parts.train, parts.validation).engine
    probabilities = softmax(engine.logits(parts.validation.pixels))
    assert found is not None
    assert found == unsure_threshold(probabilities, parts.validation.labels)


def test_every_epoch_is_told_as_it_ends(engine: str, parts: Split) -> None:
    told: list[Epoch] = []
    record = run(Job(trial(epochs=4), 0, engine), parts, on_epoch=told.append).record
    assert tuple(told) == record.history
    assert [epoch.epoch for epoch in told] == [1, 2, 3, 4]


def test_cosine_starts_at_the_rate_and_falls_towards_zero() -> None:
    training = trial(schedule="cosine", epochs=10, learning_rate=0.4).training
    rates = [learning_rate(training, epoch) for epoch in range(1, 11)]
    assert rates[0] == 0.4
    assert rates[5] == pytest.approx(0.2)
    assert rates[-1] == pytest.approx(0.4 * (1 + math.cos(0.9 * math.pi)) / 2)


def test_onecycle_rises_to_the_rate_and_falls_towards_zero() -> None:
    training = Training(batch_size=32, learning_rate=0.5, epochs=100, schedule="onecycle")
    rates = [learning_rate(training, epoch) for epoch in range(1, 101)]
    assert rates[0] == pytest.approx(0.5 / 25, rel=0.02)
    assert rates[29] == pytest.approx(0.5, rel=0.001)
    assert rates[64] == pytest.approx(0.25, rel=0.03)  # half way down, at (65 - 0.5)/100
    assert rates[99] < 0.5 / 1000
    assert np.diff(rates[:30]).min() > 0
    assert np.diff(rates[30:]).max() < 0
    assert 0 < learning_rate(training.model_copy(update={"epochs": 1}), 1) <= 0.5


def test_probabilities_and_loss_are_scipys() -> None:
    logits = np.random.default_rng(0).normal(0, 20, (50, 10)).astype(np.float32)
    labels = np.arange(50, dtype=np.uint8) % 10
    np.testing.assert_allclose(
        softmax(logits), scipy.special.softmax(logits, axis=1), rtol=1e-5, atol=1e-7
    )
    chances = scipy.special.log_softmax(logits.astype(float), axis=1)
    assert cross_entropy(logits, labels) == pytest.approx(
        -chances[np.arange(50), labels].mean(), rel=1e-12
    )


def test_a_batch_larger_than_the_data_is_one_batch(engine: str, parts: Split) -> None:
    assert run(Job(trial(batch_size=10_000), 0, engine), parts).record.status == "done"


def test_trial_3_is_on_its_way_to_its_published_accuracy(engine: str, mnist: DataSet) -> None:
    book: Book = read_book("six-trials").with_epochs(2)
    record = run(Job(book.trial("3"), 0, engine), split(mnist)).record
    assert record.scores["test"].accuracy > 0.955  # after 2 of 20 epochs; 0.9783 published for 18
