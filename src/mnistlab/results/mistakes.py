"""What the networks of a trial get wrong on the test images, from their stored probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mnistlab.images import Images
from mnistlab.model import Probabilities
from mnistlab.results.statistics import Interval, interval, wilson
from mnistlab.results.store import StoredRun
from mnistlab.training.scores import Labels, confusion_matrix

BINS = 15  # of confidence, as in the paper that `reliability` names
MAX_HARDEST = 24  # images shown that every seed gets wrong
MAX_SHOWN = 12  # images shown of each other kind
MAX_PAIRS = 10  # pairs of classes shown that are confused most
LIKELIEST = 3  # classes of an example whose probabilities are shown

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Recall:
    """The share of a class's test images that are recognised: its mean over the seeds.

    `low` and `high` are Wilson's interval for the number of images; all None without images.
    """

    name: str  # of the class
    images: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ConfusedPair:
    """How many test images of one class are taken for another, mean over the seeds."""

    truth: str
    taken_for: str
    mean: float
    images: int  # of `truth`


@dataclass(frozen=True)
class Example:
    """A test image, and how a trial's networks classify it."""

    index: int  # among the test images, from 0
    truth: str  # the name of its class
    seeds_right: int  # that get it right
    seeds: int
    likeliest: tuple[tuple[str, float], ...]  # classes: of `seed`, or by the mean over all seeds
    seed: int | None = None


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence: how many per seed, and how many of them right."""

    images: float
    confidence: float  # mean
    accuracy: float


@dataclass(frozen=True)
class Mistakes:
    """One trial's mistakes on the test images."""

    seeds: int
    confusion: Floats  # (classes, classes), mean over seeds: row the true one, column the predicted
    recalls: tuple[Recall, ...]
    confused: tuple[ConfusedPair, ...]  # most first
    always_wrong: int  # images that every seed gets wrong
    always_wrong_shown: tuple[Example, ...]  # of those, the most confidently wrong first
    most_confident_errors: tuple[Example, ...]  # wrong predictions of single seeds
    ece: Interval  # expected calibration error
    bins: tuple[Bin, ...]

    @property
    def error_shares(self) -> Floats:
        """Errors as shares of each true class's images, (classes, classes); 0 where none is one."""
        images = np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        return np.asarray(self.confusion * (1 - np.eye(len(self.confusion))) / images)


@dataclass(frozen=True)
class GainsAndLosses:
    """Test images that a change gains (wrong before it, right after it) and loses."""

    gained: Interval  # images per seed
    lost: Interval
    most_gained: tuple[Example, ...]  # by how many more seeds gained than lost it
    most_lost: tuple[Example, ...]


