"""Seeds added until every change is decided: which runs that takes, and how it goes on."""

import json
import shutil
from pathlib import Path

import pytest

from mnistlab.book.reading import parse_book
from mnistlab.book.trial import Book
from mnistlab.errors import BookError, StoreError
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.results.store import Store
from mnistlab.results.summary import Results, read_results
from mnistlab.training.record import RunRecord
from tests.conftest import BASE

TRIALS = """
[[trial]]
name = "start"
[[trial]]
name = "far too slow"
from = "start"
learning_rate = 0.000001
[[trial]]
name = "patient"
from = "start"
patience = 50
"""


@pytest.fixture
def book() -> Book:
    """Two changes: one is plain after five seeds, the other does nothing at all."""
    return parse_book("seeds = 5\nvalidation = 60\n" + BASE + TRIALS, "tiny", "tiny.toml")


def until_decided(
    book: Book, data: DataSet, out: Path, stop_after: int | None = None
) -> tuple[Results, list[tuple[str, int]], int]:
    """The results, the runs that were trained, and how many were found stored."""
    trained: list[tuple[str, int]] = []
    stored = 0

    def on_run(record: RunRecord, known: bool) -> None:
        nonlocal stored
        stored += known
        if not known:
            trained.append((record.trial, record.seed))
        if len(trained) == stop_after:
            raise KeyboardInterrupt

    results = run_book(book, data, out, jobs=2, max_seeds=10, on_run=on_run)
    return results, trained, stored


def test_only_open_changes_get_more_seeds_and_a_second_call_trains_nothing(
    book: Book, tiny: DataSet, tmp_path: Path
) -> None:
    results, trained, _ = until_decided(book, tiny, tmp_path)
    counts = {trial.name: sum(name == trial.name for name, _ in trained) for trial in book.trials}
    assert counts == {"start": 10, "far too slow": 5, "patient": 10}
    slow, patient = results.verdicts()
    assert (slow.verdict, slow.n, slow.look) == ("hurt", 5, 1)
    assert (patient.verdict, patient.n, patient.look) == ("no clear difference", 10, 2)
    again, trained, stored = until_decided(book, tiny, tmp_path)
    assert (trained, stored) == ([], 25)
    assert again.verdicts() == results.verdicts()
    assert read_results(Store(tmp_path)).verdicts() == results.verdicts()
    contract = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [look["seeds"] for look in contract["looks"]] == [5, 10]
    assert sum(look["level"] for look in contract["looks"]) == pytest.approx(0.05)


@pytest.mark.parametrize("stop_after", [2, 17])
def test_what_was_interrupted_goes_on_at_the_same_look(
    stop_after: int, book: Book, tiny: DataSet, tmp_path: Path
) -> None:
    whole, _, _ = until_decided(book, tiny, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        until_decided(book, tiny, tmp_path / "cut", stop_after)
    results, trained, stored = until_decided(book, tiny, tmp_path / "cut")
    assert stored >= stop_after
    assert stored + len(trained) == 25
    differences = [(it.verdict, it.look, it.difference) for it in results.verdicts()]
    assert differences == [(it.verdict, it.look, it.difference) for it in whole.verdicts()]


def test_a_lost_run_is_trained_again(book: Book, tiny: DataSet, tmp_path: Path) -> None:
    results, _, _ = until_decided(book, tiny, tmp_path)
    shutil.rmtree(tmp_path / results.folders["patient", 1])
    assert until_decided(book, tiny, tmp_path)[1] == [("patient", 1)]


def test_looks_are_fixed_before_the_first(book: Book, tiny: DataSet, tmp_path: Path) -> None:
    until_decided(book, tiny, tmp_path)
    before = (tmp_path / "book.json").read_bytes()
    with pytest.raises(StoreError, match="judged at looks after 5, 10 seeds, not judged once"):
        run_book(book, tiny, tmp_path)
    with pytest.raises(StoreError, match="after 5, 10 seeds, not judged at looks after 5, 9 se"):
        run_book(book, tiny, tmp_path, max_seeds=9)
    assert (tmp_path / "book.json").read_bytes() == before


def test_what_makes_no_sense_is_refused(book: Book, tiny: DataSet, tmp_path: Path) -> None:
    with pytest.raises(BookError, match="--only: every trial is needed"):
        run_book(book, tiny, tmp_path / "out", max_seeds=10, only=["start"])
    for most in (2, 1001):
        with pytest.raises(BookError, match=f"--max-seeds {most}, --seeds 5: give at least 3"):
            run_book(book, tiny, tmp_path / "out", max_seeds=most)
    assert not (tmp_path / "out").exists()
