"""Runs a book before one's eyes: on one data set, or on several one after the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from mnistlab.across import run_books
from mnistlab.book.trial import Book
from mnistlab.display import DownloadBar, RunDisplay, print_across, print_report, print_results
from mnistlab.exits import UNFINISHED, complain
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.results.summary import Results


def run_shown(book: Book, sets: Sequence[DataSet], folder: Path, **options: Any) -> None:
    """Run a book on data sets with `run_book`'s options, and exit where a run failed."""
    found: list[tuple[Results, Path]] = []

    def run_one(book: Book, data: DataSet, out: Path) -> Results:
        found.append((_run_one(book, data, out, **options), out))
        return found[-1][0]

    try:
        if len(sets) == 1:
            run_one(book, sets[0], folder)
        else:
            print_across(run_books(book, sets, folder, run_one))
            print_report(folder)
    except KeyboardInterrupt:
        complain("stopped; what is finished is stored, and the same command goes on from there")
        raise
    _complain_of_failures(found)


def _run_one(book: Book, data: DataSet, out: Path, **options: Any) -> Results:
    """Run a book on one data set, showing how it goes and what came out."""
    display = RunDisplay(data)
    with display.progress:
        results = run_book(
            book, data, out, progress=DownloadBar, on_start=display.on_start,
            on_jobs=display.on_jobs, on_epoch=display.on_epoch, on_run=display.on_run, **options,
        )  # fmt: skip
    print_results(results)
    print_report(out)
    return results


def _complain_of_failures(found: list[tuple[Results, Path]]) -> None:
    """Say which runs have no figures and why; exit where one failed, which a new try may mend."""
    for results, folder in found:
        for it in results.troubled:
            complain(f"trial {it.trial}, seed {it.seed} {it.status}: {it.reason}")
        if results.failures and (logs := folder / "logs").is_dir():
            complain(f"more about failed runs is in {logs}")
    if any(results.failures for results, _ in found):
        raise typer.Exit(UNFINISHED)
