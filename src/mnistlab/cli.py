"""The command line: reads arguments, prints and exits.

Exit codes: 0 all done; 2 refused before starting; 1 some inputs or runs failed, or work stopped
midway, and the rest was done; 130 interrupted. 3 is kept for expectations that are not met.
What a command needs is imported when it runs, so that `--help` is quick.
"""

import json
import logging
import os
import sys
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from mnistlab.errors import LabError, StoreError, UnfinishedError, one_line

if TYPE_CHECKING:
    from mnistlab.model.predictor import Predictor
    from mnistlab.training.record import RunRecord

# of click, or of the copy of it that newer versions of typer carry
ClickException: type[Exception] = typer.BadParameter.__mro__[2]

UNFINISHED, REFUSED, INTERRUPTED = 1, 2, 130  # exit codes

app = typer.Typer(
    help="A lab for small image classifiers: trials in a file, many seeds in seconds, and "
    "whether a change helped.",
    rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False,
)  # fmt: skip

Device = StrEnum("Device", ["auto", "cpu", "cuda"])
Engine = StrEnum("Engine", ["auto", "native", "torch"])


def _results_folder(out: Path) -> Path:
    """Refuse a file, and name the results folder that it is in."""
    if not out.is_file():
        return out
    folder = next((it for it in out.parents if (it / "book.json").is_file()), None)
    raise StoreError(f"{out}: a file; give the results folder, {folder or 'one that `run` made'}")


DATA = (
    "mnist, mini, fashion, kmnist, qmnist, emnist-letters, emnist-balanced, a set of MedMNIST such "
    "as bloodmnist, or the path of own data."
)
BOOK = "A TOML file of trials, or the name of a shipped book."
STROKES = "Train on these drawings too: a strokes file or pendigits (repeatable)."
TRUST = "Run the code of the book's own modules: read it first."
DRAWINGS = "Pen strokes, a drawing per line."
MODEL = "A model.onnx, a run's folder or a results folder; the shipped one if not given."
Out = Annotated[Path, Argument(metavar="OUT", help="A results folder.", callback=_results_folder)]
Trial = Annotated[str, Argument(metavar="TRIAL", help="A trial's name.")]


@app.command()
def run(
    book: Annotated[str, Argument(help=BOOK)] = "six-trials",
    data: Annotated[str | None, Option(help=DATA)] = None,
    seeds: Annotated[int | None, Option(help="Train with seeds 0 to N-1.")] = None,
    only: Annotated[list[str] | None, Option(help="Train this trial only (repeatable).")] = None,
    out: Annotated[Path | None, Option(help="Results folder; results/BOOK if not given.")] = None,
    jobs: Annotated[int | None, Option(min=1, help="Processes; the cores if not given.")] = None,
    epochs: Annotated[int | None, Option(help="Train this many epochs, not the book's.")] = None,
    engine: Annotated[Engine, Option(help="What trains; torch needs an extra.")] = Engine.auto,
    device: Annotated[Device, Option(help="Where to train.")] = Device.auto,
    strokes: Annotated[list[str] | None, Option(help=STROKES)] = None,
    trust_modules: Annotated[bool, Option("--trust-modules", help=TRUST)] = False,
    fresh: Annotated[bool, Option("--fresh", help="Train again what is stored already.")] = False,
) -> None:
    """Train every trial of a book with every seed and write a report."""
    from mnistlab.book.reading import read_book
    from mnistlab.data.catalog import load_data
    from mnistlab.display import DownloadBar, RunDisplay, print_report, print_results
    from mnistlab.lab import default_folder, run_book

    trials = read_book(book).with_strokes(strokes or [])
    trials = trials if seeds is None else trials.with_seeds(seeds)
    trials = trials if epochs is None else trials.with_epochs(epochs)
    images = load_data(data or trials.data, DownloadBar)
    folder = out or default_folder(trials, images.name)
    display = RunDisplay(trials, only or [], images)
    try:
        with display.progress:
            results = run_book(
                trials, images, folder, only=only or [], jobs=jobs, engine=engine.value,
                device=device.value, trust_modules=trust_modules, fresh=fresh, progress=DownloadBar,
                on_start=display.on_start, on_epoch=display.on_epoch, on_run=display.on_run,
            )  # fmt: skip
    except KeyboardInterrupt:
        _complain("stopped; what is finished is stored, and the same command goes on from there")
        raise
    print_results(results)
    print_report(folder)
    _complain_of_failures(list(results.troubled), folder / "logs")


