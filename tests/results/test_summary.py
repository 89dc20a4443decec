"""Figures of runs, trial by trial."""

from pathlib import Path

import pytest

from mnistlab.book.trial import Book
from mnistlab.errors import BookError
from mnistlab.results.plan import Plan
from mnistlab.results.store import StoredRun
from mnistlab.results.summary import Results
from mnistlab.training.record import RunRecord
from tests.made_up import INFO, record, runs, trial


def results(*stored: RunRecord, failures: tuple[RunRecord, ...] = ()) -> Results:
    book = Book(
        name="tiny", title="Tiny", seeds=(0, 1, 2), trials=(trial("a"), trial("b", "a", 0.1))
    )
    plan = Plan(book=book, data=INFO, engine="native", device="cpu")
    folders = [StoredRun(each, Path(f"{each.trial}-{each.seed}")) for each in stored]
    return Results(plan, tuple(folders), failures)


def test_a_summary_leaves_out_what_has_no_figures_and_names_it() -> None:
    lost = record("b", 2, status="failed")
    (summary,) = results(*runs("b", [0.8, 0.9]), failures=(lost,)).summaries()
    assert summary.figure("validation", "accuracy").n == 2
    assert summary.figure("validation", "accuracy").mean == pytest.approx(0.85)
    assert [found.seed for found in summary.troubled] == [2]
    assert summary.changes == {"learning_rate": (0.001, 0.1)}


def test_trials_come_in_the_books_order_and_runs_by_seed() -> None:
    found = results(record("b", 1), record("b", 0), record("a", 0))
    assert [summary.trial.name for summary in found.summaries()] == ["a", "b"]
    assert [each.seed for each in found.summaries()[1].records] == [0, 1]
    assert found.folders == {("b", 1): "b-1", ("b", 0): "b-0", ("a", 0): "a-0"}


def test_a_stored_run_stands_when_a_new_attempt_at_it_fails() -> None:
    attempt = record("a", 1, status="failed")
    found = results(*runs("a", [0.9, 0.8]), *runs("b", [0.9, 0.9]), failures=(attempt,))
    first = found.summaries()[0]
    assert (len(first.done), first.troubled) == (2, ())
    (verdict,) = found.verdicts()
    assert (verdict.n, verdict.left_out) == (2, {})
    assert found.troubled == (attempt,)  # said all the same, and no success


def test_the_best_trial_has_the_highest_mean_validation_accuracy() -> None:
    best = results(*runs("a", [0.97, 0.98, 0.97]), *runs("b", [0.98, 0.99, 0.98])).best()
    assert best is not None
    assert (best.trial, best.seeds) == ("b", (0, 1, 2))
    assert results(record("a", 0, status="diverged")).best() is None


def test_one_trial_against_another() -> None:
    found = results(*runs("a", [0.9, 0.8]), *runs("b", [0.9, 0.9]))
    assert found.verdict("a", "b") == found.verdicts()[0]
    assert found.verdict("b", "a").difference == pytest.approx(-0.05)
    with pytest.raises(BookError, match="c: no such trial here; there are a, b"):
        found.verdict("a", "c")
