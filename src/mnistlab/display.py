"""What the command line shows: progress on a terminal, plain lines into a pipe or file, tables."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from rich import progress as bars
from rich.console import Console
from rich.table import Table

from mnistlab.errors import printable
from mnistlab.images import DataSet
from mnistlab.report import verdict_words, words
from mnistlab.results.across import Across
from mnistlab.results.between import Comparison
from mnistlab.results.evaluate import Evaluation
from mnistlab.results.mistakes import Example, Mistakes
from mnistlab.results.plan import Plan
from mnistlab.results.summary import Results
from mnistlab.training.record import Epoch, Job, RunRecord

PIPE_WIDTH = 200  # columns of a table that goes into a file
COLUMNS = ["trial", "n", "epoch", "train acc", "val acc", "test acc", "loss", "AUROC", "F1"]


def say(text: object = "") -> None:
    """Print one line. Nothing in it, such as a name from a file, can steer the terminal."""
    print(printable(text), flush=True)


def _console() -> Console:
    """Where bars and tables go: colours on a terminal only, whatever FORCE_COLOR asks for."""
    live = sys.stdout is not None and sys.stdout.isatty()
    width = None if live else PIPE_WIDTH
    return Console(force_terminal=live, width=width, markup=False, emoji=False, highlight=False)


def _progress(*columns: bars.ProgressColumn, transient: bool = False) -> bars.Progress:
    """Bars with a description and these columns; nothing unless on a terminal."""
    console = _console()
    described = _text("{task.description}"), bars.BarColumn()
    hidden = not console.is_terminal
    return bars.Progress(*described, *columns, console=console, disable=hidden, transient=transient)


def _text(template: str) -> bars.TextColumn:
    return bars.TextColumn(template, markup=False)


class RunDisplay:
    """The progress of a book: a bar for all its epochs and one per run in training.

    Inside `with display.progress` they are shown.
    """

    def __init__(self, data: DataSet) -> None:
        self.data = data
        self.runs = self.finished_runs = 0
        self.epochs = self.finished_epochs = 0  # of runs that are trained, not found stored
        self.tasks: dict[tuple[str, int], bars.TaskID] = {}  # runs in training
        self.progress = _progress(
            bars.MofNCompleteColumn(), _text("epochs"), bars.TimeElapsedColumn(), _text("left"),
            bars.TimeRemainingColumn(), _text("{task.fields[loss]}"), transient=True,
        )  # fmt: skip
        self.total = self.progress.add_task("", total=0, loss="")

    def on_start(self, plan: Plan) -> None:
        """Say what is to be known before the first run."""
        if plan.engine == "torch":
            say(f"engine: PyTorch on {plan.device.upper()}")
        for remark in self.data.remarks:
            say(f"{plan.data.name}: {remark}")
        count, asked = plan.data.sizes["validation"], plan.book.validation
        if self.data.validation is not None:
            say(f"validation: {count:,} images that came with the data")
        elif count < asked:
            share = "a sixth of the training images"
            say(f"validation: {count:,} images, {share} (the book asks for {asked:,})")
        if possible := verdict_words.prospects_words(plan):
            say(f"verdicts: {possible}")

    def on_jobs(self, jobs: Sequence[Job]) -> None:
        """Count more runs that are due."""
        self.runs += len(jobs)
        self.epochs += sum(job.trial.training.epochs for job in jobs)
        self._update()

    def on_epoch(self, job: Job, epoch: Epoch) -> None:
        """Show where a run is."""
        key = (job.trial.name, job.seed)
        if key not in self.tasks:
            name = printable(f"trial {job.trial.name} seed {job.seed}")
            self.tasks[key] = self.progress.add_task(name, total=job.trial.training.epochs, loss="")
        loss = "–" if epoch.validation_loss is None else f"{epoch.validation_loss:.4f}"
        self.progress.update(self.tasks[key], completed=epoch.epoch, loss=f"validation loss {loss}")
        self._update()

    def on_run(self, record: RunRecord, stored: bool) -> None:
        """Show that a run is finished, or was found stored."""
        key = (record.trial, record.seed)
        if key in self.tasks:
            self.progress.remove_task(self.tasks.pop(key))
        self.finished_runs += 1
        if stored:  # it says nothing of the time that is left
            self.epochs -= record.training.epochs
        else:
            self.finished_epochs += record.training.epochs
        self._update()
        if self.progress.disable:
            say(f"{self.finished_runs} of {self.runs}: {_outcome(record, stored)}")

    def _update(self) -> None:
        """Count all epochs anew, because a run that is tried again begins at epoch 1."""
        training = sum(task.completed for task in self.progress.tasks if task.id != self.total)
        completed = self.finished_epochs + training
        runs = f"{self.finished_runs} of {self.runs} runs"
        total = self.epochs
        self.progress.update(self.total, total=total, completed=completed, description=runs)


class DownloadBar:
    """The progress of a file, in the shape that a download asks for; silent off a terminal."""

    def __init__(self, file: str) -> None:
        self.total = 0.0
        self.progress = _progress(bars.DownloadColumn(), bars.TimeRemainingColumn())
        self.task = self.progress.add_task(printable(file), total=None)

    def update(self, amount: int) -> None:
        """Show that `amount` more bytes have come."""
        self.progress.start()
        self.progress.update(self.task, advance=amount, total=self.total)

    def close(self) -> None:
        """Show no more: the file is there, or not to be had."""
        self.progress.stop()


def _table(*columns: str) -> Table:
    """A table of plain columns; the first, of names, on the left and the others on the right."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        justify: Literal["left", "right"] = "right" if table.columns else "left"
        table.add_column(printable(column), justify=justify, no_wrap=True)
    return table


