"""The one training loop: epochs, learning-rate schedule, early stopping, best weights; and a whole
run.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from mnistlab.book.trial import Training
from mnistlab.data.split import PARTS, Split
from mnistlab.images import Bytes, Images
from mnistlab.model import Weights
from mnistlab.model.network import initial_weights
from mnistlab.randomness import Purpose, generator
from mnistlab.training.batches import Batches
from mnistlab.training.native.engine import NativeEngine
from mnistlab.training.record import Epoch, Job, Run, RunRecord, environment
from mnistlab.training.scores import score

OnEpoch = Callable[[Epoch], None]
Floats = npt.NDArray[np.float32]


class Engine(Protocol):
    """A network in training: what the loop asks of it, however it computes gradients."""

    def train_epoch(
        self, order: npt.NDArray[np.int64], learning_rate: float
    ) -> tuple[float, float]:
        """Learn from the training images in the given order (n,); mean loss and accuracy along the
        way.
        """

    def logits(self, pixels: Bytes) -> Floats:
        """What the network says of uint8 (n, 28, 28), before softmax: (n, 10)."""

    def weights(self) -> Weights:
        """A copy of the weights by name, batch-norm's running statistics among them."""

    def load(self, weights: Weights) -> None:
        """Go on from these weights, as `weights` gives them."""


@dataclass(frozen=True)
class Fit:
    """A trained engine, at the weights of `epoch`, the one with the lowest validation loss (from
    1).
    """

    engine: Engine
    status: Literal["done", "diverged"]
    epoch: int | None
    history: tuple[Epoch, ...]


def fit(job: Job, train: Images, validation: Images, on_epoch: OnEpoch | None = None) -> Fit:
    """Train until the last epoch, or until `patience` epochs brought no lower validation loss.

    The seed decides initial weights, batch order, augmentation and dropout, each by a generator of
    its own: the same for every engine. A loss or weight that is not finite ends the run as
    diverged.
    """
    training, engine = job.trial.training, _engine(job, train)
    order = generator(job.seed, Purpose.order)
    best: Weights = {}
    best_loss, best_epoch = math.inf, 0
    history: list[Epoch] = []
    for number in range(1, training.epochs + 1):
        rows = order.permutation(len(train)).astype(np.int64)
        epoch = _epoch(engine, number, training, rows, validation)
        weights = engine.weights()
        history.append(epoch)
        if on_epoch:
            on_epoch(epoch)
        if epoch.train_loss is None or epoch.validation_loss is None or not _all_finite(weights):
            return Fit(engine, "diverged", None, tuple(history))
        if epoch.validation_loss < best_loss:
            best, best_loss, best_epoch = weights, epoch.validation_loss, number
        if training.patience and number - best_epoch >= training.patience:
            break
    engine.load(best)
    return Fit(engine, "done", best_epoch, tuple(history))


def run(job: Job, split: Split, on_epoch: OnEpoch | None = None) -> Run:
    """Train one trial with one seed, then score all three splits once with the chosen weights.

    A pure function of its arguments: on CPU the same ones give bit-equal weights.
    """
    started = time.perf_counter()
    with _one_thread(job.engine), np.errstate(all="ignore"):
        fitted = fit(job, split.train, split.validation, on_epoch)
        probabilities = {}
        if fitted.status == "done":
            probabilities = {
                part: softmax(fitted.engine.logits(getattr(split, part).pixels)) for part in PARTS
            }
    record = RunRecord(
        trial=job.trial.name,
        seed=job.seed,
        status=fitted.status,
        reason=None if fitted.status == "done" else _reason(fitted.history),
        epoch=fitted.epoch,
        scores={
            part: score(values, getattr(split, part).labels)
            for part, values in probabilities.items()
        },
        history=fitted.history,
        seconds=time.perf_counter() - started,
        engine=job.engine,
        device=job.device,
        network=job.trial.network,
        training=job.trial.training,
        data=split.info,
        environment=environment(job.engine),
    )
    if fitted.status == "diverged":
        return Run(record, {}, np.empty((0, 10), np.float32))
    return Run(record, fitted.engine.weights(), probabilities["test"])


def learning_rate(training: Training, epoch: int) -> float:
    """The rate of an epoch (from 1): constant, or half a cosine from `learning_rate` down towards
    0.
    """
    if training.schedule == "constant":
        return training.learning_rate
    return training.learning_rate * (1 + math.cos(math.pi * (epoch - 1) / training.epochs)) / 2


def softmax(logits: Floats) -> Floats:
    """Probabilities (n, classes) of logits (n, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def cross_entropy(logits: Floats, labels: Bytes) -> float:
    """Mean of -ln softmax(logits)[label] in nats, summed in float64, of logits (n, classes)."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    own = shifted[np.arange(len(labels)), labels]
    return float((np.log(np.exp(shifted).sum(axis=1)) - own).mean())


def _engine(job: Job, train: Images) -> Engine:
    network, training = job.trial.network, job.trial.training
    initial = initial_weights(network, generator(job.seed, Purpose.weights))
    batches = Batches(network, training, job.seed)
    if job.engine != "torch":
        return NativeEngine(network, training, train, initial, batches)
    from mnistlab.training.torch import TorchEngine  # the extra: only what needs it loads it

    return TorchEngine(network, training, train, initial, batches, job.device)


def _one_thread(engine: str) -> AbstractContextManager[None]:
    """PyTorch held to one thread while it trains; the native engine has no more."""
    if engine != "torch":
        return nullcontext()
    from mnistlab.training.torch import one_thread

    return one_thread()


def _epoch(
    engine: Engine,
    number: int,
    training: Training,
    order: npt.NDArray[np.int64],
    validation: Images,
) -> Epoch:
    started = time.perf_counter()
    train_loss, train_accuracy = engine.train_epoch(order, learning_rate(training, number))
    logits = engine.logits(validation.pixels)
    return Epoch(
        epoch=number,
        train_loss=_finite(train_loss),
        train_accuracy=train_accuracy,
        validation_loss=_finite(cross_entropy(logits, validation.labels)),
        validation_accuracy=float((logits.argmax(axis=1) == validation.labels).mean()),
        seconds=time.perf_counter() - started,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _all_finite(weights: Weights) -> bool:
    return all(bool(np.isfinite(value).all()) for value in weights.values())


def _reason(history: tuple[Epoch, ...]) -> str:
    last = history[-1]
    what = (
        "a weight"
        if last.train_loss is not None and last.validation_loss is not None
        else "the loss"
    )
    return f"{what} was not finite in epoch {last.epoch}"
