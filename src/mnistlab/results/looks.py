"""Seeds added until every change has a verdict: looks fixed beforehand, and what each decides.

The chances to err of all looks add up to that of a single test, so that stopping early costs none.
Differences go in and judgements come out: the same differences give the same judgements, in
whatever order and in however many calls they were trained.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mnistlab.results.judging import Judgement, judge
from mnistlab.results.statistics import LEVEL

FIRST, MAX_SEEDS = 5, 40
Change = Mapping[int, float | None]  # seed → difference; None where a run came to nothing


@dataclass(frozen=True)
class Look:
    """A look at all changes that are open, after so many seeds."""

    seeds: int
    level: float  # the chance to err that it may take, for all changes together


@dataclass(frozen=True)
class Decisions:
    """What the looks so far came to."""

    judgements: list[Judgement]  # of each change, at its own look
    open: list[int]  # the changes whose next look is due, by position
    seeds: int  # that these need, from 0; as many as are there if nothing is open


def plan_looks(first: int = FIRST, most: int = MAX_SEEDS) -> tuple[Look, ...]:
    """Looks after `first` seeds, twice as many, and so on, the last after `most`.

    Levels are in proportion to √seeds and add up to 0.05: few more runs than equal levels, and more
    decided at the end (simulated, docs/statistics.md).
    """
    seeds = [most]
    while first < most:
        seeds.insert(-1, first)
        first *= 2
    total = sum(map(math.sqrt, seeds))
    return tuple(Look(n, LEVEL * math.sqrt(n) / total) for n in seeds)


def decide(
    changes: Sequence[Change], looks: Sequence[Look], margin: float, images: int
) -> Decisions:
    """Go through the looks until one lacks a seed; each judges the changes that are still open.

    At a look only its own seeds count, however many there are, and every change of the book counts
    in the correction: those decided before with p = 0 where a direction was claimed, and p = 1
    where they were equivalent without one.
    """
    judgements = judge([()] * len(changes), margin, images)
    still, seeds = list(range(len(changes))), 0
    for number, look in enumerate(looks, 1):
        if not still or any(not _reached(changes[i], look.seeds) for i in still):
            return Decisions(judgements, still, look.seeds if still else seeds)
        decided = [judgements[i] for i in range(len(changes)) if i not in still]
        others = [0.0 if each.direction else 1.0 for each in decided]
        values = [_until(changes[i], look.seeds) for i in still]
        for i, each in zip(still, judge(values, margin, images, look.level, others), strict=True):
            judgements[i] = replace(each, look=number)
        still, seeds = [i for i in still if not judgements[i].decided], look.seeds
    return Decisions(judgements, [], seeds)


def _reached(change: Change, seeds: int) -> bool:
    return all(seed in change for seed in range(seeds))


def _until(change: Change, seeds: int) -> list[float]:
    """The differences of the first so many seeds, by seed."""
    values = (change[seed] for seed in range(seeds))
    return [value for value in values if value is not None]
