"""How often verdicts are wrong, and how often they find what is there, in books of known truth.

    python benchmarks/verdicts.py docs/six-trials/results.json --out docs/statistics.json

A book has six trials and five changes, parents shared as in `six-trials`, and each change adds the
same true effect to validation accuracy. Noise: residuals of real runs about their trial's mean,
resampled for each trial and seed on its own, and the result rounded to whole images of 10,000, up
or down at random in proportion, so that rounding favours no trial. Beside it normal noise of the
same spread, and strongly skewed noise (exponential, skewness 2). Verdicts are made by
`mnistlab.results.compare.judge` itself.
"""

import argparse
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.results.compare import HELPED, HURT, judge
from mnistlab.results.statistics import interval

BOOKS = 10_000
EFFECTS = (0.0, 0.0005, 0.005)
SEEDS = (3, 5, 10, 20)
CHANGES = ((0, 1), (1, 2), (2, 3), (3, 4), (3, 5))  # (parent, trial) among the six trials
DEPTH = np.array([0, 1, 2, 3, 4, 4])  # changes between the first trial and each
IMAGES = 10_000
Floats = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]


def main() -> None:
    """Simulate every cell and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="results.json of the six trials, 20 seeds each")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--books", type=int, default=BOOKS)
    arguments = parser.parse_args()
    residuals = read_residuals(arguments.results)
    rows = []
    for number, (name, noise) in enumerate(noises(residuals).items()):
        for effect, seeds in product(EFFECTS, SEEDS):
            generator = np.random.default_rng([seeds, int(effect * 1e4), number])
            rows.append(simulate(name, noise, effect, seeds, arguments.books, generator))
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    print(table(rows))


def read_residuals(path: Path) -> list[Floats]:
    """The validation accuracies of each trial about their mean."""
    accuracies: dict[str, list[float]] = {}
    for run in json.loads(path.read_text("utf-8"))["runs"]:
        accuracies.setdefault(run["trial"], []).append(run["scores"]["validation"]["accuracy"])
    assert len(accuracies) == len(DEPTH)
    assert min(map(len, accuracies.values())) >= 20
    return [np.array(values) - np.mean(values) for values in accuracies.values()]


def noises(residuals: list[Floats]) -> dict[str, Noise]:
    """Noise (seeds, trials) by name."""
    spreads = np.array([values.std(ddof=1) for values in residuals])
    shape = len(residuals)
    return {
        "real": lambda generator, n: np.stack(
            [generator.choice(values, n) for values in residuals], axis=1
        ),
        "normal": lambda generator, n: generator.normal(size=(n, shape)) * spreads,
        "skewed": lambda generator, n: (generator.exponential(size=(n, shape)) - 1) * -spreads,
    }


def simulate(
    name: str, noise: Noise, effect: float, seeds: int, books: int, generator: np.random.Generator
) -> Any:
    """Counts of one cell: false verdicts, intervals that hold the truth, effects found."""
    false_books = covered = found = intervals = 0
    for _ in range(books):
        expected = (0.97 + effect * DEPTH + noise(generator, seeds)) * IMAGES
        accuracy = np.round(expected + generator.uniform(-0.5, 0.5, expected.shape)) / IMAGES
        changes = [(accuracy[:, after] - accuracy[:, before]).tolist() for before, after in CHANGES]
        verdicts = [verdict for _, _, verdict in judge(changes)]
        wrong = (HELPED, HURT) if effect == 0 else (HURT,)
        false_books += any(verdict in wrong for verdict in verdicts)
        found += verdicts.count(HELPED)
        for it in map(interval, changes):
            if it.low is not None and it.high is not None:
                intervals += 1
                covered += it.low <= effect <= it.high
    return {
        "noise": name, "effect": effect, "seeds": seeds, "books": books, "changes": 5 * books,
        "false_books": false_books, "false_upper": _upper(false_books, books),
        "intervals": intervals, "coverage": covered / intervals, "found": found / (5 * books),
    }  # fmt: skip


def table(rows: list[Any]) -> str:
    """The rows as Markdown."""
    lines = [
        "| noise | true effect | seeds | false verdicts (upper bound) | coverage | found |",
        "| --- " * 6 + "|",
    ]
    for row in rows:
        found = "" if row["effect"] == 0 else f"{row['found']:.1%}"
        wrong = f"{row['false_books'] / row['books']:.2%} ({row['false_upper']:.2%})"
        cell = f"{row['noise']} | {100 * row['effect']:+.2f} | {row['seeds']}"
        lines.append(f"| {cell} | {wrong} | {row['coverage']:.1%} | {found} |")
    return "\n".join(lines)


def _upper(hits: int, n: int) -> float:
    """The one-sided 95 % upper bound of a share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return 1.0 if hits == n else float(beta.ppf(0.95, hits + 1, n - hits))


if __name__ == "__main__":
    main()
