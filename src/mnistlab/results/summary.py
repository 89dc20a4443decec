"""Figures of stored runs, trial by trial, with intervals over seeds."""

from dataclasses import dataclass
from typing import Any

from mnistlab.book.trial import Trial, changed
from mnistlab.errors import BookError
from mnistlab.results.best import Best, find_best
from mnistlab.results.compare import Verdict, compare, compare_pairs
from mnistlab.results.plan import Plan
from mnistlab.results.statistics import Interval, interval
from mnistlab.results.store import Store, StoredRun
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

    def best(self) -> Best | None:
        """The trial with the highest mean validation accuracy, and those not told from it."""
        return find_best([trial.name for trial in self.plan.book.trials], self.records)

    def verdicts(self) -> list[Verdict]:
        """What each change came to, in the book's order."""
        return compare(self.plan.book.trials, self.records, self.margin, self.plan.looks)

    @property
    def margin(self) -> float:
        """The difference in accuracy that matters, as a fraction."""
        return self.plan.book.margin / 100

    def verdict(self, before: str, after: str) -> Verdict:
        """One trial against another: as the book's change if it is one, else on its own.

        Raises BookError for a trial that the book does not have.
        """
        trials = {trial.name: trial for trial in self.plan.book.trials}
        if unknown := [name for name in (before, after) if name not in trials]:
            raise BookError(f"{unknown[0]}: no such trial here; there are {', '.join(trials)}")
        own = [it for it in self.verdicts() if (it.parent.name, it.trial.name) == (before, after)]
        pair = (trials[before], trials[after])
        return (own or compare_pairs([pair], self.records, self.margin))[0]


def read_results(store: Store) -> Results:
    """What a results folder holds, from its stored runs alone. Raises StoreError."""
    plan = store.plan()
    return Results(plan, tuple(store.runs(plan)))
