"""Runs a book before one's eyes: on one data set, or on several one after the other."""

import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from mnistlab.across import run_books
from mnistlab.book.trial import Book
from mnistlab.display import print_across, print_report, print_results
from mnistlab.exits import UNFINISHED
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.progress import DownloadBar, RunDisplay
from mnistlab.results.summary import Results
from mnistlab.terminal import complain


def run_shown(
    book: Book, sets: Sequence[DataSet], folder: Path, quiet: bool = False,
    open_report: bool = False, **options: Any,
) -> None:  # fmt: skip
    """Run a book on data sets with `run_book`'s options, and exit where a run failed.

    If `quiet` only what went wrong is said; `open_report` shows the report in a browser.
    """
    found: list[tuple[Results, Path]] = []

    def run_one(book: Book, data: DataSet, out: Path) -> Results:
        found.append((_run_one(book, data, out, quiet, **options), out))
        return found[-1][0]

    try:
        if len(sets) == 1:
            run_one(book, sets[0], folder)
        else:
            across = run_books(book, sets, folder, run_one)
            if not quiet:
                print_across(across)
                print_report(folder)
    except KeyboardInterrupt:
        complain("stopped; what is finished is stored, and the same command goes on from there")
        raise
    if open_report:
        _open(folder / "report.html")
    _complain_of_failures(found)


def _run_one(book: Book, data: DataSet, out: Path, quiet: bool, **options: Any) -> Results:
    """Run a book on one data set, showing how it goes and what came out."""
    display = RunDisplay(data, quiet)
    with display.progress:
        results = run_book(
            book, data, out, progress=None if quiet else DownloadBar, on_start=display.on_start,
            on_jobs=display.on_jobs, on_epoch=display.on_epoch, on_run=display.on_run, **options,
        )  # fmt: skip
    if not quiet:
        print_results(results)
        print_report(out)
    return results


def _open(report: Path) -> None:
    """Show a report in the browser, or say that there is none."""
    if not webbrowser.open(report.resolve().as_uri()):
        complain(f"--open: no browser was found; open {report} yourself")


def _complain_of_failures(found: list[tuple[Results, Path]]) -> None:
    """Say which runs have no figures and why; exit where one failed, which a new try may mend."""
    for results, folder in found:
        for it in results.troubled:
            complain(f"trial {it.trial}, seed {it.seed} {it.status}: {it.reason}")
        if results.failures and (logs := folder / "logs").is_dir():
            complain(f"more about failed runs is in {logs}")
    if any(results.failures for results, _ in found):
        raise typer.Exit(UNFINISHED)
