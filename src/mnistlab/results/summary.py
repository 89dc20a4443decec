"""Figures of stored runs, trial by trial, with intervals over seeds."""

from dataclasses import dataclass
from statistics import fmean
from typing import Any

from mnistlab.book.trial import Trial, changed
from mnistlab.errors import BookError
from mnistlab.results.compare import Verdict, compare, compare_pairs
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
        """The runs that have none: diverged, failed or pruned."""
        return tuple(record for record in self.records if record.status != "done")

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """What the trial changes about its parent: setting → (before, after)."""
        return changed(self.parent, self.trial) if self.parent else {}

    @property
    def parameters(self) -> int | None:
        """How many numbers are learned; None of a module that no run has counted."""
        counts = [record.parameters for record in self.records if record.parameters is not None]
        if counts or self.trial.network.module:
            return counts[0] if counts else None
        return self.trial.network.parameters(self.records[0].data.task)

    def figure(self, part: str, metric: str) -> Interval:
        """One metric on one split, over the seeds."""
        return interval([getattr(record.scores[part], metric) for record in self.done])

    def epoch(self) -> Interval:
        """The epoch with the lowest validation loss, over the seeds."""
        return interval([record.epoch for record in self.done])

    def seconds(self) -> Interval:
        """Seconds per run, over the seeds."""
        return interval([record.seconds for record in self.done])


@dataclass(frozen=True)
class Results:
    """What a results folder holds, in the book's order."""

    plan: Plan
    runs: tuple[StoredRun, ...]
    failures: tuple[RunRecord, ...] = ()  # attempts that came to nothing this time; not stored

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """Every run, stored or failed; a stored one stands if a new attempt at it failed."""
        stored = {(run.record.trial, run.record.seed) for run in self.runs}
        lost = [each for each in self.failures if (each.trial, each.seed) not in stored]
        return (*(run.record for run in self.runs), *lost)

    @property
    def troubled(self) -> tuple[RunRecord, ...]:
        """The runs without figures, and every failed attempt."""
        stored = [run.record for run in self.runs if run.record.status != "done"]
        return (*stored, *self.failures)

    @property
    def folders(self) -> dict[tuple[str, int], str]:
        """(trial, seed) → the name of the run's folder."""
        return {(run.record.trial, run.record.seed): run.folder.name for run in self.runs}

    def summaries(self) -> list[TrialSummary]:
        """A summary for each trial that has runs."""
        by_trial: dict[str, list[RunRecord]] = {}
        for record in sorted(self.records, key=lambda record: record.seed):
            by_trial.setdefault(record.trial, []).append(record)
        book = self.plan.book
        return [
            TrialSummary(
                trial,
                book.trial(trial.parent) if trial.parent else None,
                tuple(by_trial[trial.name]),
            )
            for trial in book.trials
            if trial.name in by_trial
        ]

    def best(self) -> TrialSummary | None:
        """The trial with the lowest mean validation loss; None if no run is done."""
        finished = [summary for summary in self.summaries() if summary.done]
        return min(finished, key=_mean_loss, default=None)

    def verdicts(self) -> list[Verdict]:
        """What each change came to, in the book's order."""
        return compare(self.plan.book.trials, self.records)

    def verdict(self, before: str, after: str) -> Verdict:
        """One trial against another: as the book's change if it is one, else on its own.

        Raises BookError for a trial that the book does not have.
        """
        trials = {trial.name: trial for trial in self.plan.book.trials}
        if unknown := [name for name in (before, after) if name not in trials]:
            raise BookError(f"{unknown[0]}: no such trial here; there are {', '.join(trials)}")
        own = [it for it in self.verdicts() if (it.parent.name, it.trial.name) == (before, after)]
        return (own or compare_pairs([(trials[before], trials[after])], self.records))[0]


def _mean_loss(summary: TrialSummary) -> float:
    return fmean(record.scores["validation"].loss for record in summary.done)


def read_results(store: Store) -> Results:
    """What a results folder holds, from its stored runs alone. Raises StoreError."""
    plan = store.plan()
    return Results(plan, tuple(store.runs(plan)))