def _print_whole(table: Table) -> None:
    """Print a table with no figure cut: what is too wide for the terminal goes on below."""
    console = _console()
    console.width = PIPE_WIDTH
    console.print(table)


def print_results(results: Results) -> None:
    """Print a row per trial and a sentence per change.

    Figures are means over seeds, of test accuracy with half its 95 % interval; F1 is the macro
    mean.
    """
    table, looks = _table(), results.plan.looks
    for column in COLUMNS:
        table.add_column(column, no_wrap=column != "trial", overflow="fold")
    for summary in results.summaries():
        accuracies = [
            words.show(summary.figure(part, "accuracy").mean) for part in ("train", "validation")
        ]
        test = words.show(summary.figure("test", "accuracy"))
        others = [
            words.show(summary.figure("test", metric).mean)
            for metric in ("loss", "auroc", "f1_macro")
        ]
        name, epoch = printable(summary.trial.name), words.show(summary.epoch().mean, 1)
        table.add_row(name, str(len(summary.done)), epoch, *accuracies, test, *others)
    _console().print(table)
    say()
    if best := results.best():
        say(f"Best: {verdict_words.best_words(best)}. {verdict_words.best_basis(best)}")
    for verdict in results.verdicts():
        text = f"{verdict_words.sentence(verdict)} {verdict_words.look_words(verdict, looks)}"
        say(f"{verdict.trial.name} from {verdict.parent.name}: {text.strip()}")
    say()


def print_across(across: Across) -> None:
    """Print a sentence per change over all data sets."""
    say(f"Over all, {words.list_names([*across.results])}:")
    for it in (change.over_all for change in across.changes()):
        say(f"{it.trial.name} from {it.parent.name}: {verdict_words.sentence(it)}")
    say()


def print_report(folder: Path) -> None:
    """Print where the report is."""
    say(f"Report: {folder / 'report.html'}, {folder / 'report.md'}")


def print_comparison(comparison: Comparison) -> None:
    """Print one trial against another: verdict, other measures, images gained and lost."""
    verdict, images = comparison.verdict, comparison.images
    say(f"{verdict.parent.name} → {verdict.trial.name}: {verdict.verdict_text}")
    say(verdict_words.sentence(verdict))
    if p := verdict_words.p_words(verdict):
        say(p)
    if not comparison.in_book:
        say("The book does not make this change: p is not corrected for other pairs tried.")
    for remark in verdict_words.remarks(verdict):
        say(remark)
    say()
    for name, text in verdict_words.other_metrics(verdict):
        say(f"{name:<16} {text}")
    if images:
        gained, lost = words.show(images.gained, 1), words.show(images.lost, 1)
        say()
        say(f"Test images gained per seed: {gained}; lost: {lost}")
        _say_images("Gained", images.most_gained)
        _say_images("Lost", images.most_lost)


def _say_images(how: str, cases: Iterable[Example]) -> None:
    if images := ", ".join(f"image {case.index} ({words.quoted(case.truth)})" for case in cases):
        say(f"{how} by most seeds: {images}")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print a run's figures, mistakes and calibration on other images."""
    found, record = evaluation.mistakes, evaluation.run.record
    images = f"{evaluation.images:,} test images of {evaluation.data}"
    whose = "those it was scored on" if evaluation.own else "not those it was scored on"
    say(f"Trial {record.trial}, seed {record.seed}, on {images}, {whose}")
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
    say(f"{data.name}: {size}, SHA-256 {data.sha256}")
    for remark in data.remarks:
        say(remark)
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    known = {name: part for name, part in parts.items() if part is not None}
    counts = [np.bincount(part.labels, minlength=len(data.classes)) for part in known.values()]
    table = _table("class", *known)
    for name, *each in zip(data.classes, *counts, strict=True):
        table.add_row(words.shortened(name), *(f"{count:,}" for count in each))
    table.add_row("all", *(f"{len(part):,}" for part in known.values()), style="bold")
    _print_whole(table)


def _outcome(record: RunRecord, stored: bool) -> str:
    name = f"trial {record.trial} seed {record.seed} {record.status}"
    if record.status != "done":
        return f"{name}: {record.reason}"
    loss = record.history[record.epoch - 1].validation_loss if record.epoch else None
    how = "stored already" if stored else f"{record.seconds:.1f} s"
    return f"{name}, epoch {record.epoch}, validation loss {loss:.4f}, {how}"