@dataclass(frozen=True)
class TestPredictions:
    """What the runs of one trial predict for the test images, a row per seed."""

    seeds: tuple[int, ...]
    probabilities: npt.NDArray[np.float32]  # (seeds, n, classes)
    labels: Labels  # (n,), positions of the true classes
    classes: tuple[str, ...]

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which predictions are right, (seeds, n)."""
        right: npt.NDArray[np.bool_] = self.probabilities.argmax(axis=2) == self.labels
        return right


def load_predictions(runs: Sequence[StoredRun], test: Images) -> TestPredictions | None:
    """Return the stored predictions of a trial's finished runs, None if it has none.

    `runs` and `test` come from one results folder, which is about one data set. Raises StoreError.
    """
    done = [run for run in runs if run.record.status == "done"]
    if not done:
        return None
    probabilities = np.stack([run.predictions() for run in done])
    seeds = tuple(run.record.seed for run in done)
    return TestPredictions(seeds, probabilities, test.labels, test.classes)


def find_mistakes(predictions: TestPredictions) -> Mistakes:
    """Return the mistakes of a trial."""
    probabilities, labels = predictions.probabilities, predictions.labels
    classes, seeds = predictions.classes, len(predictions.seeds)
    counts = np.bincount(labels, minlength=len(classes))
    predicted, confidence = probabilities.argmax(axis=2), probabilities.max(axis=2)
    matrices = [confusion_matrix(row, labels, len(classes)) for row in predicted]
    confusion = np.mean(matrices, axis=0)
    never_right = ~predictions.right.any(axis=0)
    errors = np.where(predictions.right, 0, confidence)
    return Mistakes(
        seeds=seeds,
        confusion=confusion,
        recalls=tuple(map(_recall, classes, confusion.diagonal(), counts.tolist())),
        confused=_confused_pairs(confusion, classes, counts),
        always_wrong=int(never_right.sum()),
        always_wrong_shown=_highest(
            never_right * confidence.mean(axis=0), predictions, MAX_HARDEST
        ),
        most_confident_errors=_highest(
            errors.max(axis=0), predictions, MAX_SHOWN, errors.argmax(axis=0)
        ),
        ece=interval([ece(run, labels) for run in probabilities]),
        bins=reliability(probabilities.reshape(-1, len(classes)), np.tile(labels, seeds), seeds),
    )


def find_gains_and_losses(before: TestPredictions, after: TestPredictions) -> GainsAndLosses | None:
    """Return what a change gains and loses over the seeds of both trials, None without any."""
    seeds = [seed for seed in after.seeds if seed in before.seeds]
    if not seeds:
        return None
    then, now = (each.right[[each.seeds.index(seed) for seed in seeds]] for each in (before, after))
    gained, lost = now & ~then, then & ~now
    net = gained.sum(axis=0) - lost.sum(axis=0)  # seeds that gain an image, less those that lose it
    return GainsAndLosses(
        interval([float(count) for count in gained.sum(axis=1)]),
        interval([float(count) for count in lost.sum(axis=1)]),
        _highest(net, after, MAX_SHOWN),
        _highest(-net, after, MAX_SHOWN),
    )


def reliability(probabilities: Probabilities, labels: Labels, seeds: int = 1) -> tuple[Bin, ...]:
    """Return how often predictions are right, by their confidence: the largest probability.

    `probabilities` (n, classes) and `labels` (n,) are those of all `seeds`. Of 15 bins of equal
    width the empty ones are left out. Guo and others, "On Calibration of Modern Neural Networks"
    (2017).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * BINS), 1, BINS)  # bin m holds ((m - 1)/15, m/15]
    members = (place == number for number in np.unique(place))
    return tuple(
        Bin(float(here.sum()) / seeds, float(confidence[here].mean()), float(right[here].mean()))
        for here in members
    )


def ece(probabilities: Probabilities, labels: Labels) -> float:
    """Return the expected calibration error: Σ (share of the bin)·|accuracy - confidence|."""
    bins = reliability(probabilities, labels)
    return sum(one.images * abs(one.accuracy - one.confidence) for one in bins) / len(labels)


def _recall(name: str, right: float, images: int) -> Recall:
    bounds = wilson(right / images, images) if images else None
    mean, low, high = (float(right / images), *bounds) if bounds else (None, None, None)
    return Recall(name, images, mean, low, high)


def _confused_pairs(
    confusion: Floats, classes: Sequence[str], counts: Counts
) -> tuple[ConfusedPair, ...]:
    wrong = confusion - np.diag(confusion.diagonal())
    most = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    pairs = (divmod(int(cell), len(classes)) for cell in most)
    return tuple(
        ConfusedPair(classes[i], classes[j], float(wrong[i, j]), int(counts[i]))
        for i, j in pairs
        if wrong[i, j] > 0
    )


def _highest(
    score: npt.NDArray[np.number],
    predictions: TestPredictions,
    count: int,
    rows: Counts | None = None,
) -> tuple[Example, ...]:
    """The images of the highest scores (n,) above 0; `rows` (n,) says whose answers are shown."""
    best = [index for index in np.argsort(-score, kind="stable")[:count] if score[index] > 0]
    return tuple(_example(predictions, i, None if rows is None else int(rows[i])) for i in best)


def _example(predictions: TestPredictions, index: np.intp, row: int | None = None) -> Example:
    probabilities = predictions.probabilities[:, index]
    chosen = probabilities.mean(axis=0) if row is None else probabilities[row]
    classes, best = predictions.classes, np.argsort(-chosen, kind="stable")[:LIKELIEST]
    return Example(
        index=int(index),
        truth=classes[predictions.labels[index]],
        seeds_right=int(predictions.right[:, index].sum()),
        seeds=len(predictions.seeds),
        likeliest=tuple((classes[each], float(chosen[each])) for each in best),
        seed=None if row is None else predictions.seeds[row],
    )
