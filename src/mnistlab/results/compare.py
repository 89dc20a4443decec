"""Did a change help? Each trial against its parent, over the seeds that both were trained with.

The one test is on validation accuracy; other figures stand beside it and decide nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mnistlab.book.trial import Trial, changed
from mnistlab.results.judging import MARGIN, UNCLEAR, Judgement, direction, judge
from mnistlab.results.looks import Change, Look, decide
from mnistlab.results.statistics import LEVEL, Interval, interval
from mnistlab.training.record import RunRecord

METRIC = "validation accuracy"
SETTLED = 5  # epochs before smoothness is measured

Pair = tuple[Trial, Trial]  # before and after a change
Runs = list[tuple[RunRecord, RunRecord]]  # of both, paired by seed


@dataclass(frozen=True)
class Verdict:
    """What the seeds say of one change, in fractions; a figure is None where there is no answer."""

    trial: Trial
    parent: Trial
    n: int  # paired seeds
    difference: float | None  # of validation accuracy, after minus before: the mean over the pairs
    low: float | None  # of the interval of 1 - `level`, for this change alone
    high: float | None
    p: float | None
    p_holm: float | None
    tested: int  # changes that p_holm, `detectable` and EQUIVALENT are corrected for
    detectable: float | None  # the difference that n seeds could have found
    verdict: str  # HELPED, HURT, EQUIVALENT, UNCLEAR or TOO_FEW
    also: Mapping[str, Interval]  # differences of other figures; of `time` the ratio
    left_out: Mapping[tuple[str, str], Sequence[int]]  # (trial, reason) → seeds without a partner
    differ_in: Sequence[str]  # what distinguishes the environments of paired runs
    margin: float = MARGIN
    level: float = LEVEL  # the chance to err that it takes, for all changes together
    look: int | None = None  # from 1, where seeds are added until all is decided

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Setting → (before, after)."""
        return changed(self.parent, self.trial)

    @property
    def direction(self) -> str | None:
        """HELPED or HURT where the sign is certain, also of an EQUIVALENT change, else None."""
        return direction(self.difference, self.p_holm, self.level)

    @property
    def verdict_text(self) -> str:
        """The verdict with its qualification, if it has one."""
        if self.verdict == UNCLEAR and self.p is not None and self.p <= self.level:
            return f"{UNCLEAR} after correcting for {self.tested} changes"
        return self.verdict


def compare(
    trials: Sequence[Trial],
    records: Sequence[RunRecord],
    margin: float = MARGIN,
    looks: Sequence[Look] = (),
) -> list[Verdict]:
    """The verdict on every change whose trial has runs, in order, corrected for one another.

    With looks each is of the look that decided it, or of the last that is complete.
    """
    there = {record.trial for record in records}
    verdicts = compare_pairs(_changes(trials), records, margin, looks)
    return [it for it in verdicts if it.trial.name in there]


def compare_pairs(
    pairs: Sequence[Pair],
    records: Sequence[RunRecord],
    margin: float = MARGIN,
    looks: Sequence[Look] = (),
) -> list[Verdict]:
    """The verdict on each (before, after), corrected for one another."""
    images = _images(records)
    if looks:
        changes = [differences_by_seed(pair, records) for pair in pairs]
        judged = decide(changes, looks, margin, images).judgements
    else:
        judged = judge(
            [_differences(_matched(it, records), _accuracy) for it in pairs], margin, images
        )
    verdicts = []
    for pair, it in zip(pairs, judged, strict=True):
        seeds = looks[it.look - 1].seeds if it.look else None
        used = [record for record in records if seeds is None or record.seed < seeds]
        verdicts.append(_verdict(pair, used, it, margin))
    return verdicts


def seeds_needed(
    trials: Sequence[Trial],
    records: Sequence[RunRecord],
    looks: Sequence[Look],
    margin: float = MARGIN,
) -> dict[str, int]:
    """Trial → the seeds, from 0, that it needs before the next look; call again with their records.

    All need the first look's; then those at either end of a change that is open. Where every one
    has a record, done or not, nothing is open any more or the last look is past.
    """
    changes = _changes(trials)
    by_seed = [differences_by_seed(pair, records) for pair in changes]
    decisions = decide(by_seed, looks, margin, _images(records))
    needed = {trial.name: looks[0].seeds for trial in trials}
    ends = {trial.name for i in decisions.open for trial in changes[i]}
    return needed | dict.fromkeys(ends, decisions.seeds)


def _changes(trials: Sequence[Trial]) -> list[Pair]:
    names = {trial.name: trial for trial in trials}
    return [(names[it.parent], it) for it in trials if it.parent]


def _images(records: Sequence[RunRecord]) -> int:
    """The validation images that the runs share."""
    return min((record.data.sizes["validation"] for record in records), default=1)


def differences_by_seed(pair: Pair, records: Sequence[RunRecord]) -> Change:
    """The difference of every seed that both trials have tried; None where one came to nothing.

    A failed run is no try: it is not stored, and a look that lacks it waits for the next attempt.
    """
    tried = [record for record in records if record.status != "failed"]
    before, after = ({it.seed: it for it in tried if it.trial == trial.name} for trial in pair)
    done = {it[0].seed: _accuracy(it[1]) - _accuracy(it[0]) for it in _matched(pair, records)}
    return {seed: done.get(seed) for seed in before.keys() & after.keys()}


def _verdict(pair: Pair, records: Sequence[RunRecord], it: Judgement, margin: float) -> Verdict:
    """A judgement with the change that it is about and what else its runs say."""
    runs, mean = _matched(pair, records), it.interval
    also = {name: interval(_differences(runs, each)) for name, each in MEASURES.items()}
    return Verdict(
        parent=pair[0], trial=pair[1],
        n=mean.n, difference=mean.mean, low=mean.low, high=mean.high,
        p=it.p, p_holm=it.p_holm, tested=it.tested, detectable=it.detectable, verdict=it.verdict,
        also=also | {"time": _ratio(runs)},
        left_out=_left_out(pair, records), differ_in=_differing(runs),
        margin=margin, level=it.level, look=it.look,
    )  # fmt: skip


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
