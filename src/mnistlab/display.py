"""What the command line shows: live progress on a terminal, plain lines into a pipe or a file,
tables.
"""

import sys
from collections.abc import Collection
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)  # fmt: skip
from rich.table import Table

from mnistlab.book.trial import Book
from mnistlab.report.words import (
    METRIC_NAMES,
    change_words,
    other_metrics,
    p_words,
    recall_words,
    remarks,
    sentence,
    show,
)
from mnistlab.results.compare import Comparison
from mnistlab.results.evaluate import Evaluation
from mnistlab.results.mistakes import Trade
from mnistlab.results.statistics import Interval
from mnistlab.results.store import Plan
from mnistlab.results.summary import Results
from mnistlab.training.record import Epoch, Job, RunRecord

PIPE_WIDTH = 200  # columns of a table that goes into a file


class RunDisplay:
    """The progress of a book: a bar for all its epochs, a line for each run in training."""

    def __init__(self, book: Book, only: Collection[str]) -> None:
        trials = [trial for trial in book.trials if not only or trial.name in only]
        self.epochs = {trial.name: trial.training.epochs for trial in trials}
        self.all_runs, self.finished = len(trials) * len(book.seeds), 0
        self.live = sys.stdout.isatty()
        self.bars: dict[tuple[str, int], TaskID] = {}
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("epochs"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            disable=not self.live, transient=True,
        )  # fmt: skip
        self.total = self.progress.add_task(
            "", total=sum(self.epochs.values()) * len(book.seeds), loss=""
        )
        self._count()

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def on_start(self, plan: Plan) -> None:
        """Say what is to be known before the first run."""
        if plan.engine == "torch":
            print(f"engine: PyTorch on {plan.device.upper()}")
        count, asked = plan.data.sizes["validation"], plan.book.validation
        if count < asked:
            share = "a sixth of the training images"
            print(f"validation: {count:,} images, {share} (the book asks for {asked:,})")

    def on_epoch(self, job: Job, epoch: Epoch) -> None:
        """Show where a run is."""
        key = (job.trial.name, job.seed)
        if key not in self.bars:
            name = f"trial {job.trial.name} seed {job.seed}"
            self.bars[key] = self.progress.add_task(name, total=job.trial.training.epochs, loss="")
        loss = "–" if epoch.validation_loss is None else f"{epoch.validation_loss:.4f}"
        self.progress.update(self.bars[key], completed=epoch.epoch, loss=f"validation loss {loss}")
        self.progress.advance(self.total)

    def on_run(self, record: RunRecord, stored: bool) -> None:
        """Show that a run is finished, or was found stored."""
        bar = self.bars.pop((record.trial, record.seed), None)
        if bar is not None:
            self.progress.remove_task(bar)
        self.progress.advance(
            self.total, self.epochs[record.trial] - (len(record.history) if bar is not None else 0)
        )
        self.finished += 1
        self._count()
        if not self.live:
            print(f"{self.finished} of {self.all_runs}: {_said(record, stored)}", flush=True)

    def _count(self) -> None:
        self.progress.update(self.total, description=f"{self.finished} of {self.all_runs} runs")


class DownloadBar:
    """The progress of one file, in the shape that pooch asks for; silent unless on a terminal."""

    def __init__(self, file: str) -> None:
        self.total = 0.0
        self.progress = Progress(
            TextColumn(file),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            disable=not sys.stdout.isatty(),
        )
        self.task = self.progress.add_task("", total=None)

    def update(self, amount: int) -> None:
        """`amount` more bytes have come."""
        self.progress.start()
        self.progress.update(self.task, advance=amount, total=self.total)

    def reset(self) -> None:
        """Begin again; pooch does so when all has come, before it counts the whole once more."""
        self.progress.reset(self.task)

    def close(self) -> None:
        """The file is there, or not to be had."""
        self.progress.stop()


def print_results(results: Results) -> None:
    """The table of all trials: means over seeds, test accuracy ± half its 95 % interval, F1 as
    macro mean.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (
        "trial",
        "n",
        "epoch",
        "train acc",
        "val acc",
        "test acc",
        "loss",
        "AUROC",
        "F1",
    ):
        table.add_column(column, no_wrap=True)
    table.add_column("change", overflow="fold")
    for summary in results.summaries():
        accuracies = [_mean(summary.figure(part, "accuracy")) for part in ("train", "validation")]
        others = [_mean(summary.figure("test", metric)) for metric in ("loss", "auroc", "f1_macro")]
        test, epoch = show(summary.figure("test", "accuracy")), _mean(summary.epoch(), 1)
        count = str(len(summary.done))
        table.add_row(
            summary.trial.name, count, epoch, *accuracies, test, *others, change_words(summary)
        )
    console = Console()
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table)
    if comparisons := results.comparisons():
        print()
    for comparison in comparisons:
        print(f"{comparison.trial.name}: {sentence(comparison)}")


def print_comparison(comparison: Comparison, traded: Trade | None) -> None:
    """One trial against another: the verdict, the other measures, the images gained and lost."""
    judged = comparison.judgement
    print(f"{comparison.parent.name} → {comparison.trial.name}: {judged.verdict_text}")
    print(sentence(comparison))
    if said := p_words(judged):
        print(said)
    if comparison.trial.parent != comparison.parent.name:
        print(
            "The book does not make this change: its p stands alone, so do not try pairs until "
            "one is small."
        )
    for remark in remarks(comparison):
        print(remark)
    print()
    for name, text in other_metrics(comparison):
        print(f"{name:<16} {text}")
    if traded:
        print(
            f"\nTest images gained a seed: {show(traded.gained, 1)}; lost: {show(traded.lost, 1)}"
        )
        for word, cases in (("Gained", traded.gains), ("Lost", traded.losses)):
            if cases:
                print(
                    f"{word} by most seeds: "
                    f"{', '.join(f'image {case.index} (a {case.digit})' for case in cases)}"
                )


def print_evaluation(evaluation: Evaluation) -> None:
    """A run's figures, confusion matrix and calibration on other images."""
    found, record = evaluation.mistakes, evaluation.run.record
    images = f"{evaluation.images:,} test images of {evaluation.data}"
    print(f"Trial {record.trial}, seed {record.seed}, on {images}")
    for metric, value in evaluation.scores.model_dump().items():
        print(f"{METRIC_NAMES[metric]:<12} {'–' if value is None else f'{value:.4f}'}")
    print("\nRows: the true digit; columns: what it is read as; then recall with its 95 % interval")
    print("   " + "".join(f"{digit:>6}" for digit in range(len(found.recalls))))
    for it, row in zip(found.recalls, found.confusion, strict=True):
        print(
            f"{it.digit:>3}" + "".join(f"{count:>6.0f}" for count in row) + f"  {recall_words(it)}"
        )
    print(f"\nCalibration: expected error {found.ece.mean:.4f} (15 bins)")
    for one in found.bins:
        print(
            f"{one.images:>8,.0f} images {100 * one.confidence:5.1f} % sure, "
            f"{100 * one.accuracy:5.1f} % right"
        )


def _mean(figure: Interval, digits: int = 4) -> str:
    return "–" if figure.mean is None else f"{figure.mean:.{digits}f}"


def _said(record: RunRecord, stored: bool) -> str:
    name = f"trial {record.trial} seed {record.seed} {record.status}"
    if record.status != "done":
        return f"{name}: {record.reason}"
    loss = record.history[record.epoch - 1].validation_loss if record.epoch else None
    how = "stored already" if stored else f"{record.seconds:.1f} s"
    return f"{name}, epoch {record.epoch}, validation loss {loss:.4f}, {how}"
