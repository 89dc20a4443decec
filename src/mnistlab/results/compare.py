"""Did a change help? Each trial against its parent, over the seeds that both were trained with.

The one test is on validation accuracy; other figures stand beside it and decide nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mnistlab.book.trial import Trial, changed
from mnistlab.results.statistics import (
    LEVEL,
    Interval,
    detectable,
    holm,
    interval,
    standard_deviation,
    t_test,
)
from mnistlab.training.record import RunRecord

METRIC = "validation accuracy"
FEWEST = 3  # paired seeds for a verdict
MARGIN = 0.001  # an interval inside ±0.1 points is a difference that matters to nobody
SETTLED = 5  # epochs before smoothness is measured
HELPED, HURT, UNCLEAR, TOO_FEW = "helped", "hurt", "no clear difference", "too few seeds"

Pair = tuple[Trial, Trial]  # before and after a change
Runs = list[tuple[RunRecord, RunRecord]]  # of both, paired by seed


@dataclass(frozen=True)
class Verdict:
    """What the seeds say of one change, in fractions; a figure is None where there is no answer."""

    trial: Trial
    parent: Trial
    n: int  # paired seeds
    difference: float | None  # of validation accuracy, after minus before: the mean over the pairs
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    tested: int  # changes that p_holm is corrected for
    detectable: float | None  # the difference that n seeds could have found
    verdict: str  # HELPED, HURT, UNCLEAR or TOO_FEW
    also: Mapping[str, Interval]  # differences of other figures; of `time` the ratio
    left_out: Mapping[tuple[str, str], Sequence[int]]  # (trial, reason) → seeds without a partner
    differ_in: Sequence[str]  # what distinguishes the environments of paired runs
    margin: float = MARGIN

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Setting → (before, after)."""
        return changed(self.parent, self.trial)

    @property
    def within_margin(self) -> bool:
        """Whether the whole interval is too small to matter."""
        return all(end is not None and abs(end) < self.margin for end in (self.low, self.high))

    @property
    def verdict_text(self) -> str:
        """The verdict with its qualification, if it has one."""
        if self.verdict in (HELPED, HURT) and self.within_margin:
            return f"{self.verdict}, too little to matter"
        if self.verdict == UNCLEAR and self.p is not None and self.p <= LEVEL:
            return f"{UNCLEAR} after correcting for {self.tested} changes"
        return self.verdict


def compare(trials: Sequence[Trial], records: Sequence[RunRecord]) -> list[Verdict]:
    """The verdict on every change whose trial has runs, in order, corrected for one another."""
    names = {trial.name: trial for trial in trials}
    there = {record.trial for record in records}
    changes = [(names[it.parent], it) for it in trials if it.parent and it.name in there]
    return compare_pairs(changes, records)


def compare_pairs(pairs: Sequence[Pair], records: Sequence[RunRecord]) -> list[Verdict]:
    """The verdict on each (before, after), corrected for one another."""
    matched = [_matched(pair, records) for pair in pairs]
    changes = [_differences(runs, _accuracy) for runs in matched]
    judged = judge(changes)
    tested = sum(p is not None for p, _, _ in judged)
    verdicts = []
    for pair, runs, differences, (p, p_holm, verdict) in zip(
        pairs, matched, changes, judged, strict=True
    ):
        it = interval(differences)
        others = {name: interval(_differences(runs, each)) for name, each in MEASURES.items()}
        verdicts.append(
            Verdict(
                parent=pair[0], trial=pair[1],
                n=it.n, difference=it.mean, low=it.low, high=it.high,
                p=p, p_holm=p_holm, tested=tested,
                detectable=detectable(differences), verdict=verdict,
                also=others | {"time": _ratio(runs)},
                left_out=_left_out(pair, records), differ_in=_differing(runs),
            )
        )  # fmt: skip
    return verdicts


def judge(changes: Sequence[Sequence[float]]) -> list[tuple[float | None, float | None, str]]:
    """p, p corrected and the verdict on each of a book's changes.

    A change is its differences in validation accuracy, one per paired seed. With fewer than three
    it is neither tested nor counted in the correction.
    """
    p_values = [_p(differences) for differences in changes]
    corrected = iter(holm([p for p in p_values if p is not None]))
    judged = []
    for differences, p in zip(changes, p_values, strict=True):
        p_holm = None if p is None else next(corrected)
        judged.append((p, p_holm, _verdict(differences, p_holm)))
    return judged


