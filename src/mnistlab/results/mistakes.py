"""What the networks of a trial get wrong on the test images, from the probabilities stored with
each run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistlab.errors import StoreError
from mnistlab.images import CLASSES, Images
from mnistlab.model import Probabilities
from mnistlab.results.statistics import Interval, interval, wilson
from mnistlab.results.store import Store, StoredRun
from mnistlab.training.scores import Labels, confusion_matrix

BINS = 15  # of confidence, as Guo and others have it
GALLERY = 24  # images shown that every seed gets wrong; half as many of other kinds
PAIRS = 8  # pairs shown of those confused most

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recall:
    """The share of a digit's test images that is read right: mean over seeds, Wilson interval over
    the images.
    """

    digit: int
    images: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Confused:
    """How many images of `digit` are read as `read_as`, mean over seeds."""

    digit: int
    read_as: int
    mean: float
    images: int  # of that digit


@dataclass(frozen=True)
class Case:
    """A test image and what the networks say of it."""

    index: int  # among the test images, from 0
    digit: int
    right: int  # seeds that read it right
    seeds: int
    probabilities: tuple[
        float, ...
    ]  # of each digit: mean over the seeds, or of the one seed that is meant
    seed: int | None = None

    def likeliest(self, count: int = 3) -> list[tuple[int, float]]:
        """The digits it is taken for, likeliest first, with their probabilities."""
        return sorted(enumerate(self.probabilities), key=lambda each: -each[1])[:count]


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same confidence: how many a run, how sure on average, and how often
    right.
    """

    images: float
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Mistakes:
    """One trial's mistakes on the test images."""

    seeds: int
    confusion: Floats  # (10, 10), mean over seeds: row the true digit, column what it is read as
    recalls: tuple[Recall, ...]
    confused: tuple[Confused, ...]  # most first
    always_wrong: int  # images that no seed reads right
    hardest: tuple[Case, ...]  # of those, the most confidently wrong first
    surest: tuple[Case, ...]  # single predictions, wrong and most confident
    ece: Interval
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Trade:
    """Test images gained and lost by a change: right after and wrong before, and the other way
    round.
    """

    gained: Interval  # images a paired seed
    lost: Interval
    gains: tuple[Case, ...]  # those that most seeds gained
    losses: tuple[Case, ...]


@dataclass(frozen=True)
class TestPredictions:
    """What one trial's runs make of the test images, a row a seed."""

    seeds: tuple[int, ...]
    probabilities: npt.NDArray[np.float32]  # (seeds, n, 10)
    right: Bools  # (seeds, n)


def load_predictions(runs: Sequence[StoredRun], test: Images) -> TestPredictions | None:
    """The stored predictions of a trial's finished runs; None if it has none. Raises StoreError."""
    done = [run for run in runs if run.record.status == "done"]
    if not done:
        return None
    for run in done:
        if run.predictions().shape != (len(test), CLASSES):
            raise StoreError(
                f"{run.folder}: its predictions are of other test images; delete this folder"
            )
    probabilities = np.stack([run.predictions() for run in done])
    right = probabilities.argmax(axis=2) == test.labels
    return TestPredictions(tuple(run.record.seed for run in done), probabilities, right)


def study(read: TestPredictions, labels: Labels) -> Mistakes:
    """The mistakes of a trial, given the labels (n,) of the test images."""
    counts = np.bincount(labels, minlength=CLASSES)
    predicted = read.probabilities.argmax(axis=2)
    confusion = np.mean([confusion_matrix(row, labels, CLASSES) for row in predicted], axis=0)
    never = np.flatnonzero(~read.right.any(axis=0))
    sure = read.probabilities.max(axis=2)
    return Mistakes(
        seeds=len(read.seeds),
        confusion=confusion,
        recalls=tuple(
            _recall(digit, confusion[digit, digit], int(counts[digit])) for digit in range(CLASSES)
        ),
        confused=_confused(confusion, counts),
        always_wrong=len(never),
        hardest=tuple(
            _case(read, labels, i) for i in never[np.argsort(-sure.mean(axis=0)[never])][:GALLERY]
        ),
        surest=_surest(read, labels, sure),
        ece=interval([ece(values, labels) for values in read.probabilities]),
        bins=reliability(
            read.probabilities.reshape(-1, CLASSES),
            np.tile(labels, len(read.seeds)),
            len(read.seeds),
        ),
    )


