"""What is shown while work goes on: bars on a terminal, plain lines into a pipe or file."""

import sys
from collections.abc import Sequence

from rich import progress as bars
from rich.console import Console
from rich.table import Column
from rich.text import Text

from mnistlab.errors import printable
from mnistlab.images import DataSet
from mnistlab.report import verdict_words, words
from mnistlab.results.plan import Plan
from mnistlab.terminal import say, tell, width
from mnistlab.training.record import Epoch, Job, RunRecord

PIPE_WIDTH = 200  # columns of a table that goes into a file
BAR = 30  # columns of a bar at most; what stands beside it is never cut for it
BESIDE_NAME = 53  # columns that a run's line needs for all but the trial's name and the bar
MIN_NAME = 5  # columns


def console() -> Console:
    """Where bars and tables go: colours on a terminal only, whatever FORCE_COLOR asks for."""
    columns = width(sys.stdout)
    return Console(
        force_terminal=columns is not None, width=columns or PIPE_WIDTH, markup=False, emoji=False,
        highlight=False,
    )  # fmt: skip


def _progress(*columns: bars.ProgressColumn, hidden: bool = False) -> bars.Progress:
    """Bars with a description and these columns; nothing unless on a terminal."""
    where = console()
    described = bars.TextColumn("{task.description}", markup=False)
    bar = bars.BarColumn(None, table_column=Column(max_width=BAR))
    hidden = hidden or not where.is_terminal
    return bars.Progress(described, bar, *columns, console=where, disable=hidden, transient=True)


class _State(bars.TimeRemainingColumn):
    """What a task says of itself; of the one that says nothing the time that is left."""

    def render(self, task: bars.Task) -> Text:
        left = "time left: " + super().render(task).plain
        return Text(task.fields["state"] or left)


class RunDisplay:
    """The progress of a book: a bar for all its runs and one per run in training.

    Inside `with display.progress` they are shown; `quiet` ones show and say nothing.
    """

    def __init__(self, data: DataSet, quiet: bool = False) -> None:
        self.data, self.quiet = data, quiet
        self.runs = self.finished_runs = 0
        self.epochs = self.finished_epochs = 0  # of runs that are trained, not found stored
        self.tasks: dict[tuple[str, int], bars.TaskID] = {}  # runs in training
        self.progress = _progress(_State(table_column=Column(no_wrap=True)), hidden=quiet)
        self.total = self.progress.add_task("", total=0, state="")

    def on_start(self, plan: Plan) -> None:
        """Say what is to be known before the first run."""
        for remark in () if self.quiet else self._remarks(plan):
            tell(remark)

    def _remarks(self, plan: Plan) -> list[str]:
        said = [f"{plan.data.name}: {remark}" for remark in self.data.remarks]
        if plan.engine == "torch":
            said.insert(0, f"engine: PyTorch on {plan.device.upper()}")
        count, asked = plan.data.sizes["validation"], plan.book.validation
        if self.data.validation is not None:
            said.append(f"validation: {count:,} images that came with the data")
        elif count < asked:
            share = "a sixth of the training images"
            said.append(f"validation: {count:,} images, {share} (the book asks for {asked:,})")
        if possible := verdict_words.prospects_words(plan):
            said.append(f"verdicts: {possible}")
        return said

    def on_jobs(self, jobs: Sequence[Job]) -> None:
        """Count more runs that are due."""
        self.runs += len(jobs)
        self.epochs += sum(job.trial.training.epochs for job in jobs)
        self._update()

    def on_epoch(self, job: Job, epoch: Epoch) -> None:
        """Show where a run is."""
        key, epochs = (job.trial.name, job.seed), job.trial.training.epochs
        loss = "–" if epoch.validation_loss is None else f"{epoch.validation_loss:.4f}"
        state = f"epoch {epoch.epoch}/{epochs}, val loss {loss}"
        if key not in self.tasks:
            room = max(MIN_NAME, self.progress.console.width - BESIDE_NAME)
            name = f"trial {words.shortened(job.trial.name, room)} seed {job.seed}"
            self.tasks[key] = self.progress.add_task(printable(name), total=epochs, state=state)
        self.progress.update(self.tasks[key], completed=epoch.epoch, state=state)
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
        if self.progress.disable and not self.quiet:
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
        self.progress = _progress(
            bars.DownloadColumn(table_column=Column(no_wrap=True)), bars.TimeRemainingColumn()
        )
        self.task = self.progress.add_task(printable(file), total=None)

    def update(self, amount: int) -> None:
        """Show that `amount` more bytes have come."""
        self.progress.start()
        self.progress.update(self.task, advance=amount, total=self.total)

    def close(self) -> None:
        """Show no more: the file is there, or not to be had."""
        self.progress.stop()


def _outcome(record: RunRecord, stored: bool) -> str:
    name = f"trial {record.trial} seed {record.seed} {record.status}"
    if record.status != "done":
        return f"{name}: {record.reason}"
    loss = record.history[record.epoch - 1].validation_loss if record.epoch else None
    how = "stored already" if stored else f"{record.seconds:.1f} s"
    return f"{name}, epoch {record.epoch}, validation loss {loss:.4f}, {how}"
