"""What the command line says: results, comparisons, data, what is at hand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from rich.table import Table

from mnistlab.data.cache import Kind
from mnistlab.errors import printable
from mnistlab.images import DataSet
from mnistlab.progress import PIPE_WIDTH, console
from mnistlab.report import verdict_words, words
from mnistlab.report.trial_words import list_changes
from mnistlab.results.across import Across
from mnistlab.results.between import Comparison
from mnistlab.results.evaluate import Evaluation
from mnistlab.results.mistakes import Example, Mistakes
from mnistlab.results.plan import Plan
from mnistlab.results.summary import Results, TrialSummary
from mnistlab.terminal import say, tell

FIGURES: dict[str, Callable[[TrialSummary], str]] = {
    "n": lambda it: str(len(it.done)),
    "val acc": lambda it: words.show(it.figure("validation", "accuracy").mean),
    "test acc": lambda it: words.show(it.figure("test", "accuracy")),
    "test loss": lambda it: words.show(it.figure("test", "loss").mean),
}
SPARED = (
    (),
    ("test loss",),
    ("test loss", "val acc"),
)  # figures that a narrow terminal goes without
MIN_CHANGE = 20  # columns; where there are fewer, a row does not say what its trial changes


def _table(*columns: str) -> Table:
    """A table of plain columns; the first, of names, on the left and the others on the right."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if table.columns else "left"
        table.add_column(printable(column), justify=justify, no_wrap=True)
    return table


def _print_whole(table: Table) -> None:
    """Print a table with no figure cut: what is too wide for the terminal goes on below."""
    where = console()
    where.width = PIPE_WIDTH
    where.print(table)


def print_results(results: Results) -> None:
    """Print a sentence per change, which trial is best, and a row per trial."""
    for verdict in results.verdicts():
        look = verdict_words.look_words(verdict, results.plan.looks)
        text = f"{verdict_words.sentence(verdict)} {look}".strip()
        tell(f"{verdict.trial.name} from {verdict.parent.name}: {text}")
    if best := results.best():
        tell(f"Best: {verdict_words.best_words(best)}. {verdict_words.best_basis(best)}")
    say()
    _print_trials(results.summaries())
    say()
    data = f"{results.plan.data.name}, {words.data_words(results.plan.data)}"
    tell(f"Data: {data}. Means over n seeds; ± is half a 95 % interval. More is in report.md.")


