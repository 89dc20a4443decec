"""Results by name: which run is found, and what is said where there is none."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mnistlab.book.trial import Book
from mnistlab.errors import StoreError
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.results.finding import results_folders, run_folder
from mnistlab.results.summary import Results


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results") / "tiny"


@pytest.fixture
def results(out: Path, tiny: DataSet, tiny_book: Book) -> Results:
    """Trials a and b, seeds 0 and 1, trained once."""
    return run_book(tiny_book, tiny, out, jobs=1, device="cpu")


def test_a_run_is_found_by_trial_and_seed(out: Path, results: Results) -> None:
    for (trial, seed), name in results.folders.items():
        assert run_folder(out, trial, seed) == out / name
        assert run_folder(out / name, None) == out / name
    for trial in "ab":
        own = [it for it in results.runs if it.record.trial == trial]
        best = min(own, key=lambda it: it.record.scores["validation"].loss or 0.0)
        assert run_folder(out, trial) == best.folder


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("c",), "no run of trial c; it has a, b"),
        (("a", 7), "no seed 7 of trial a; it has 0, 1"),
        ((None,), "a results folder; add the name of a trial: a, b"),
    ],
)
def test_what_is_not_there_is_refused_and_what_is_there_named(
    names: Sequence[str | int | None], said: str, out: Path, results: Results
) -> None:
    with pytest.raises(StoreError, match=f"^{re.escape(f'{out}: {said}')}$"):
        run_folder(out, *names)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="--seed is for OUT TRIAL"):
        run_folder(results.runs[0].folder, None, 0)


def test_results_folders_are_found_and_a_damaged_one_is_told(
    out: Path, results: Results, tmp_path: Path
) -> None:
    assert list(results_folders(out.parent)) == [(out, results.plan)]
    for name in ("damaged", "several/tiny"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "book.json").write_text("{}")
    assert [plan for _, plan in results_folders(tmp_path)] == [None, None]
    assert list(results_folders(tmp_path / "nowhere")) == []
