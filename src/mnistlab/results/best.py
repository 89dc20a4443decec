"""The best trial, and those that cannot be told from it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from mnistlab.results.judging import FEWEST, least_spread
from mnistlab.results.statistics import LEVEL
from mnistlab.training.record import RunRecord

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Best:
    """The trial with the highest mean validation accuracy, among its rivals."""

    trial: str
    rivals: tuple[str, ...]  # cannot be told from it, in the book's order
    told_apart: tuple[str, ...]  # are worse than another trial for certain
    too_few: tuple[str, ...]  # trials not compared: fewer than 3 seeds, where others have more
    seeds: tuple[int, ...]  # that all compared trials have; fewer than 3 tell nothing apart


def find_best(trials: Sequence[str], records: Sequence[RunRecord]) -> Best | None:
    """The best of these trials, over the seeds common to all; None if no run is done.

    Without a common seed means are over each trial's own.
    """
    done = {name: _accuracies(name, records) for name in trials}
    there = {name: each for name, each in done.items() if each}
    compared = {name: each for name, each in there.items() if len(each) >= FEWEST} or there
    if not compared:
        return None
    common = sorted(set.intersection(*(set(each) for each in compared.values())))
    means = {
        name: fmean([each[seed] for seed in common] or each.values())
        for name, each in compared.items()
    }
    best = max(means, key=means.__getitem__)
    images = next(it.data.sizes["validation"] for it in records if it.trial == best)
    paired = np.array([[each[seed] for seed in common] for each in compared.values()])
    worse = tell_apart(paired, images)
    apart = tuple(name for name, it in zip(compared, worse, strict=True) if it)
    rivals = tuple(name for name in compared if name != best and name not in apart)
    too_few = tuple(name for name in there if name not in compared)
    return Best(best, rivals, apart, too_few, tuple(common))


def tell_apart(accuracies: Floats, images: int) -> list[bool]:
    """Whether each trial is worse than another, by accuracies (trials, seeds) on `images` images.

    A trial is, if some other beats it in a one-sided paired t test at 0.05 / trials. So the truly
    best one is taken for worse with a chance of 5 % at most, whatever the spreads: subset selection
    (Gupta 1965), the multiple comparisons with the best of Hsu (1984), by Bonferroni. Normal
    differences would allow 0.05 / (trials - 1); those of real runs are a little skewed.
    """
    from scipy.special import stdtr

    trials, seeds = accuracies.shape
    if seeds < FEWEST or trials < 2:
        return [False] * trials
    worse = []
    for each in accuracies:
        gains = accuracies - each
        spreads = np.maximum(gains.std(axis=1, ddof=1), least_spread(images))
        p_values = stdtr(seeds - 1, -gains.mean(axis=1) / (spreads / math.sqrt(seeds)))
        worse.append(bool(p_values.min() <= LEVEL / trials))
    return worse


def _accuracies(name: str, records: Sequence[RunRecord]) -> dict[int, float]:
    """Seed → validation accuracy of a trial's finished runs."""
    done = (it for it in records if it.trial == name and it.status == "done")
    return {it.seed: it.scores["validation"].accuracy for it in done}
