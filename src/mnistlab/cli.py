"""The command line: reads arguments, prints and exits.

What a command needs is imported when it runs, so that `--help` is quick.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mnistlab.errors import LabError, UnfinishedError, one_line
from mnistlab.exits import UNFINISHED, UNMET, run_and_exit
from mnistlab.options import (
    BOOK,
    CLEAR,
    DATA,
    DATA_SETS,
    DRAWINGS,
    EXPECT,
    MODEL,
    PLACES,
    RUN,
    SEED,
    STROKES,
    TRIAL,
    TRUST,
    UNTIL,
    WHOLE,
    Device,
    Engine,
    Expectation,
    Out,
    results_folder,
)
from mnistlab.terminal import complain, say

app = typer.Typer(
    help="A lab for small image classifiers: trials in a file, many seeds in seconds, and "
    "whether a change helped.",
    rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _say_version(wanted: bool) -> None:
    if wanted:
        say(f"mnistlab {version('mnistlab')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, Option("--version", callback=_say_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass  # each command does its own


@app.command()
def run(
    book: Annotated[str, Argument(help=BOOK)] = "six-trials",
    data: Annotated[list[str] | None, Option(help=DATA_SETS)] = None,
    seeds: Annotated[int | None, Option(help="Train with seeds 0 to N-1.")] = None,
    until_decided: Annotated[bool, Option("--until-decided", help=UNTIL)] = False,
    max_seeds: Annotated[int | None, Option(help="The last look's seeds; 40 if not given.")] = None,
    only: Annotated[list[str] | None, Option(help="Train this trial only (repeatable).")] = None,
    out: Annotated[Path | None, Option(help="Results folder; results/BOOK if not given.")] = None,
    jobs: Annotated[int | None, Option(min=1, help="Processes; the cores if not given.")] = None,
    epochs: Annotated[int | None, Option(help="Train this many epochs, not the book's.")] = None,
    engine: Annotated[Engine, Option(help="What trains; torch needs an extra.")] = Engine.auto,
    device: Annotated[Device, Option(help="Where to train.")] = Device.auto,
    strokes: Annotated[list[str] | None, Option(help=STROKES)] = None,
    trust_modules: Annotated[bool, Option("--trust-modules", help=TRUST)] = False,
    fresh: Annotated[bool, Option("--fresh", help="Train again what is stored already.")] = False,
    quiet: Annotated[bool, Option("--quiet", help="Say only what goes wrong.")] = False,
    open_report: Annotated[bool, Option("--open", help="Show the report in the browser.")] = False,
) -> None:
    """Train every trial of a book with every seed and write a report."""
    from mnistlab.book.reading import read_book
    from mnistlab.data.catalog import load_data
    from mnistlab.lab import default_folder
    from mnistlab.progress import DownloadBar
    from mnistlab.results.looks import MAX_SEEDS
    from mnistlab.running import run_shown

    trials = read_book(book).with_strokes(strokes or [])
    trials = trials if seeds is None else trials.with_seeds(seeds)
    if max_seeds is not None and not until_decided:
        raise LabError("--max-seeds: is for --until-decided; give that too, or --seeds instead")
    most = max_seeds or MAX_SEEDS if until_decided else None
    trials = trials if epochs is None else trials.with_epochs(epochs)
    bar = None if quiet else DownloadBar
    sets = [load_data(each, bar) for each in data or [trials.data]]
    if until_decided and len(sets) > 1:
        raise LabError("--until-decided: is for one data set; give one --data, or --seeds instead")
    folder = out or default_folder(trials, "-".join(each.name for each in sets))
    run_shown(
        trials, sets, folder, only=only or [], jobs=jobs, engine=engine.value, device=device.value,
        trust_modules=trust_modules, fresh=fresh, max_seeds=most, quiet=quiet,
        open_report=open_report,
    )  # fmt: skip


@app.command()
def compare(
    places: Annotated[list[str], Argument(metavar="OUT A B | OUT/A OUT/B", help=PLACES)],
    expect: Annotated[Expectation | None, Option(help=EXPECT)] = None,
    as_json: Annotated[bool, Option("--json", help="Answer with a JSON object.")] = False,
) -> None:
    """Say whether a trial is better than another, and on which images."""
    from mnistlab.display import print_comparison
    from mnistlab.report.export import verdict_record
    from mnistlab.results.between import compare_between, compare_within, meets

    if len(places) == 3:
        found = compare_within(results_folder(Path(places[0])), *places[1:])
    elif len(places) == 2:
        found = compare_between(*map(Path, places))
    else:
        raise LabError("compare: give OUT and two of its trials, or OUT/TRIAL twice")
    met = expect is None or meets(found.verdict, expect.value)
    if as_json:
        expected = {} if expect is None else {"expected": expect.value, "met": met}
        say(json.dumps(verdict_record(found.verdict) | expected))
    else:
        print_comparison(found)
    if not met and expect is not None:
        complain(f"expected {expect.value}, found: {found.verdict.verdict_text}")
        raise typer.Exit(UNMET)


@app.command()
def report(out: Out) -> None:
    """Write a results folder's report again, from its stored runs."""
    from mnistlab.display import print_report
    from mnistlab.report.across import write_across
    from mnistlab.report.pages import write_report
    from mnistlab.results.across import is_across
    from mnistlab.results.store import Store
    from mnistlab.results.summary import read_results

    if is_across(out):
        write_across(out)
    else:
        store = Store(out)
        write_report(store, read_results(store))
    print_report(out)


