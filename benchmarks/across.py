"""How often verdicts over several data sets are wrong, where runs of one seed are alike on them.

    python -m benchmarks.across docs/six-trials/results.json
    python -m benchmarks.across --alike OUT   # of `mnistlab run --data A --data B`

Books of six trials and five changes on three sets of unlike spread: residuals of real runs times ½,
1 and 2. A share of each set's noise, its correlation with the others', is that of its seed on every
set. Judged by the rule of the lab (of each seed the mean over the sets) and by the one it was
chosen over, which takes the sets for independent (Welch 1947, Satterthwaite 1946). Tables go
between the marks of docs/statistics.md.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from benchmarks.simulation import Floats, Judged, Noise, accuracies, differences, fixed, holm
from benchmarks.verdict_tables import MARK, _table
from benchmarks.verdicts import _upper, count, read_accuracies, resampled
from mnistlab.results.across import Across, common_seeds, differences_by_set, read_across
from mnistlab.results.judging import MARGIN, least_spread
from mnistlab.results.statistics import LEVEL

BOOKS, IMAGES = 50_000, 10_000
SPREADS = (0.5, 1.0, 2.0)
CORRELATIONS = (0.0, 0.35, 0.7)
EFFECTS = {  # on each set, in points
    "0": (0.0, 0.0, 0.0),
    "+0.2, 0, −0.2": (0.2, 0.0, -0.2),
    "+0.1": (0.1, 0.1, 0.1),
    "+0.2, +0.1, 0": (0.2, 0.1, 0.0),
    "+0.2": (0.2, 0.2, 0.2),
    "+0.5": (0.5, 0.5, 0.5),
}
SEEDS = (3, 5, 10, 20)
RULES = ("by seed", "independent")
Row = dict[str, Any]


def main() -> None:
    """Simulate every cell and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mnist", type=Path, nargs="?", help="results.json of the six trials")
    parser.add_argument("--alike", type=Path, help="say how alike runs of one seed are on its sets")
    parser.add_argument("--page", type=Path, default=Path("docs/statistics.md"))
    arguments = parser.parse_args()
    if arguments.alike:
        print_correlations(read_across(arguments.alike))
        return
    rows = list(simulate(resampled(read_accuracies(arguments.mnist)), BOOKS))
    text = arguments.page.read_text("utf-8")
    for name, lines in {"across": errors(rows), "across power": power(rows)}.items():
        replaced = "\\1\n" + "\n".join(lines) + "\n\n\\2"
        text, found = re.subn(MARK.format(name), replaced, text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{arguments.page}: <!-- {name} --> is there {found} times")
    arguments.page.write_text(text, "utf-8")


def simulate(noise: Noise, books: int) -> Iterator[Row]:
    """A row for each effect, correlation, number of seeds and rule."""
    for name, points in EFFECTS.items():
        truth = np.full(5, np.mean(points) / 100)
        for correlation in CORRELATIONS:
            generator = np.random.default_rng([19, *f"{name} {correlation}".encode()])
            sets = draw(noise, points, correlation, books, generator)
            for n in SEEDS:
                ours = fixed(sets[:, :, :n].mean(axis=0), MARGIN, IMAGES)
                for rule, judged in zip(RULES, (ours, independent(sets[:, :, :n])), strict=True):
                    cell = {"effect": name, "correlation": correlation, "seeds": n, "rule": rule}
                    yield cell | {"books": books} | count(judged, truth)


def errors(rows: Sequence[Row]) -> list[str]:
    """The worst over all effects of each kind of error, and coverage, by both rules."""
    head = ["false direction (upper bound)", "false *equivalent* (upper bound)", "coverage"]
    lines = []
    for correlation in CORRELATIONS:
        for n in SEEDS:
            own = [it for it in rows if (it["correlation"], it["seeds"]) == (correlation, n)]
            cells = [_worst([it for it in own if it["rule"] == rule]) for rule in RULES]
            lines.append([f"{correlation:g}", f"{n}", *cells[0], *cells[1]])
    return _table(["correlation", "seeds", *head, *(f"independent: {it}" for it in head)], lines)


def _worst(rows: Sequence[Row]) -> list[str]:
    worst = [max(row[key] for row in rows) for key in ("false_direction", "false_equivalent")]
    books = rows[0]["books"]
    said = [f"{share:.1%} ({_upper(round(share * books), books):.1%})" for share in worst]
    return [*said, f"{min(row['coverage'] for row in rows):.1%}"]


def power(rows: Sequence[Row]) -> list[str]:
    """The changes called helped or hurt / equivalent, by rule, where the sets are independent."""
    cells = {(it["effect"], it["seeds"], it["rule"]): it for it in rows if not it["correlation"]}
    lines = []
    for effect in EFFECTS:
        for rule in RULES:
            own = (cells[effect, n, rule] for n in SEEDS)
            said = (f"{it['clear']:.0%} / {it['equivalent']:.0%}" for it in own)
            lines.append([effect, rule, *said])
    return _table(["effect on each set, points", "rule", *map(str, SEEDS)], lines)


def draw(
    noise: Noise, points: tuple[float, ...], correlation: float, books: int,
    generator: np.random.Generator,
) -> Floats:  # fmt: skip
    """Differences (sets, books, seeds, changes) of books on sets whose noise correlates."""
    shared = noise(generator, (books, max(SEEDS)))

    def mixed(spread: float) -> Noise:
        def both(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
            own = np.sqrt(1 - correlation) * noise(generator, shape)
            mixture: Floats = spread * (np.sqrt(correlation) * shared + own)
            return mixture

        return both

    shape = (books, max(SEEDS))
    return np.stack([
        differences(accuracies(mixed(spread), (effect / 100,) * 5, shape, IMAGES, generator))
        for spread, effect in zip(SPREADS, points, strict=True)
    ])  # fmt: skip


def independent(sets: Floats) -> Judged:
    """The judgement that takes the sets for independent: errors add up, Satterthwaite's degrees."""
    k, _, n, m = sets.shape
    squares = np.maximum(sets.std(axis=2, ddof=1), least_spread(IMAGES)) ** 2 / n
    freedom = squares.sum(axis=0) ** 2 / (squares**2 / (n - 1)).sum(axis=0)
    mean, error = sets.mean(axis=(0, 2)), np.sqrt(squares.sum(axis=0)) / k
    p = 2 * stdtr(freedom, -np.abs(mean / error))
    sign = np.where(holm(p) <= LEVEL, np.sign(mean), 0).astype(np.int64)
    equivalent = np.abs(mean) + stdtrit(freedom, 1 - LEVEL / m) * error < MARGIN
    half = stdtrit(freedom, 1 - LEVEL / 2) * error
    return Judged(equivalent, sign, mean - half, mean + half, np.full(mean.shape, n))


def print_correlations(across: Across) -> None:
    """Say how the differences of one seed on two sets correlate, change by change."""
    for one, two in combinations(across.results, 2):
        for change in across.changes():
            found = differences_by_set(across.results, change.on)
            both = [(found[one][seed], found[two][seed]) for seed in common_seeds(found)]
            r = np.corrcoef(np.transpose(both))[0, 1]
            print(f"{one}, {two}: trial {change.over_all.trial.name}, n = {len(both)}, r = {r:.2f}")


if __name__ == "__main__":
    main()
