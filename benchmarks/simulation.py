"""Books of known truth, judged by thousands at once: what `benchmarks/verdicts.py` counts.

The formulas of `mnistlab.results` again, on arrays of (books, seeds, changes); `agree` holds them
against the package's own functions, change by change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from mnistlab.results.best import tell_apart
from mnistlab.results.judging import EQUIVALENT, HELPED, HURT, Judgement, judge, least_spread
from mnistlab.results.looks import Look, decide
from mnistlab.results.statistics import LEVEL

CHANGES = ((0, 1), (1, 2), (2, 3), (3, 4), (3, 5))  # (parent, trial) among the six trials
PATHS = ((), (0,), (0, 1), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2, 4))  # changes up to each trial
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Noise = Callable[[np.random.Generator, tuple[int, int]], Floats]  # (books, seeds, trials)


@dataclass(frozen=True)
class Judged:
    """What became of the changes of many books, each array (books, changes)."""

    equivalent: Bools
    sign: npt.NDArray[np.int64]  # of the difference where it was claimed, also of equivalents
    low: Floats
    high: Floats
    seeds: npt.NDArray[np.int64]  # used

    @property
    def decided(self) -> Bools:
        """Whether a change is helped, hurt or equivalent."""
        decided: Bools = self.equivalent | (self.sign != 0)
        return decided


def accuracies(
    noise: Noise, effects: Sequence[float], shape: tuple[int, int], images: int,
    generator: np.random.Generator,
) -> Floats:  # fmt: skip
    """Accuracies (books, seeds, trials) in whole images, rounded up or down in proportion.

    Where between two counts of images a book begins is left to chance.
    """
    depth = np.array([sum(effects[change] for change in path) for path in PATHS])
    begin = generator.uniform(0, 1, (shape[0], 1, 1)) / images
    exact = (0.9 + begin + depth + noise(generator, shape)) * images
    rounded: Floats = np.floor(exact + generator.uniform(0, 1, exact.shape)) / images
    return rounded


def differences(accuracy: Floats) -> Floats:
    """The differences (books, seeds, changes) of each trial from its parent."""
    after, before = zip(*((after, before) for before, after in CHANGES), strict=True)
    return accuracy[:, :, list(after)] - accuracy[:, :, list(before)]


def mean_and_error(values: Floats, images: int, least: float = 1.0) -> tuple[Floats, Floats]:
    """Mean and standard error over the seeds, axis 1; `least` times the least spread is taken."""
    spread = np.maximum(values.std(axis=1, ddof=1), least * least_spread(images))
    return values.mean(axis=1), spread / np.sqrt(values.shape[1])


def holm(p: Floats) -> Floats:
    """Holm's correction along the last axis."""
    order = np.argsort(p, axis=1, kind="stable")
    scaled = np.take_along_axis(p, order, 1) * np.arange(p.shape[1], 0, -1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, np.maximum.accumulate(np.minimum(scaled, 1), axis=1), 1)
    return corrected


def fixed(
    changes: Floats,
    margin: float,
    images: int,
    level: float = LEVEL,
    frozen: Floats | None = None,
    least: float = 1.0,
) -> Judged:
    """Changes judged once, with all their seeds; `frozen` p values, or NaN, of the decided."""
    n, m = changes.shape[1:]
    mean, error = mean_and_error(changes, images, least)
    p = 2 * stdtr(n - 1, -np.abs(mean / error))
    if frozen is not None:
        p = np.where(np.isnan(frozen), p, frozen)
    sign = np.where(holm(p) <= level, np.sign(mean), 0).astype(np.int64)
    equivalent = np.abs(mean) + stdtrit(n - 1, 1 - level / m) * error < margin
    half = stdtrit(n - 1, 1 - level / 2) * error
    return Judged(equivalent, sign, mean - half, mean + half, np.full(mean.shape, n))


def sequential(changes: Floats, margin: float, images: int, looks: Sequence[Look]) -> Judged:
    """Changes judged look by look; intervals are those of the look that decided, or the last."""
    shape = (changes.shape[0], changes.shape[2])
    frozen = np.full(shape, np.nan)
    total = fixed(changes[:, :2], margin, images)  # to be overwritten
    for look in looks:
        now = fixed(changes[:, : look.seeds], margin, images, look.level, frozen)
        still = np.isnan(frozen)
        for name, values in vars(now).items():
            getattr(total, name)[still] = values[still]
        frozen[still & now.equivalent] = 1.0
        frozen[still & (now.sign != 0)] = 0.0
    return total


def all_hold(changes: Floats, effects: Floats, images: int, looks: Sequence[Look]) -> Bools:
    """Whether the repeated intervals of all looks hold the truth, were none the last."""
    each = (fixed(changes[:, : look.seeds], 1.0, images, look.level) for look in looks)
    held = [(it.low <= effects) & (effects <= it.high) for it in each]
    always: Bools = np.all(held, axis=0)
    return always


def seeds_by_trial(judged: Judged) -> npt.NDArray[np.int64]:
    """The seeds (books, trials) that each trial was trained with."""
    used = [
        judged.seeds[:, [change for change, ends in enumerate(CHANGES) if trial in ends]].max(
            axis=1
        )
        for trial in range(len(PATHS))
    ]
    return np.stack(used, axis=1)


def told_apart(accuracy: Floats, images: int, tests: int = 6) -> Bools:
    """Whether each trial (books, trials) is worse than another, at 0.05 / tests.

    With as many tests as trials it is what `best.tell_apart` says.
    """
    n, trials = accuracy.shape[1:]
    worse = np.zeros((len(accuracy), trials), bool)
    for trial in range(trials):
        mean, error = mean_and_error(accuracy - accuracy[:, :, [trial]], images)
        p = stdtr(n - 1, -mean / error)
        worse[:, trial] = (p <= LEVEL / tests).any(axis=1)
    return worse


def agree(
    changes: Floats, margin: float, images: int, looks: Sequence[Look], books: int = 20
) -> None:
    """Hold the arrays against `judge` and `decide`. Raises AssertionError."""
    some = changes[:books]
    for n in (3, 5, 20):
        judged = fixed(some[:, :n], margin, images)
        for book, values in enumerate(some[:, :n]):
            _same(judged, book, judge(values.T.tolist(), margin, images))
    judged = sequential(some, margin, images, looks)
    for book, values in enumerate(some):
        by_seed = [dict(enumerate(each)) for each in values.T.tolist()]
        _same(judged, book, decide(by_seed, looks, margin, images).judgements)
    for accuracy in accuracies_of(some):
        assert told_apart(accuracy[None], images)[0].tolist() == tell_apart(accuracy.T, images)


def accuracies_of(changes: Floats) -> Floats:
    """Trials (books, seeds, trials) that differ so, from 0.9 on."""
    return np.stack([0.9 + changes[:, :, list(path)].sum(axis=2) for path in PATHS], axis=2)


def _same(judged: Judged, book: int, theirs: Sequence[Judgement]) -> None:
    for change, it in enumerate(theirs):
        assert it.interval.n == judged.seeds[book, change]
        assert judged.equivalent[book, change] == (it.verdict == EQUIVALENT)
        assert {HELPED: 1, HURT: -1, None: 0}[it.direction] == judged.sign[book, change]
        bounds = judged.low[book, change], judged.high[book, change]
        assert it.interval.low is not None
        assert it.interval.high is not None
        np.testing.assert_allclose([it.interval.low, it.interval.high], bounds, atol=1e-12)