def _complain_of_failures(records: "list[RunRecord]", logs: Path) -> None:
    """Say which runs have no figures and why; exit where one failed, which a new try may mend."""
    for record in records:
        _complain(f"trial {record.trial}, seed {record.seed} {record.status}: {record.reason}")
    if any(record.status == "failed" for record in records):
        if logs.is_dir():
            _complain(f"more about failed runs is in {logs}")
        raise typer.Exit(UNFINISHED)


@app.command()
def compare(out: Out, before: Trial, after: Trial) -> None:
    """Say whether one trial is better than another, and which images it gains and loses."""
    from mnistlab.display import print_comparison
    from mnistlab.results.mistakes import compare_predictions
    from mnistlab.results.store import Store
    from mnistlab.results.summary import read_results

    store = Store(out)
    results = read_results(store)
    images = compare_predictions(store, results.runs, before, after)
    print_comparison(results.verdict(before, after), images)


@app.command()
def report(out: Out) -> None:
    """Write the report of a results folder again, from its stored runs alone."""
    from mnistlab.display import print_report
    from mnistlab.report.pages import write_report
    from mnistlab.results.store import Store
    from mnistlab.results.summary import read_results

    store = Store(out)
    write_report(store, read_results(store))
    print_report(out)


@app.command()
def evaluate(
    run: Annotated[Path, Argument(help="A run's folder inside a results folder.")],
    data: Annotated[str, Option(help=DATA)],
) -> None:
    """Say what a saved run makes of a data set's test images: figures, confusion, calibration."""
    from mnistlab.data.catalog import load_data
    from mnistlab.display import DownloadBar, print_evaluation
    from mnistlab.results import evaluate

    print_evaluation(evaluate.evaluate(run, load_data(data, DownloadBar)))


@app.command()
def data(name: Annotated[str, Argument(metavar="NAME|PATH", help=DATA)]) -> None:
    """Fetch a data set, check it, and say what is in it."""
    from mnistlab.atomic import write_whole
    from mnistlab.data.catalog import about, load_data
    from mnistlab.data.sheet import contact_sheet
    from mnistlab.display import DownloadBar, print_data, say

    images = load_data(name, DownloadBar)
    print_data(images)
    if said := about(name):
        say(said)
    sheet = Path(f"{images.name}-contact-sheet.png")
    try:
        write_whole(sheet, contact_sheet(images.train))
    except OSError as error:
        remedy = "change to a folder that can be written to"
        raise UnfinishedError(f"{sheet}: cannot be written ({error.strerror}); {remedy}") from None
    say(f"Contact sheet: {sheet}")


@app.command()
def draw(
    place: Annotated[Path | None, Argument(metavar="[OUT|RUN|MODEL.onnx]", help=MODEL)] = None,
    dark: Annotated[bool, Option("--dark", help="Begin with dark colours.")] = False,
) -> None:
    """Open a window to draw in and watch networks decide."""
    try:
        from mnistlab.drawing.window import Window
    except ImportError as error:
        remedy = "install python3-tk (apt), python-tk (Homebrew), or Python with Tcl/Tk (Windows)"
        raise LabError(f"the window needs tkinter ({error}); {remedy}") from None
    import platformdirs

    from mnistlab.model.predictor import open_model, shipped_model
    from mnistlab.results.models import find_models

    models = [open_model(path, name) for name, path in find_models(place)] if place else []
    folder = Path(platformdirs.user_data_dir("mnistlab", appauthor=False))
    Window(models or [shipped_model()], folder / "corrections.jsonl", dark).run()


