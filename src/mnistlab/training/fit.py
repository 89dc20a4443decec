"""The training loop: epochs, learning-rate schedule, early stopping, best weights; a whole run."""

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
from mnistlab.training.batches import Batches, Rows
from mnistlab.training.native.engine import NativeEngine
from mnistlab.training.record import Epoch, Job, Run, RunRecord, environment
from mnistlab.training.scores import score, unsure_threshold

OnEpoch = Callable[[Epoch], Literal["stop"] | None]  # hears of each epoch, and may end the run
Floats = npt.NDArray[np.float32]

RISE = 0.3  # of the epochs of a `onecycle` schedule


class Engine(Protocol):
    """A network in training: what the loop asks of it, however it computes gradients."""

    def train_epoch(self, order: Rows, learning_rate: float) -> tuple[float, float]:
        """Learn from the training images in this order; mean loss and accuracy along the way."""

    def logits(self, pixels: Bytes) -> Floats:
        """What the network says of uint8 pixels (n, …), before softmax: (n, classes)."""

    def weights(self) -> Weights:
        """A copy of the weights by name, batch-norm's running statistics among them."""

    def load(self, weights: Weights) -> None:
        """Go on from these weights, as `weights` gives them."""


@dataclass(frozen=True)
class Fit:
    """What training led to; if done, `engine` has the weights of `epoch` (from 1), the best."""

    engine: Engine
    status: Literal["done", "diverged", "pruned"]
    epoch: int | None
    history: tuple[Epoch, ...]


def fit(job: Job, train: Images, validation: Images, on_epoch: OnEpoch | None = None) -> Fit:
    """Train until the last epoch, or until `patience` epochs brought no lower validation loss.

    The best epoch is the first with the lowest validation loss. A loss or weight that is not finite
    ends the run as diverged, `on_epoch` answering "stop" as pruned. The seed decides initial
    weights, order, augmentation and dropout, each by a generator of its own, for every engine.
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
        answer = on_epoch(epoch) if on_epoch else None
        if epoch.train_loss is None or epoch.validation_loss is None or not _all_finite(weights):
            return Fit(engine, "diverged", None, tuple(history))
        if answer == "stop":
            return Fit(engine, "pruned", None, tuple(history))
        if epoch.validation_loss < best_loss:
            best, best_loss, best_epoch = weights, epoch.validation_loss, number
        if training.patience and number - best_epoch >= training.patience:
            break
    engine.load(best)
    return Fit(engine, "done", best_epoch, tuple(history))


def run(job: Job, split: Split, on_epoch: OnEpoch | None = None) -> Run:
    """Train one trial with one seed, then score all three parts once with the chosen weights.

    A pure function of its arguments: on CPU the same ones give bit-equal weights. Raises
    EngineError for what is wrong with a module.
    """
    with _ready_for(job), np.errstate(all="ignore"):
        return _run(job, split, on_epoch)


def _run(job: Job, split: Split, on_epoch: OnEpoch | None) -> Run:
    started, cpu_started = time.perf_counter(), time.process_time()
    fitted = fit(job, split.train, split.validation, on_epoch)
    done, network = fitted.status == "done", job.trial.network
    probabilities = _probabilities(fitted.engine, split) if done else {}
    labels = {part: getattr(split, part).labels for part in PARTS}
    scores = {part: score(values, labels[part]) for part, values in probabilities.items()}
    unsure = unsure_threshold(probabilities["validation"], labels["validation"]) if done else None
    record = RunRecord(
        trial=job.trial.name,
        seed=job.seed,
        status=fitted.status,
        reason=_reason(fitted),
        epoch=fitted.epoch,
        scores=scores,
        unsure_below=unsure,
        parameters=None if network.module else network.parameters(split.info.task),
        history=fitted.history,
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu_started,
        engine=job.engine,
        device=job.device,
        network=network,
        training=job.trial.training,
        data=split.info,
        environment=environment(job.engine),
    )
    nothing = np.empty((0, split.info.task.classes), np.float32)
    weights = fitted.engine.weights() if done else {}
    found = Run(record, weights, probabilities.get("test", nothing))
    if network.module is None:
        return found
    from mnistlab.training.modules import completed

    return completed(found, fitted.engine, split.validation.pixels)


def learning_rate(training: Training, epoch: int) -> float:
    """The rate of an epoch (from 1), which never exceeds `learning_rate`.

    `cosine` falls by half a cosine towards 0. `onecycle` rises by one from a 25th over three tenths
    of the epochs, and falls by another (Smith and Topin, "Super-convergence", 2018).
    """
    highest, cycle = training.learning_rate, (epoch - 0.5) / training.epochs
    if training.schedule == "cosine":
        return highest * (1 + math.cos(math.pi * (epoch - 1) / training.epochs)) / 2
    if training.schedule == "onecycle" and cycle < RISE:
        return highest * (1 - 24 / 25 * (1 + math.cos(math.pi * cycle / RISE)) / 2)
    if training.schedule == "onecycle":
        return highest * (1 + math.cos(math.pi * (cycle - RISE) / (1 - RISE))) / 2
    return highest


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
    network = job.trial.network
    batches = Batches(network, job.trial.training, train, job.seed)
    if network.module:
        from mnistlab.training.modules import start

        return start(network.module, batches, job.device)
    initial = initial_weights(network, generator(job.seed, Purpose.weights), train.task)
    if job.engine != "torch":
        return NativeEngine(batches, initial)
    from mnistlab.training.torch import TorchEngine  # the extra: only what needs it loads it

    return TorchEngine(batches, initial, job.device)


def _ready_for(job: Job) -> AbstractContextManager[None]:
    """PyTorch held to one thread while it trains, and a module to its seed's random numbers."""
    if job.engine != "torch":
        return nullcontext()  # the native engine has one thread, and draws nothing
    from mnistlab.training.torch import one_thread

    if job.trial.network.module is None:
        return one_thread()
    from mnistlab.training.modules import running

    return running(job.trial.network.module, job.seed, job.device)


def _epoch(
    engine: Engine, number: int, training: Training, order: Rows, validation: Images
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


def _probabilities(engine: Engine, split: Split) -> dict[str, Floats]:
    return {part: softmax(engine.logits(getattr(split, part).pixels)) for part in PARTS}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _all_finite(weights: Weights) -> bool:
    return all(bool(np.isfinite(value).all()) for value in weights.values())


def _reason(fitted: Fit) -> str | None:
    """Why a run that is not done has ended."""
    last = fitted.history[-1]
    if fitted.status == "diverged":
        finite = last.train_loss is not None and last.validation_loss is not None
        what = "a weight" if finite else "the loss"
        return f"{what} was not finite in epoch {last.epoch}"
    return f"stopped after epoch {last.epoch}" if fitted.status == "pruned" else None
