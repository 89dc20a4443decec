"""The one training loop: epochs, learning-rate schedule, early stopping, best weights; and a whole run."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from mnistlab.book.trial import Training, Trial
from mnistlab.data.images import Bytes, Images
from mnistlab.data.split import PARTS, Split
from mnistlab.model import Weights
from mnistlab.training.autograd import AutogradEngine
from mnistlab.training.direct import DirectEngine
from mnistlab.training.patches import Patches
from mnistlab.training.record import Epoch, Run, RunRecord, engine_for, environment
from mnistlab.training.scores import score

OnEpoch = Callable[[Epoch], None]


class Engine(Protocol):
    """A network in training: what the loop asks of it, however it computes gradients."""

    def train_epoch(self, order: Tensor, learning_rate: float) -> tuple[float, float]:
        """Learn from the training images in the given order, int64 (n,); mean loss and accuracy along the way."""

    def logits(self, pixels: Bytes) -> npt.NDArray[np.float32]:
        """What the network says of uint8 (n, 28, 28), before softmax: (n, 10)."""

    def weights(self) -> Weights:
        """A copy of the weights by name."""

    def load(self, weights: Weights) -> None:
        """Go back to weights that `weights` gave."""


@dataclass(frozen=True)
class Fit:
    """A trained engine, at the weights of `epoch`, the one with the lowest validation loss (from 1)."""

    engine: Engine
    status: Literal["done", "diverged"]
    epoch: int | None
    history: tuple[Epoch, ...]


def fit(
    trial: Trial,
    seed: int,
    train: Images,
    validation: Images,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    patches: Patches | None = None,
) -> Fit:
    """Train until the last epoch, or until `patience` epochs brought no lower validation loss.

    The seed decides initial weights, batch order, augmentation and dropout, each by a generator of its own: the same
    for every engine. A loss that is not finite ends the run as diverged. `patches` is what the direct engine would
    else make.
    """
    engine = _engine(trial, seed, train, device, patches)
    order = generator(seed, "order")
    best: Weights = {}
    best_loss, best_epoch = math.inf, 0
    history: list[Epoch] = []
    for number in range(1, trial.training.epochs + 1):
        epoch = _epoch(engine, number, trial.training, torch.randperm(len(train), generator=order), validation)
        history.append(epoch)
        if on_epoch:
            on_epoch(epoch)
        if epoch.train_loss is None or epoch.validation_loss is None:
            return Fit(engine, "diverged", None, tuple(history))
        if epoch.validation_loss < best_loss:
            best, best_loss, best_epoch = engine.weights(), epoch.validation_loss, number
        if trial.training.patience and number - best_epoch >= trial.training.patience:
            break
    engine.load(best)
    return Fit(engine, "done", best_epoch, tuple(history))


def run(
    trial: Trial,
    seed: int,
    split: Split,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    patches: Patches | None = None,
) -> Run:
    """Train one trial with one seed, then score all three splits once with the chosen weights.

    A pure function of trial, seed, split and device: on CPU the same arguments give bit-equal weights. `patches` of the
    split spare it making them.
    """
    started = time.perf_counter()
    with _reproducible(seed):
        fitted = fit(trial, seed, split.train, split.validation, device, on_epoch, patches)
        probabilities = {}
        if fitted.status == "done":
            probabilities = {part: softmax(fitted.engine.logits(getattr(split, part).pixels)) for part in PARTS}
    record = RunRecord(
        trial=trial.name,
        seed=seed,
        status=fitted.status,
        reason=None if fitted.status == "done" else f"the loss was not finite in epoch {len(fitted.history)}",
        epoch=fitted.epoch,
        scores={part: score(values, getattr(split, part).labels) for part, values in probabilities.items()},
        history=fitted.history,
        seconds=time.perf_counter() - started,
        engine=engine_for(trial, device),
        device=device,
        network=trial.network,
        training=trial.training,
        data=split.info,
        environment=environment(),
    )
    if fitted.status == "diverged":
        return Run(record, {}, np.empty((0, 10), np.float32))
    return Run(record, fitted.engine.weights(), probabilities["test"])


def _engine(trial: Trial, seed: int, train: Images, device: str, patches: Patches | None) -> Engine:
    initial = generator(seed, "weights")
    if engine_for(trial, device) == "direct":
        patches = patches or Patches(trial.network.conv[0])
        return DirectEngine(trial.network, trial.training, train, initial, patches)
    return AutogradEngine(trial.network, trial.training, train, initial, generator(seed, "augment"), device)


def generator(seed: int, purpose: str) -> torch.Generator:
    """A torch generator for one purpose of one run, independent of those for other purposes and seeds."""
    digest = hashlib.sha256(f"{purpose} {seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def learning_rate(training: Training, epoch: int) -> float:
    """The rate of an epoch (from 1): constant, or half a cosine from `learning_rate` down towards 0."""
    if training.schedule == "constant":
        return training.learning_rate
    return training.learning_rate * (1 + math.cos(math.pi * (epoch - 1) / training.epochs)) / 2


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities (n, 10) of logits (n, 10)."""
    return torch.from_numpy(logits).softmax(dim=1).numpy()


def _epoch(engine: Engine, number: int, training: Training, order: Tensor, validation: Images) -> Epoch:
    started = time.perf_counter()
    train_loss, train_accuracy = engine.train_epoch(order, learning_rate(training, number))
    logits = torch.from_numpy(engine.logits(validation.pixels))
    labels = torch.from_numpy(validation.labels).long()
    validation_loss = torch.nn.functional.cross_entropy(logits.double(), labels).item()
    return Epoch(
        epoch=number,
        train_loss=_finite(train_loss),
        train_accuracy=train_accuracy,
        validation_loss=_finite(validation_loss),
        validation_accuracy=(logits.argmax(1) == labels).double().mean().item(),
        seconds=time.perf_counter() - started,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """One thread, denormals flushed to zero, dropout drawn from the run's own stream; all as before afterwards.

    One thread because sums are then always added in the same order, and these networks are too small for more.
    Denormals because L2 on pixels that are always 0 drives their weights there, where arithmetic is many times slower.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with torch.random.fork_rng(), threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
            torch.manual_seed(generator(seed, "dropout").initial_seed())
            yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