def _p(differences: Sequence[float]) -> float | None:
    """The t test's p. Equal differences have no t: theirs is the sign test's, 1 if they are 0."""
    if len(differences) < FEWEST:
        return None
    if standard_deviation(differences):
        return t_test(differences)
    return 1.0 if abs(differences[0]) < 1e-12 else 2.0 ** (1 - len(differences))


def _verdict(differences: Sequence[float], p_holm: float | None) -> str:
    if p_holm is None:
        return TOO_FEW
    if p_holm > LEVEL:
        return UNCLEAR
    return HELPED if sum(differences) > 0 else HURT


Measure = Callable[[RunRecord], float | None]


def _accuracy(record: RunRecord) -> float:
    return record.scores["validation"].accuracy


def smoothness(record: RunRecord) -> float | None:
    """Mean |change| of the validation loss per epoch, after epoch 5; lower is smoother."""
    losses = [epoch.validation_loss for epoch in record.history[SETTLED - 1 :]]
    known = [(one, two) for one, two in pairwise(losses) if one is not None and two is not None]
    return sum(abs(two - one) for one, two in known) / len(known) if known else None


def overfitting(record: RunRecord) -> float:
    """Validation loss minus training loss, at the chosen weights."""
    return record.scores["validation"].loss - record.scores["train"].loss


MEASURES: dict[str, Measure] = {
    "validation loss": lambda record: record.scores["validation"].loss,
    "test accuracy": lambda record: record.scores["test"].accuracy,
    "test loss": lambda record: record.scores["test"].loss,
    "overfitting": overfitting,
    "smoothness": smoothness,
}


def _matched(pair: Pair, records: Sequence[RunRecord]) -> Runs:
    """The finished runs of two trials, paired by seed."""
    done = [record for record in records if record.status == "done"]
    before, after = ({it.seed: it for it in done if it.trial == trial.name} for trial in pair)
    return [(before[seed], after[seed]) for seed in sorted(before.keys() & after.keys())]


def _differences(runs: Runs, measure: Measure) -> list[float]:
    """After minus before, for each pair that has both."""
    both = [(measure(before), measure(after)) for before, after in runs]
    return [after - before for before, after in both if before is not None and after is not None]


def _ratio(runs: Runs) -> Interval:
    """Time after ÷ time before, of pairs made in the same environment: the geometric mean.

    In CPU seconds, which runs side by side do not stretch, if all have them and none used a GPU.
    """
    equal = [pair for pair in runs if pair[0].environment == pair[1].environment]
    by_cpu = all(it.device == "cpu" and it.cpu_seconds > 0 for pair in equal for it in pair)
    field = "cpu_seconds" if by_cpu else "seconds"
    times = [(getattr(before, field), getattr(after, field)) for before, after in equal]
    logs = interval([math.log(two / one) for one, two in times if one > 0 and two > 0])
    known = (logs.mean, logs.low, logs.high)
    mean, low, high = (None if it is None else math.exp(it) for it in known)
    return Interval(logs.n, mean, low, high)


def _differing(runs: Runs) -> list[str]:
    """What of their environments paired runs do not share: `python`, `processor`, …"""
    both = [(before.environment, after.environment) for before, after in runs]
    return sorted({key for one, two in both for key, _ in one.items() ^ two.items()})


def _left_out(pair: Pair, records: Sequence[RunRecord]) -> dict[tuple[str, str], list[int]]:
    """(trial, reason) → the seeds whose runs cannot be compared."""
    seeds = [{it.seed: it.status for it in records if it.trial == trial.name} for trial in pair]
    left_out: dict[tuple[str, str], list[int]] = {}
    for trial, ours, theirs in zip(pair, seeds, reversed(seeds), strict=True):
        for seed in sorted(ours.keys() | theirs.keys()):
            status = ours.get(seed, "has no run" if theirs.get(seed) == "done" else "done")
            if status != "done":
                left_out.setdefault((trial.name, status), []).append(seed)
    return left_out
