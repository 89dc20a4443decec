"""A book on several data sets, from images to the report over all."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mnistlab.across import run_books
from mnistlab.book.trial import Book
from mnistlab.errors import BookError, DataError, StoreError, UnfinishedError
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.results.across import is_across
from mnistlab.results.store import Store
from mnistlab.results.summary import Results
from tests.conftest import random_images


@pytest.fixture
def sets(tiny: DataSet) -> list[DataSet]:
    return [tiny, replace(tiny, name="other", train=random_images(200, 7))]


def test_each_set_has_its_folder_and_all_of_them_a_report(
    tiny_book: Book, sets: list[DataSet], tmp_path: Path
) -> None:
    across = run_books(tiny_book, sets, tmp_path, partial(run_book, jobs=1))
    assert list(across.results) == [data.name for data in sets]
    for data in sets:
        assert Store(tmp_path / data.name).plan().data.sha256 == data.sha256
        assert (tmp_path / data.name / "report.html").is_file()
    there = {path.name for path in tmp_path.iterdir()}
    files = {"sets.json", "across.json", "report.html", "report.md"}
    assert there == files | {data.name for data in sets}


def test_the_same_call_trains_nothing_again_and_another_set_joins(
    tiny_book: Book, sets: list[DataSet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistlab.report.pages.write_report", lambda store, results: None)
    trained: list[str] = []

    def note(book: Book, data: DataSet, out: Path) -> Results:
        def on_run(_: object, stored: bool) -> None:
            trained.extend([] if stored else [data.name])

        return run_book(book, data, out, jobs=1, on_run=on_run)

    run_books(tiny_book, sets[:1], tmp_path, note)
    assert {*trained} == {sets[0].name}
    trained.clear()
    assert list(run_books(tiny_book, sets, tmp_path, note).results) == [it.name for it in sets]
    assert {*trained} == {"other"}


def test_what_is_refused_before_training_leaves_nothing(
    tiny_book: Book, sets: list[DataSet], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="two data sets are called"):
        run_books(tiny_book, [sets[0], sets[0]], tmp_path / "out")
    with pytest.raises(BookError, match="--only z"):
        run_books(tiny_book, sets, tmp_path / "out", partial(run_book, only=["z"]))
    assert not (tmp_path / "out").exists()


def test_a_set_refused_after_another_was_trained_is_unfinished_work(
    tiny_book: Book, sets: list[DataSet], tmp_path: Path
) -> None:
    few = replace(sets[1], train=random_images(5))
    with pytest.raises(UnfinishedError, match="5 training images are too few"):
        run_books(tiny_book, [sets[0], few], tmp_path, partial(run_book, jobs=1))
    assert (tmp_path / sets[0].name / "report.html").is_file()
    assert not is_across(tmp_path)


def test_a_folder_of_one_set_does_not_become_one_of_several(
    tiny_book: Book, sets: list[DataSet], tmp_path: Path
) -> None:
    run_book(tiny_book, sets[0], tmp_path, jobs=1)
    with pytest.raises(StoreError, match="the results of one data set; give another --out"):
        run_books(tiny_book, sets, tmp_path)
