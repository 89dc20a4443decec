"""Did a change help? Each trial against its parent, over the seeds that both were trained with.

The one test is on validation accuracy; test figures stand beside it and decide nothing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mnistlab.book.trial import Trial, changed
from mnistlab.results.statistics import (
    LEVEL,
    Interval,
    holm,
    interval,
    seeds_needed,
    sign_flip_test,
    spread,
    t_test,
)
from mnistlab.training.record import RunRecord

METRIC = "validation accuracy"
FEWEST = 3  # paired seeds for a verdict
TOO_LITTLE = 0.001  # an interval inside ±0.1 points is a difference that matters to nobody
SETTLED = 5  # epochs before smoothness is measured
HELPED, HURT, UNCLEAR, TOO_FEW = "helped", "hurt", "no clear difference", "too few seeds"


@dataclass(frozen=True)
class Judgement:
    """What the seeds say of one change. None where there is no answer: see `judge`."""

    n: int  # paired seeds
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    p_sign_flip: float | None
    tested: int  # changes that Holm's correction was made for
    needed: (
        int | None
    )  # seeds that a difference of this size would need; None where decided, or beyond counting
    verdict: str  # HELPED, HURT, UNCLEAR or TOO_FEW

    @property
    def verdict_text(self) -> str:
        """The verdict with its reservation, if it has one."""
        if self.low is not None and self.high is not None:
            if self.verdict in (HELPED, HURT) and self.low > -TOO_LITTLE and self.high < TOO_LITTLE:
                return f"{self.verdict}, too little to matter"
            if self.verdict == UNCLEAR and not self.low <= 0 <= self.high:
                return f"{UNCLEAR} after correcting for {self.tested} changes"
        return self.verdict

    @property
    def disputed(self) -> bool:
        """Whether the exact test comes down on the other side of the level than the t test."""
        if self.p is None or self.p_sign_flip is None:
            return False
        return (self.p <= LEVEL) != (self.p_sign_flip <= LEVEL)


@dataclass(frozen=True)
class Comparison:
    """One change, and what came of it."""

    trial: Trial
    parent: Trial
    judgement: Judgement
    also: dict[str, Interval]  # differences of other figures; of `time` the ratio
    left_out: tuple[str, ...]  # runs of either trial that have no partner, and why

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Setting → (before, after)."""
        return changed(self.parent, self.trial)

    def row(self) -> dict[str, Any]:
        """As `results.json` has it."""
        judged = self.judgement
        return {
            "trial": self.trial.name,
            "parent": self.parent.name,
            "changed": self.changed,
            "metric": METRIC,
            "n": judged.n,
            "difference": judged.difference,
            "low": judged.low,
            "high": judged.high,
            "p": judged.p,
            "p_holm": judged.p_holm,
            "p_sign_flip": judged.p_sign_flip,
            "verdict": judged.verdict,
            "reads": judged.verdict_text,
            "seeds_needed": judged.needed,
            "also": {
                name: {
                    "n": it.n,
                    "ratio" if name == "time" else "difference": it.mean,
                    "low": it.low,
                    "high": it.high,
                }
                for name, it in self.also.items()
            },
        }


def compare(trials: Sequence[Trial], records: Sequence[RunRecord]) -> list[Comparison]:
    """Every change among `trials` of which the changed trial has runs, in order, corrected for one
    another.
    """
    names = {trial.name: trial for trial in trials}
    there = {record.trial for record in records}
    return compare_pairs(
        [(names[trial.parent], trial) for trial in trials if trial.parent and trial.name in there],
        records,
    )


def compare_pairs(
    pairs: Sequence[tuple[Trial, Trial]], records: Sequence[RunRecord]
) -> list[Comparison]:
    """Each (before, after) of `pairs`, corrected for one another; a run counts where both have its
    seed done.
    """
    matched = [_matched(before, after, records) for before, after in pairs]
    judgements = judge([_differences(runs, MEASURES[METRIC]) for runs in matched])
    return [
        Comparison(
            after,
            before,
            judgement,
            {
                name: interval(_differences(runs, figure))
                for name, figure in MEASURES.items()
                if name != METRIC
            }
            | {"time": _ratio(runs)},
            _left_out((before, after), records),
        )
        for (before, after), runs, judgement in zip(pairs, matched, judgements, strict=True)
    ]