@app.command()
def predict(
    files: Annotated[list[Path] | None, Argument(help="Images to look at.")] = None,
    strokes: Annotated[str | None, Option(metavar="FILE.jsonl|-", help=DRAWINGS)] = None,
    model: Annotated[Path | None, Option(help=MODEL)] = None,
    as_json: Annotated[
        bool, Option("--json", help="Answer with JSON, an object per line.")
    ] = False,
) -> None:
    """Say what images or strokes show, and how sure that is."""
    from mnistlab.display import say
    from mnistlab.drawing.answers import (
        ask_file,
        ask_images,
        ask_strokes,
        never_unsure,
        require_grey,
    )

    if not files and not strokes:
        remedy = "give image files, or --strokes with a file or - for standard input"
        raise LabError(f"predict: nothing to look at; {remedy}")
    asked = _model(model)
    if strokes:
        require_grey(asked)
    if remark := never_unsure(asked):
        _complain(remark)
    answers = [ask_images(asked, files or [])]
    if strokes == "-":
        answers.append(ask_strokes(asked, sys.stdin.buffer, "-"))
    elif strokes:
        answers.append(ask_file(asked, Path(strokes)))
    failed = False
    for answer in chain(*answers):
        failed |= answer.error is not None
        tell = _complain if answer.error is not None and not as_json else say
        tell(json.dumps(answer.record()) if as_json else answer.line())
    if failed:
        raise typer.Exit(UNFINISHED)


def _model(place: Path | None) -> "Predictor":
    """The model to predict with; of a results folder its best, which is said."""
    from mnistlab.model.predictor import open_model, shipped_model
    from mnistlab.results.models import best_model
    from mnistlab.results.store import Store

    if place is None:
        return shipped_model()
    name, path = best_model(place)
    if (place / "book.json").is_file() and (stored := Store(place).find(path.parent.name)):
        _complain(f"model: trial {name}, seed {stored.record.seed}, the best in validation")
    return open_model(path, name)


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may know neither ± nor →
            stream.reconfigure(errors="replace")
    logging.getLogger("mnistlab").handlers = [_Warnings()]
    code = _exit_code()
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:  # what is left would be tried again at exit, with a complaint by Python
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _exit_code() -> int:
    try:
        _refuse_impossible_names()
        code: Any = app(None if sys.argv[1:] else ["--help"], standalone_mode=False)
    except ClickException as error:
        _complain(f"{error.format_message()} (see mnistlab --help)")  # type: ignore[attr-defined]
        return REFUSED
    except LabError as error:
        _complain(error)
        return UNFINISHED if isinstance(error, UnfinishedError) else REFUSED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        return _unforeseen(error)
    return code if isinstance(code, int) else 0


def _refuse_impossible_names() -> None:
    for argument in sys.argv[1:]:
        if "\0" in argument or argument != argument.encode(errors="ignore").decode():
            raise LabError(f"{argument}: not a name in UTF-8; rename the file or folder")


def _unforeseen(error: Exception) -> int:
    """Say what the system refused, and return the exit code. Raises what is no such thing, a bug.

    When loky cannot start a process its cleaning up fails too: the first error is the context.
    """
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, KeyboardInterrupt):  # Ctrl-C while a library was imported
        return INTERRUPTED
    if not isinstance(cause, OSError):
        raise error
    reason = cause.strerror or cause
    if cause.filename is not None:
        _complain(f"{cause.filename}: {reason}; give another name or place")
        return REFUSED
    _complain(f"{reason}, in writing output or starting processes; make room and try again")
    return UNFINISHED


def _complain(text: object) -> None:
    print(f"mnistlab: {one_line(text)}", file=sys.stderr)


class _Warnings(logging.Handler):
    """Shows what the lab warns of as errors are shown."""

    def emit(self, record: logging.LogRecord) -> None:
        _complain(record.getMessage())
