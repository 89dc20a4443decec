"""Figures, names and machines in words; the templates use most of these as filters."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from mnistlab.book.trial import Book
from mnistlab.data.catalog import NAMES
from mnistlab.data.split import DataInfo
from mnistlab.errors import one_line
from mnistlab.results.mistakes import Recall
from mnistlab.results.statistics import Interval

NOTHING = "–"
MAX_NUMBERED = 12  # classes whose confusion is shown in numbers
METRIC_NAMES = {
    "accuracy": "accuracy", "loss": "loss", "auroc": "AUROC", "f1_micro": "F1 (micro)",
    "f1_macro": "F1 (macro)",
}  # fmt: skip


def show(figure: Interval | float | None, digits: int = 4) -> str:
    """A figure; of a mean also ± half its interval where there is one."""
    if not isinstance(figure, Interval):
        return NOTHING if figure is None else f"{figure:.{digits}f}"
    half = "" if figure.half is None else f" ± {figure.half:.{digits}f}"
    return show(figure.mean, digits) + half


def signed(value: float, digits: int) -> str:
    """A difference with its sign, a true minus, and no sign for what rounds to 0."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def bounds(low: float | None, high: float | None, digits: int) -> str:
    """An interval in brackets; nothing if there is none."""
    if low is None or high is None:
        return ""
    return f"[{signed(low, digits).removeprefix('+')}, {signed(high, digits).removeprefix('+')}]"


def difference_words(it: Interval, scale: float, digits: int, unit: str = "") -> str:
    """A difference in another unit, `scale` times as large, with its interval if it has one."""
    if it.mean is None:
        return NOTHING
    low, high = (None if end is None else scale * end for end in (it.low, it.high))
    return f"{signed(scale * it.mean, digits)}{unit} {bounds(low, high, digits)}".strip()


def is_own_data(book: Book, name: str) -> bool:
    """Whether a data set of that name is the book's own, so that no command need say it."""
    if name in NAMES or book.data in NAMES:
        return name == book.data
    path = Path(book.data)
    named = {path.resolve().name, Path(path.name.removesuffix(".gz")).stem}
    return name in {one_line(each) for each in named}


def count(number: int, thing: str) -> str:
    """A number of things: `1 change`, `2 changes`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def data_words(data: DataInfo) -> str:
    """How many images there are, of what kind: `50,000 train, … RGB images of 9 classes`."""
    sizes = ", ".join(f"{size:,} {part}" for part, size in data.sizes.items())
    return f"{sizes}{' RGB' * (data.channels == 3)} images of {len(data.classes)} classes"


def shortened(name: str, columns: int = 40) -> str:
    """A class's name cut to so many columns of a terminal, of which Chinese letters take two."""
    name = one_line(name)
    if cell_len(name) <= columns:
        return name
    return set_cell_size(name, columns - 1).rstrip() + "…"


def quoted(name: str) -> str:
    """A class's name within a sentence, which suits digits, things and names of any script."""
    return f"“{shortened(name)}”"


def recall_words(it: Recall) -> str:
    """A class's recall in percent with its interval."""
    if it.mean is None or it.low is None or it.high is None:
        return NOTHING
    return f"{100 * it.mean:.1f} % [{100 * it.low:.1f}, {100 * it.high:.1f}]"


def environment_words(environment: Mapping[str, str]) -> str:
    """A machine and its versions."""
    return ", ".join(f"{key} {value}" for key, value in environment.items())


def pooling_words(environments: Sequence[Mapping[str, str]]) -> str:
    """What to know of runs that were not all made in the same environment; else nothing."""
    if len(environments) < 2:
        return ""
    items = {item for each in environments for item in each.items()}
    shared = set.intersection(*(set(each.items()) for each in environments))
    keys = ", ".join(sorted({key for key, _ in items - shared}))
    return (
        f"The runs were made in {len(environments)} environments, which differ in {keys}: their "
        "figures are taken together, their seconds cannot be compared."
    )


def list_seeds(seeds: Sequence[int]) -> str:
    """Seeds in ascending order, those in a row drawn together: `seeds 0, 2 to 9`."""
    blocks = groupby(enumerate(seeds), lambda place: place[1] - place[0])
    rows = [[seed for _, seed in block] for _, block in blocks]
    each = [f"{row[0]} to {row[-1]}" if len(row) > 1 else f"{row[0]}" for row in rows]
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(each)}"


def list_names(names: Sequence[str]) -> str:
    """Names in a row: `1`, `1 and 2`, `1, 2 and 3`."""
    *most, last = names or ("",)
    return f"{', '.join(most)} and {last}" if most else last