def trade(before: TestPredictions, after: TestPredictions, labels: Labels) -> Trade | None:
    """What a change gained and lost, over the seeds that both trials have; None if they
    share none.
    """
    seeds = [seed for seed in after.seeds if seed in before.seeds]
    if not seeds:
        return None
    then, now = (read.right[[read.seeds.index(seed) for seed in seeds]] for read in (before, after))
    gained, lost = (now & ~then), (then & ~now)
    return Trade(
        interval([float(count) for count in gained.sum(axis=1)]),
        interval([float(count) for count in lost.sum(axis=1)]),
        _most(gained.sum(axis=0) - lost.sum(axis=0), after, labels),
        _most(lost.sum(axis=0) - gained.sum(axis=0), after, labels),
    )


def compare_predictions(
    store: Store, runs: Sequence[StoredRun], before: str, after: str
) -> Trade | None:
    """What going from one stored trial to another gains and loses. Raises StoreError."""
    test = store.test()
    then, now = (
        load_predictions([run for run in runs if run.record.trial == name], test)
        for name in (before, after)
    )
    return trade(then, now, test.labels) if then and now else None


def reliability(probabilities: Probabilities, labels: Labels, runs: int = 1) -> tuple[Bin, ...]:
    """The non-empty ones of 15 equally wide bins of confidence (n, 10) against labels (n,); counts
    divided by `runs`.

    Confidence is the largest probability. Guo and others, "On Calibration of Modern Neural
    Networks" (2017), §2.
    """
    sure = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(
        np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1
    )  # bin m holds ((m-1)/15, m/15]
    return tuple(
        Bin(float(here.sum()) / runs, float(sure[here].mean()), float(right[here].mean()))
        for here in (place == number for number in range(BINS))
        if here.any()
    )


def ece(probabilities: Probabilities, labels: Labels) -> float:
    """Expected calibration error: Σ (share of the bin)·|accuracy - confidence| over `reliability`'s
    bins.
    """
    bins = reliability(probabilities, labels)
    return sum(one.images * abs(one.accuracy - one.confidence) for one in bins) / len(labels)


def _recall(digit: int, right: float, images: int) -> Recall:
    bounds = wilson(right / images, images) if images else None
    if bounds is None:
        return Recall(digit, images, None, None, None)
    return Recall(digit, images, right / images, *bounds)


def _confused(confusion: Floats, counts: npt.NDArray[np.intp]) -> tuple[Confused, ...]:
    wrong = confusion - np.diag(confusion.diagonal())
    most = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = (divmod(int(cell), CLASSES) for cell in most)
    return tuple(
        Confused(i, j, float(wrong[i, j]), int(counts[i])) for i, j in pairs if wrong[i, j] > 0
    )


def _surest(
    read: TestPredictions, labels: Labels, sure: npt.NDArray[np.float32]
) -> tuple[Case, ...]:
    """The most confident wrong prediction about each image, of the seed that made it; most
    confident first.
    """
    confidence = np.where(read.right, 0, sure)
    worst = confidence.max(axis=0)
    images = [i for i in np.argsort(-worst, kind="stable")[: GALLERY // 2] if worst[i] > 0]
    return tuple(_case(read, labels, i, int(confidence[:, i].argmax())) for i in images)


def _most(score: npt.NDArray[np.intp], read: TestPredictions, labels: Labels) -> tuple[Case, ...]:
    images = [i for i in np.argsort(-score, kind="stable")[: GALLERY // 2] if score[i] > 0]
    return tuple(_case(read, labels, i) for i in images)


def _case(read: TestPredictions, labels: Labels, index: np.intp, row: int | None = None) -> Case:
    said = (
        read.probabilities[:, index].mean(axis=0) if row is None else read.probabilities[row, index]
    )
    return Case(
        index=int(index),
        digit=int(labels[index]),
        right=int(read.right[:, index].sum()),
        seeds=len(read.seeds),
        probabilities=tuple(float(value) for value in said),
        seed=None if row is None else read.seeds[row],
    )
