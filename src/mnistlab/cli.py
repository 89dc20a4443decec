"""The command line: the only place that reads arguments, prints and exits.

Exit codes: 0 all done; 2 refused before starting; 1 some inputs or runs failed and the rest were
done. What a command needs is imported when it runs, so that `--help` is quick.
"""

import json
import sys
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnistlab.errors import LabError

if TYPE_CHECKING:
    from mnistlab.model.predictor import Predictor

# typer carries a copy of click of its own, or the other one, by its version; this is the class of
# either's errors
ClickException: type[Exception] = typer.BadParameter.__mro__[2]

INTERRUPTED = 130  # how typer reports Ctrl-C; older versions raise Abort

app = typer.Typer(
    help="A lab for small image classifiers: trials in a file, many seeds in seconds, and "
    "whether a change helped.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)


class Device(StrEnum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class EngineName(StrEnum):
    """What trains."""

    auto = "auto"
    native = "native"
    torch = "torch"


DATA_HELP = "mnist, fashion, kmnist, mini or a folder with four IDX files."
Data = Annotated[str | None, typer.Option(help=DATA_HELP)]

Out = Annotated[Path, typer.Argument(metavar="OUT", help="A results folder.")]
TrialName = Annotated[str, typer.Argument(metavar="TRIAL", help="A trial's name.")]


@app.command()
def run(
    book: Annotated[
        str, typer.Argument(help="A TOML file of trials, or the name of a shipped book.")
    ] = "six-trials",
    data: Data = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Train with seeds 0 to N-1.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Train this trial only (repeatable).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Results folder; results/BOOK if not given.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; the cores if not given.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Train this many epochs instead of the book's."),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(help="What trains; torch needs the extra torch.")
    ] = EngineName.auto,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
    strokes: Annotated[
        list[str] | None,
        typer.Option(help="Train on these drawings too: a strokes file or pendigits (repeatable)."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train again what is stored already.")
    ] = False,
) -> None:
    """Train every trial of a book with every seed and write a report."""
    from mnistlab.book.reading import read_book
    from mnistlab.data.catalog import load_data
    from mnistlab.display import RunDisplay, print_results
    from mnistlab.lab import run_book

    trials = read_book(book)
    trials = trials.with_seeds(seeds) if seeds else trials
    trials = trials.with_epochs(epochs) if epochs else trials
    trials = trials.with_strokes(strokes or [])
    images = load_data(data or trials.data, _download_bar)
    with RunDisplay(trials, only or []) as display:
        results = run_book(
            trials, images, out, only=only or [], jobs=jobs, engine=engine.value,
            device=device.value, fresh=fresh,
            progress=_download_bar, on_start=display.on_start, on_epoch=display.on_epoch,
            on_run=display.on_run,
        )  # fmt: skip
    print_results(results)
    folder = out or Path("results") / trials.name
    print(f"\nReport: {folder / 'report.html'}, {folder / 'report.md'}")
    troubled = [record for record in results.records if record.status != "done"]
    for record in troubled:
        print(
            f"trial {record.trial}, seed {record.seed} {record.status}: {record.reason}",
            file=sys.stderr,
        )
    if any(record.status == "failed" for record in troubled):
        raise typer.Exit(1)


@app.command()
def compare(out: Out, before: TrialName, after: TrialName) -> None:
    """Say whether one trial of a results folder is better than another, and what it gains and
    loses.
    """
    from mnistlab.display import print_comparison
    from mnistlab.results.mistakes import compare_predictions
    from mnistlab.results.store import Store
    from mnistlab.results.summary import read_results

    store = Store(out)
    results = read_results(store)
    print_comparison(
        results.comparison(before, after), compare_predictions(store, results.runs, before, after)
    )


@app.command()
def report(out: Out) -> None:
    """Write the report of a results folder again, from its stored runs alone."""
    from mnistlab.report.pages import write_report
    from mnistlab.results.store import Store
    from mnistlab.results.summary import read_results

    store = Store(out)
    write_report(store, read_results(store))
    print(f"Report: {out / 'report.html'}, {out / 'report.md'}")


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run's folder inside a results folder.")],
    data: Annotated[str, typer.Option(help=DATA_HELP)],
) -> None:
    """Say what a saved run makes of a data set's test images: figures, confusion, calibration."""
    from mnistlab.data.catalog import load_data
    from mnistlab.display import print_evaluation
    from mnistlab.results.evaluate import evaluate as evaluated

    print_evaluation(evaluated(run, load_data(data, _download_bar)))


@app.command()
def data(
    name: Annotated[
        str, typer.Argument(metavar="NAME|DIR", help="A data set's name, or a folder.")
    ],
) -> None:
    """Fetch a data set, check it, and say what is in it."""
    import numpy as np

    from mnistlab.data.catalog import load_data
    from mnistlab.data.sheet import contact_sheet
    from mnistlab.images import CLASSES

    images = load_data(name, _download_bar)
    print(f"{images.name}: 28×28 pixels, {CLASSES} classes, SHA-256 {images.sha256}")
    for part, content in (("train", images.train), ("test", images.test)):
        counts = np.bincount(content.labels, minlength=CLASSES)
        each = " ".join(f"{count:,}" for count in counts)
        print(f"{part:<6}{len(content):>7,} images; of each class {each}")
    sheet = Path(f"{images.name}-contact-sheet.png")
    try:
        sheet.write_bytes(contact_sheet(images.train))
    except OSError as error:
        raise LabError(
            f"{sheet}: cannot be written ({error.strerror}); change to a folder that can"
        ) from None
    print(f"Contact sheet: {sheet}")


@app.command()
def draw(
    place: Annotated[
        Path | None,
        typer.Argument(
            metavar="[OUT|RUN|MODEL.onnx]", help="Models to try; the shipped one if not given."
        ),
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Begin with dark colours.")] = False,
) -> None:
    """Open a window to draw digits in and watch networks decide."""
    try:
        from mnistlab.drawing.window import Window
    except ImportError as error:
        raise LabError(
            f"the window needs tkinter ({error}); install it: sudo apt install python3-tk "
            f"(Debian, Ubuntu), "
            "brew install python-tk (macOS), or Python's Windows installer with Tcl/Tk"
        ) from None
    import platformdirs

    corrections = (
        Path(platformdirs.user_data_dir("mnistlab", appauthor=False)) / "corrections.jsonl"
    )
    Window(_models(place), corrections, dark).run()


@app.command()
def predict(
    files: Annotated[list[Path] | None, typer.Argument(help="Images of a digit each.")] = None,
    strokes: Annotated[
        str | None, typer.Option(metavar="FILE.jsonl|-", help="Strokes, a drawing a line.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="A model.onnx or a run's folder; the shipped one if not given."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer with a JSON object a line.")
    ] = False,
) -> None:
    """Say which digits images or strokes show, and how sure that is."""
    from mnistlab.drawing.answers import ask_file, ask_images, ask_strokes

    if not files and not strokes:
        raise LabError(
            "predict: nothing to look at; give image files, or --strokes with a file or - for "
            "standard input"
        )
    (asked, *_) = _models(model)
    answers = [ask_images(asked, files or [])]
    if strokes:
        answers.append(
            ask_strokes(asked, sys.stdin.buffer, "-")
            if strokes == "-"
            else ask_file(asked, Path(strokes))
        )
    wrong = 0
    for answer in chain(*answers):
        wrong += answer.error is not None
        stream = sys.stderr if answer.error is not None and not as_json else sys.stdout
        print(json.dumps(answer.record()) if as_json else answer.line(), file=stream, flush=True)
    if wrong:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may know neither ± nor →
            stream.reconfigure(errors="replace")
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        result: Any = app(standalone_mode=False)
    except ClickException as error:
        return _refused(f"{error.format_message()} (see mnistlab --help)")  # type: ignore[attr-defined]
    except LabError as error:
        return _refused(str(error))
    except typer.Abort:
        result = INTERRUPTED
    if result == INTERRUPTED:
        print(
            "mnistlab: stopped; what is finished is stored, and the same command goes on from "
            "there",
            file=sys.stderr,
        )
        return 1
    return result if isinstance(result, int) else 0


def _refused(reason: str) -> int:
    print(f"mnistlab: {' '.join(reason.split())}", file=sys.stderr)
    return 2


def _models(place: Path | None) -> "list[Predictor]":
    from mnistlab.model.predictor import open_model, shipped_model

    if place is None:
        return [shipped_model()]
    from mnistlab.results.models import find_models

    return [open_model(path, name) for name, path in find_models(place)]


def _download_bar(file: str) -> Any:
    from mnistlab.display import DownloadBar

    return DownloadBar(file)
