"""Figures of stored runs, trial by trial, with intervals over seeds."""

from dataclasses import dataclass
from typing import Any

from mnistlab.book.trial import Trial, changed
from mnistlab.errors import BookError
from mnistlab.results.compare import Comparison, compare, compare_pairs
from mnistlab.results.statistics import Interval, interval
from mnistlab.results.store import Plan, Store, StoredRun
from mnistlab.training.record import RunRecord


@dataclass(frozen=True)
class TrialSummary:
    """One trial's runs and what they come to."""

    trial: Trial
    parent: Trial | None
    records: tuple[RunRecord, ...]  # by seed, whatever their status

    @property
    def done(self) -> tuple[RunRecord, ...]:
        """The runs that have figures."""
        return tuple(record for record in self.records if record.status == "done")

    @property
    def troubled(self) -> tuple[RunRecord, ...]:
        """The runs that diverged or failed."""
        return tuple(record for record in self.records if record.status != "done")

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """What the trial changes about its parent: setting → (before, after)."""
        return changed(self.parent, self.trial) if self.parent else {}

    def figure(self, part: str, metric: str) -> Interval:
        """One metric on one split, over the seeds."""
        return interval([getattr(record.scores[part], metric) for record in self.done])

    def epoch(self) -> Interval:
        """The epoch with the lowest validation loss, over the seeds."""
        return interval([record.epoch for record in self.done])

    def seconds(self) -> Interval:
        """Seconds of a run, over the seeds."""
        return interval([record.seconds for record in self.done])


@dataclass(frozen=True)
class Results:
    """What a results folder holds, in the book's order."""

    plan: Plan
    runs: tuple[StoredRun, ...]
    failures: tuple[RunRecord, ...] = ()  # runs that came to nothing this time; they are not stored

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """Every run, stored or failed."""
        return (*(run.record for run in self.runs), *self.failures)

    def summaries(self) -> list[TrialSummary]:
        """A summary for each trial that has runs."""
        book = self.plan.book
        by_trial = {
            trial.name: [record for record in self.records if record.trial == trial.name]
            for trial in book.trials
        }
        return [
            TrialSummary(
                trial,
                book.trial(trial.parent) if trial.parent else None,
                tuple(sorted(by_trial[trial.name], key=lambda record: record.seed)),
            )
            for trial in book.trials
            if by_trial[trial.name]
        ]

    def best(self) -> TrialSummary | None:
        """The trial with the lowest mean validation loss; None if no run is done."""
        losses = [
            (summary.figure("validation", "loss").mean, summary) for summary in self.summaries()
        ]
        known = [(loss, summary) for loss, summary in losses if loss is not None]
        return min(known, key=lambda each: each[0])[1] if known else None

    def comparisons(self) -> list[Comparison]:
        """What each change came to, in the book's order."""
        return compare(self.plan.book.trials, self.records)

    def comparison(self, before: str, after: str) -> Comparison:
        """One trial against another: as the book's change if it is one, else on its own. Raises
        BookError.
        """
        trials = {trial.name: trial for trial in self.plan.book.trials}
        if unknown := [name for name in (before, after) if name not in trials]:
            raise BookError(f"{unknown[0]}: no such trial here; there are {', '.join(trials)}")
        changes = [
            it for it in self.comparisons() if (it.parent.name, it.trial.name) == (before, after)
        ]
        return (changes or compare_pairs([(trials[before], trials[after])], self.records))[0]


def read_results(store: Store) -> Results:
    """What a results folder holds, from its stored runs alone. Raises StoreError."""
    plan = store.plan()
    return Results(plan, tuple(store.runs(plan)))