def judge(changes: Sequence[Sequence[float]]) -> list[Judgement]:
    """The verdict on each of a book's changes, given its differences in validation accuracy, one a
    paired seed.

    With fewer than three there is no p and no verdict. If all are the same there is no spread, so
    no interval and no t: then p is that of the exact test, and 1 for no difference at all.
    """
    tested = [i for i, differences in enumerate(changes) if len(differences) >= FEWEST]
    p_values = {i: _p(changes[i]) for i in tested}
    adjusted = dict(zip(tested, holm(list(p_values.values())), strict=True))
    return [
        _judgement(differences, p_values.get(i), adjusted.get(i), len(tested))
        for i, differences in enumerate(changes)
    ]


def _p(differences: Sequence[float]) -> float:
    if spread(differences):
        return t_test(differences)
    return 1.0 if abs(differences[0]) < 1e-12 else 2.0 ** (1 - len(differences))


def _judgement(
    differences: Sequence[float], p: float | None, p_holm: float | None, tested: int
) -> Judgement:
    it = interval(differences)
    varied = it.n > 1 and spread(differences) > 0
    clear = not varied or it.low is None or it.high is None or not it.low <= 0 <= it.high
    verdict = UNCLEAR
    if p is None or p_holm is None or it.mean is None:
        verdict = TOO_FEW
    elif p_holm <= LEVEL and clear:
        verdict = HELPED if it.mean > 0 else HURT
    return Judgement(
        n=it.n,
        difference=it.mean,
        low=it.low if varied else None,
        high=it.high if varied else None,
        p=p,
        p_holm=p_holm,
        p_sign_flip=None if p is None else sign_flip_test(differences),
        tested=tested,
        needed=seeds_needed(differences, LEVEL / tested) if varied and verdict == UNCLEAR else None,
        verdict=verdict,
    )


Pairs = list[tuple[RunRecord, RunRecord]]
Measure = Callable[[RunRecord], float | None]


def smoothness(record: RunRecord) -> float | None:
    """Mean absolute change of the validation loss from one epoch to the next, after epoch 5; lower
    is smoother.
    """
    losses = [epoch.validation_loss for epoch in record.history[SETTLED - 1 :]]
    steps = [
        abs(after - before)
        for before, after in pairwise(losses)
        if before is not None and after is not None
    ]
    return math.fsum(steps) / len(steps) if steps else None


def overfitting(record: RunRecord) -> float:
    """Validation loss minus training loss, at the chosen weights."""
    return record.scores["validation"].loss - record.scores["train"].loss


MEASURES: dict[str, Measure] = {
    METRIC: lambda record: record.scores["validation"].accuracy,
    "validation loss": lambda record: record.scores["validation"].loss,
    "test accuracy": lambda record: record.scores["test"].accuracy,
    "test loss": lambda record: record.scores["test"].loss,
    "overfitting": overfitting,
    "smoothness": smoothness,
}


def _matched(before: Trial, after: Trial, records: Sequence[RunRecord]) -> Pairs:
    """The finished runs of two trials, paired by seed."""
    firsts, seconds = (
        {
            record.seed: record
            for record in records
            if record.trial == trial.name and record.status == "done"
        }
        for trial in (before, after)
    )
    return [(firsts[seed], seconds[seed]) for seed in sorted(firsts.keys() & seconds.keys())]


def _differences(runs: Pairs, figure: Measure) -> list[float]:
    """After minus before, a value a pair that has both."""
    both = [(figure(before), figure(after)) for before, after in runs]
    return [after - before for before, after in both if before is not None and after is not None]


def _ratio(runs: Pairs) -> Interval:
    """Seconds after ÷ seconds before: the geometric mean, because ratios are compared by their
    logarithms.
    """
    logs = interval(
        [
            math.log(after.seconds / before.seconds)
            for before, after in runs
            if after.seconds > 0 < before.seconds
        ]
    )
    mean, low, high = (
        None if value is None else math.exp(value) for value in (logs.mean, logs.low, logs.high)
    )
    return Interval(logs.n, mean, low, high)


def _left_out(trials: tuple[Trial, Trial], records: Sequence[RunRecord]) -> tuple[str, ...]:
    """The runs that a comparison of two trials cannot use, in words."""
    before, after = (
        {record.seed: record.status for record in records if record.trial == trial.name}
        for trial in trials
    )
    said = []
    for trial, ours, theirs in ((trials[0], before, after), (trials[1], after, before)):
        for seed in sorted(ours.keys() | theirs.keys()):
            if ours.get(seed, "done") != "done":
                said.append(f"trial {trial.name} {ours[seed]} with seed {seed}")
            elif seed not in ours and theirs[seed] == "done":
                said.append(f"trial {trial.name} has no run with seed {seed}")
    return tuple(said)