def _print_trials(summaries: Sequence[TrialSummary]) -> None:
    """Print a row per trial, with as much of it as the terminal has room for."""
    where = console()
    for left_out in SPARED:
        figures = [name for name in FIGURES if name not in left_out]
        table = _trial_table(summaries, figures, where.width // 4)
        whole = where.measure(table, options=where.options.update_width(PIPE_WIDTH)).maximum
        if whole <= where.width:
            break
    room = where.width - whole - 2  # between columns
    if room >= MIN_CHANGE:
        table = _trial_table(summaries, figures, where.width // 4, room)
    where.print(table)


def _trial_table(
    summaries: Sequence[TrialSummary], figures: Sequence[str], name: int, change: int = 0
) -> Table:
    """A row per trial; its name and what it changes have so many columns."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("trial", max_width=name, overflow="fold")
    if change:
        table.add_column("change", no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    for it in summaries:
        said = list_changes(it.changes) if it.parent else "start"
        changes = [printable(words.shortened(said, change))] if change else []
        values = [FIGURES[figure](it) for figure in figures]
        table.add_row(printable(it.trial.name), *changes, *values)
    return table


def print_across(across: Across) -> None:
    """Print a sentence per change over all data sets."""
    say(f"Over all, {words.list_names([*across.results])}:")
    for it in (change.over_all for change in across.changes()):
        tell(f"{it.trial.name} from {it.parent.name}: {verdict_words.sentence(it)}")
    say()


def print_report(folder: Path) -> None:
    """Print where the report is."""
    say(f"Report: {folder / 'report.html'}, {folder / 'report.md'}")


def print_comparison(comparison: Comparison) -> None:
    """Print one trial against another: verdict, other measures, images gained and lost."""
    verdict, images = comparison.verdict, comparison.images
    say(f"{verdict.parent.name} → {verdict.trial.name}: {verdict.verdict_text}")
    tell(verdict_words.sentence(verdict))
    if p := verdict_words.p_words(verdict):
        tell(p)
    if not comparison.in_book:
        tell("The book does not make this change: p is not corrected for other pairs tried.")
    for remark in verdict_words.remarks(verdict):
        tell(remark)
    say()
    for name, text in verdict_words.other_metrics(verdict):
        say(f"{name:<16} {text}")
    if images:
        gained, lost = words.show(images.gained, 1), words.show(images.lost, 1)
        say()
        tell(f"Test images gained per seed: {gained}; lost: {lost}")
        _say_images("Gained", images.most_gained)
        _say_images("Lost", images.most_lost)


def _say_images(how: str, cases: Iterable[Example]) -> None:
    if images := ", ".join(f"image {case.index} ({words.quoted(case.truth)})" for case in cases):
        tell(f"{how} by most seeds: {images}")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print a run's figures, mistakes and calibration on other images."""
    found, record = evaluation.mistakes, evaluation.run.record
    images = f"{evaluation.images:,} test images of {evaluation.data}"
    whose = "those it was scored on" if evaluation.own else "not those it was scored on"
    tell(f"Trial {record.trial}, seed {record.seed}, on {images}, {whose}")
    for metric, value in evaluation.scores.model_dump().items():
        say(f"{words.METRIC_NAMES[metric]:<12} {'–' if value is None else f'{value:.4f}'}")
    say()
    _print_mistakes(found)
    say()
    say(f"Calibration: expected error {found.ece.mean:.4f} (15 bins)")
    for one in found.bins:
        sure, right = 100 * one.confidence, 100 * one.accuracy
        say(f"{one.images:>8,.0f} images {sure:5.1f} % sure, {right:5.1f} % right")


def _print_mistakes(found: Mistakes) -> None:
    """Print the recall of each class, its confusion if there are few, and the confused pairs."""
    few = len(found.recalls) <= words.MAX_NUMBERED
    heads = [words.shortened(it.name, 5) for it in found.recalls] if few else ["images"]
    table = _table("truly", *heads, "recall")
    for it, row in zip(found.recalls, found.confusion, strict=True):
        counts = [f"{count:.0f}" for count in row] if few else [f"{it.images:,}"]
        table.add_row(words.shortened(it.name), *counts, words.recall_words(it))
    if few:
        say("Rows: the true class; columns: what it is taken for; recall with its 95 % interval")
    _print_whole(table)
    if found.confused:
        say()
        say("Confused most:")
    for pair in found.confused:
        names = f"{words.quoted(pair.truth)} taken for {words.quoted(pair.taken_for)}"
        say(f"{names}: {pair.mean:.0f} of {pair.images:,}")


def print_data(data: DataSet) -> None:
    """Print what is in a data set, and how many images of each class."""
    kind = "RGB" if data.task.channels == 3 else "grey"
    size = f"28×28 pixels, {kind}, {len(data.classes)} classes"
    tell(f"{data.name}: {size}, SHA-256 {data.sha256}")
    for remark in data.remarks:
        tell(remark)
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    known = {name: part for name, part in parts.items() if part is not None}
    counts = [np.bincount(part.labels, minlength=len(data.classes)) for part in known.values()]
    table = _table("class", *known)
    for name, *each in zip(data.classes, *counts, strict=True):
        table.add_row(words.shortened(name), *(f"{count:,}" for count in each))
    table.add_row("all", *(f"{len(part):,}" for part in known.values()), style="bold")
    _print_whole(table)


def print_list(
    books: Mapping[str, str], data: Sequence[str], found: Iterable[tuple[Path, Plan | None]]
) -> None:
    """Print what can be run, on what, and which results folders there are."""
    say("Books, for `mnistlab run BOOK`:")
    for name, title in books.items():
        tell(f"  {name:<{max(map(len, books))}}  {title}")
    say()
    say("Data sets, for `mnistlab run BOOK --data NAME`:")
    tell("  " + ", ".join(data))
    say()
    say("Results here, for `mnistlab report FOLDER`:")
    damaged = "damaged: run its book again"
    folders = [f"{folder}  {_about(plan) if plan else damaged}" for folder, plan in found]
    for line in folders or ["none yet in the folder results"]:
        tell(f"  {line}")


def _about(plan: Plan) -> str:
    trials = words.count(len(plan.book.trials), "trial")
    return f"book {plan.book.name}, data {plan.data.name}, {trials}"


def print_cache(folder: Path, kinds: Sequence[Kind]) -> None:
    """Print where the cache is and how much of what is in it."""
    say(f"Cache: {folder}")
    for kind in kinds:
        say(f"  {kind.name:<21} {kind.size / 1e6:8.1f} MB, {words.count(len(kind.files), 'file')}")
