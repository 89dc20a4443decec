"""What the command line takes: choices, places, and the help that explains them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument

from mnistlab.errors import StoreError

Device = StrEnum("Device", ["auto", "cpu", "cuda"])
Engine = StrEnum("Engine", ["auto", "native", "torch"])
Expectation = StrEnum("Expectation", ["helped", "not-hurt", "equivalent"])


def results_folder(out: Path) -> Path:
    """Refuse a file, and name the results folder that it is in."""
    if not out.is_file():
        return out
    folder = next((it for it in out.parents if (it / "book.json").is_file()), None)
    raise StoreError(f"{out}: a file; give the results folder, {folder or 'one that `run` made'}")


DATA = (
    "mnist, mini, fashion, kmnist, qmnist, emnist-letters, emnist-balanced, a set of MedMNIST such "
    "as bloodmnist, or the path of own data."
)
DATA_SETS = f"{DATA} Repeat it for several: each change is judged on each, and over all."
BOOK = "A TOML file of trials, or the name of a shipped book."
STROKES = "Train on these drawings too: a strokes file or pendigits (repeatable)."
PLACES = "A results folder and two of its trials, or OUT/TRIAL of two results folders."
EXPECT = "Exit with code 3 unless this is found."
UNTIL = "Add seeds until every change is decided, at looks that double from --seeds."
TRUST = "Run the code of the book's own modules: read it first."
DRAWINGS = "Pen strokes, a drawing per line."
WHOLE = "Show every model the whole image, scaled as data folders are, not its ink alone."
RUN = "A results folder, with TRIAL, or a run's folder."
TRIAL = "One of its trials."
SEED = "That trial's run with this seed; the one of lowest validation loss if not given."
CLEAR = "Remove what the lab keeps there, and nothing else."
MODEL = "A model.onnx, a run's folder or a results folder; the shipped one if not given."
Out = Annotated[Path, Argument(metavar="OUT", help="A results folder.", callback=results_folder)]