@app.command()
def export(
    out: Out,
    csv: Annotated[str | None, Option(metavar="FILE|-", help="Runs, for pandas and R.")] = None,
    latex: Annotated[str | None, Option(metavar="FILE|-", help="Tables for a paper.")] = None,
    markdown: Annotated[str | None, Option(metavar="FILE|-", help="The same tables.")] = None,
    as_json: Annotated[str | None, Option("--json", metavar="FILE|-", help="All of it.")] = None,
) -> None:
    """Write runs or tables to files; - is standard output."""
    from mnistlab.report.tables import EXPORTS
    from mnistlab.results.store import Store
    from mnistlab.results.summary import read_results

    places = {"csv": csv, "latex": latex, "markdown": markdown, "json": as_json}
    if not any(places.values()):
        raise LabError("export: nothing to write; give --csv, --latex, --markdown or --json")
    results = read_results(Store(out))
    for kind, place in places.items():
        if place == "-":
            sys.stdout.buffer.write(EXPORTS[kind](results).encode())
        elif place:
            _write(Path(place), EXPORTS[kind](results).encode())


@app.command()
def evaluate(
    place: Annotated[Path, Argument(metavar="OUT|RUN", help=RUN)],
    trial: Annotated[str | None, Argument(metavar="[TRIAL]", help=TRIAL)] = None,
    *,
    seed: Annotated[int | None, Option(help=SEED)] = None,
    data: Annotated[str, Option(help=DATA)],
) -> None:
    """Say what a saved run makes of a data set's test images."""
    from mnistlab.data.catalog import load_data
    from mnistlab.display import print_evaluation
    from mnistlab.progress import DownloadBar
    from mnistlab.results import evaluate
    from mnistlab.results.finding import run_folder

    run = run_folder(place, trial, seed)
    print_evaluation(evaluate.evaluate(run, load_data(data, DownloadBar)))


@app.command("list")
def list_known() -> None:
    """Name the books and data sets there are, and the results here."""
    from mnistlab.book.reading import read_book, shipped_books
    from mnistlab.data.catalog import NAMES
    from mnistlab.display import print_list
    from mnistlab.results.finding import results_folders

    titles = {name: read_book(name).title for name in sorted(shipped_books())}
    print_list(titles, NAMES, results_folders(Path("results")))


@app.command()
def cache(clear: Annotated[bool, Option("--clear", help=CLEAR)] = False) -> None:
    """Say where downloads and shared images are, and their size."""
    from mnistlab.data import cache
    from mnistlab.data.catalog import cache_folder
    from mnistlab.display import print_cache

    if clear:
        cache.clear()
    print_cache(cache_folder(), cache.cached())


@app.command()
def data(name: Annotated[str, Argument(metavar="NAME|PATH", help=DATA)]) -> None:
    """Fetch a data set, check it, and say what is in it."""
    from mnistlab.data.catalog import about, load_data
    from mnistlab.data.sheet import contact_sheet
    from mnistlab.display import print_data
    from mnistlab.progress import DownloadBar

    images = load_data(name, DownloadBar)
    print_data(images)
    if said := about(name):
        say(said)
    sheet = Path(f"{one_line(Path(name).resolve().name)}-contact-sheet.png")
    _write(sheet, contact_sheet(images.train))
    say(f"Contact sheet: {sheet}")


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises UnfinishedError."""
    from mnistlab.atomic import write_whole

    try:
        write_whole(path, content)
    except OSError as error:
        remedy = "choose a place that can be written to"
        raise UnfinishedError(f"{path}: cannot be written ({error.strerror}); {remedy}") from None


@app.command()
def draw(
    place: Annotated[Path | None, Argument(metavar="[OUT|RUN|MODEL.onnx]", help=MODEL)] = None,
    trial: Annotated[str | None, Argument(metavar="[TRIAL]", help=TRIAL)] = None,
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
    from mnistlab.results.finding import run_folder
    from mnistlab.results.models import find_models

    found = find_models(run_folder(place, trial) if place and trial else place) if place else []
    models = [open_model(path, trial or name) for name, path in found]
    folder = Path(platformdirs.user_data_dir("mnistlab", appauthor=False))
    Window(models or [shipped_model()], folder / "corrections.jsonl", dark).run()


@app.command()
def predict(
    files: Annotated[list[Path] | None, Argument(help="Images to look at.")] = None,
    strokes: Annotated[str | None, Option(metavar="FILE.jsonl|-", help=DRAWINGS)] = None,
    model: Annotated[Path | None, Option(help=MODEL)] = None,
    whole: Annotated[bool, Option("--whole", help=WHOLE)] = False,
    as_json: Annotated[
        bool, Option("--json", help="Answer with JSON, an object per line.")
    ] = False,
) -> None:
    """Say what images or strokes show, and how sure that is."""
    from mnistlab.asking import answer

    if not files and not strokes:
        remedy = "give image files, or --strokes with a file or - for standard input"
        raise LabError(f"predict: nothing to look at; {remedy}")
    if not answer(files or [], strokes, model, whole, as_json):
        raise typer.Exit(UNFINISHED)


def main() -> None:
    """Run the command line and exit."""
    run_and_exit(app)
