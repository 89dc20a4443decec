"""Do both engines learn the same? The six trials trained by each, paired by seed.

    python -m benchmarks.engines --data DIR --out engines.json

The same seed gives both engines the same initial weights and batch order; what is left is rounding,
which training amplifies until two runs differ as two seeds do. Printed: mean test figures of each
engine, and the mean of the paired differences with its 95 % interval (Student's t), which should
hold 0, beside the standard deviation between seeds.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Book
from mnistlab.data.catalog import load_data
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.results.statistics import interval

ENGINES = ("native", "torch")
METRICS = ("accuracy", "loss")

Floats = npt.NDArray[np.float64]
Figures = dict[str, dict[str, list[float]]]  # by trial and metric, one seed after another


def main() -> None:
    """Train, print a table and write every figure."""
    options = arguments()
    book = read_book("six-trials").with_seeds(options.seeds)
    book = book.with_epochs(options.epochs) if options.epochs else book
    data = load_data(options.data)
    found = {name: train(book, data, name, options.only, options.jobs) for name in ENGINES}
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    native, torch = found.values()
    print(table(native, torch))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", default="mnist", help="mnist, or a folder with its four files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="instead of the book's")
    parser.add_argument("--only", nargs="*", default=[], metavar="TRIAL")
    parser.add_argument("--jobs", type=int, help="worker processes; the cores if not given")
    parser.add_argument("--out", type=Path, default=Path("engines.json"))
    return parser.parse_args()


def train(book: Book, data: DataSet, engine: str, only: Sequence[str], jobs: int | None) -> Figures:
    """Test figures of one engine."""
    with TemporaryDirectory() as out:
        results = run_book(book, data, out, only=only, jobs=jobs, engine=engine, device="cpu")
    figures: Figures = {}
    for record in sorted(results.records, key=lambda record: record.seed):
        by_metric = figures.setdefault(record.trial, {metric: [] for metric in METRICS})
        for metric in METRICS:
            by_metric[metric].append(getattr(record.scores["test"], metric))
    return figures


def table(native: Figures, torch: Figures) -> str:
    """The figures as Markdown, a row per trial and metric."""
    heads = ("trial", "n", "metric", *ENGINES, "native − torch (95 %)", "sd of seeds")
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for trial in sorted(native):
        for metric in METRICS:
            cells = row(np.array(native[trial][metric]), np.array(torch[trial][metric]))
            lines.append(f"| {trial} | {len(native[trial][metric])} | {metric} | {cells} |")
    return "\n".join(lines)


def row(native: Floats, torch: Floats) -> str:
    """Means of both, of their differences by seed (n,), and the spread of torch's."""
    found = interval((native - torch).tolist())
    if found.low is None or found.high is None:
        return f"{native.mean():.4f} | {torch.mean():.4f} | n too small |"
    bounds = f"{found.mean:+.5f} ({found.low:+.5f} to {found.high:+.5f})"
    return f"{native.mean():.4f} | {torch.mean():.4f} | {bounds} | {torch.std(ddof=1):.5f}"


if __name__ == "__main__":
    main()
