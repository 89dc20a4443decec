"""How often verdicts are wrong, and how often they find what is there, in books of known truth.

    mnistlab run six-trials --data mini --seeds 20 --out mini
    python -m benchmarks.verdicts docs/six-trials/results.json mini/results.json

A book has six trials and five changes, parents shared as in `six-trials`. Noise: residuals of real
runs about their trial's mean (times √(20/19), for the mean is theirs), drawn anew for each trial
and seed, and accuracies rounded to whole images, up or down in proportion. Figures go to
docs/statistics.json, tables between the marks of docs/statistics.md.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.simulation import (
    Floats,
    Judged,
    Noise,
    accuracies,
    agree,
    all_hold,
    differences,
    fixed,
    seeds_by_trial,
    sequential,
    told_apart,
)
from benchmarks.verdict_tables import write_tables
from mnistlab.results.judging import MARGIN
from mnistlab.results.looks import Look, plan_looks

BOOKS = 10_000  # judged at a time
POINTS = (0.0, 0.03, -0.03, 0.05, -0.05, 0.1, -0.1, 0.2, -0.2, 0.5, -0.5)
EFFECTS = {f"{points:+.2f}": (points / 100,) * 5 for points in POINTS}
EFFECTS["mixed"] = (0.0, 0.005, 0.0, -0.001, 0.0003)
WORST = {name: EFFECTS[name] for name in ("+0.00", "+0.10", "-0.10", "+0.50", "mixed")}
SEEDS = (3, 5, 10, 20, 40)
LOOKS = plan_looks()
SHARES = {"equal": 0.0, "√seeds": 0.5, "seeds": 1.0}  # power of the seeds that levels go by
BEST = {
    "all equal": (0.0,) * 6,
    "one ahead by 0.05": (0.0005, 0, 0, 0, 0, 0),
    "one ahead by 0.1": (0.001, 0, 0, 0, 0, 0),
    "one ahead by 0.2": (0.002, 0, 0, 0, 0, 0),
    "two ahead by 0.2": (0.002, 0.002, 0, 0, 0, 0),
    "0.1 apart each": (0.005, 0.004, 0.003, 0.002, 0.001, 0),
    "the six trials": (-0.0249, -0.024, -0.0015, 0, -0.0004, -0.0009),
}
Row = dict[str, Any]


def main() -> None:
    """Simulate every cell and write figures and tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mnist", type=Path, help="results.json of the six trials, 20 seeds each")
    parser.add_argument("mini", type=Path, help="the same on mini")
    parser.add_argument("--out", type=Path, default=Path("docs/statistics.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/statistics.md"))
    parser.add_argument(
        "--books", type=int, default=5 * BOOKS, help="a cell, in multiples of 10,000"
    )
    arguments = parser.parse_args()
    real, mini = (read_accuracies(path) for path in (arguments.mnist, arguments.mini))
    rounds = max(1, arguments.books // BOOKS)
    figures = {
        "looks": [vars(look) for look in LOOKS],
        "cells": list(simulate_all(real, mini, rounds)),
        "levels": list(compare_levels(resampled(real))),
        "best": list(simulate_best(resampled(real), rounds * BOOKS)),
        "rejected": [
            *half_an_image(resampled(real, 0.05), rounds * BOOKS),
            *one_test_fewer(resampled(real), rounds * BOOKS),
        ],
        "mini": mini,
    }
    arguments.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    write_tables(arguments.page, figures)


def read_accuracies(path: Path) -> dict[str, list[float]]:
    """The validation accuracies of each trial."""
    found: dict[str, list[float]] = {}
    for run in json.loads(path.read_text("utf-8"))["runs"]:
        found.setdefault(run["trial"], []).append(run["scores"]["validation"]["accuracy"])
    assert [len(values) for values in found.values()] == [20] * 6
    return found


def resampled(accuracies: dict[str, list[float]], scale: float = 1.0) -> Noise:
    """Noise drawn from the residuals of each trial."""
    residuals = [
        scale * np.sqrt(20 / 19) * (np.array(values) - np.mean(values))
        for values in accuracies.values()
    ]
    return lambda generator, shape: np.stack(
        [generator.choice(values, shape) for values in residuals], axis=2
    )


def simulate_all(
    real: dict[str, list[float]], mini: dict[str, list[float]], rounds: int
) -> Iterator[Row]:
    """Every cell: real noise with all effects, other noise with those that are worst."""
    spreads = np.array([np.std(values, ddof=1) for values in real.values()])
    others: dict[str, tuple[Noise, int]] = {
        "mini": (resampled(mini), 833),
        "MNIST, 833 images": (resampled(real), 833),
        "a twentieth, 833 images": (resampled(real, 0.05), 833),
        "a twentieth": (resampled(real, 0.05), 10_000),
        "normal": (lambda generator, n: generator.normal(size=(*n, 6)) * spreads, 10_000),
        "skewed": (
            lambda generator, n: (generator.exponential(size=(*n, 6)) - 1) * -spreads,
            10_000,
        ),
    }
    for name, effects in EFFECTS.items():
        yield from simulate("MNIST", resampled(real), 10_000, name, effects, rounds)
    for noise, (draw, images) in others.items():
        for name, effects in WORST.items():
            yield from simulate(noise, draw, images, name, effects, rounds)


def simulate(
    noise: str, draw: Noise, images: int, name: str, effects: Sequence[float], rounds: int
) -> Iterator[Row]:
    """One effect under one noise: a row for each number of seeds, and one for the looks."""
    truth = np.array(effects)
    counts: dict[str, list[Row]] = {}
    for number in range(rounds):
        generator = np.random.default_rng([number, images, *f"{noise} {name}".encode()])
        shape = (BOOKS, max(SEEDS))
        changes = differences(accuracies(draw, effects, shape, images, generator))
        if number == 0:
            agree(changes, MARGIN, images, LOOKS)
        for n in SEEDS:
            judged = fixed(changes[:, :n], MARGIN, images)
            counts.setdefault(str(n), []).append(count(judged, truth))
        row = count(sequential(changes, MARGIN, images, LOOKS), truth)
        row["all_looks_hold"] = float(all_hold(changes, truth, images, LOOKS).mean())
        counts.setdefault("looks", []).append(row)
    for seeds, rows in counts.items():
        mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        books = rounds * BOOKS
        upper = {f"{key}_upper": _upper(round(mean[key] * books), books) for key in FALSE}
        cell = {"noise": noise, "images": images, "effect": name, "seeds": seeds, "books": books}
        yield cell | mean | upper


FALSE = ("false_direction", "false_equivalent")  # shares of books


def count(judged: Judged, truth: Floats) -> Row:
    """Shares of books with an error of each kind, and of changes with each verdict."""
    wrong = (judged.sign != 0) & (judged.sign != np.sign(truth))
    false = judged.equivalent & (np.abs(truth) >= MARGIN - 1e-12)
    clear = ~judged.equivalent & (judged.sign != 0)
    return {
        "false_direction": wrong.any(axis=1).mean(),
        "false_equivalent": false.any(axis=1).mean(),
        "coverage": ((judged.low <= truth) & (truth <= judged.high)).mean(),
        "clear": clear.mean(),
        "equivalent": judged.equivalent.mean(),
        "mean_seeds": judged.seeds.mean(),
        "mean_runs": seeds_by_trial(judged).sum(axis=1).mean(),
    }


def compare_levels(draw: Noise) -> Iterator[Row]:
    """What other shares of the levels among the looks would cost."""
    seeds = np.array([look.seeds for look in LOOKS])
    for name in ("+0.00", "+0.05", "+0.10", "+0.20", "+0.50"):
        generator = np.random.default_rng([7, *name.encode()])
        changes = differences(
            accuracies(draw, EFFECTS[name], (BOOKS, max(SEEDS)), 10_000, generator)
        )
        for share, power in SHARES.items():
            levels = 0.05 * seeds**power / (seeds**power).sum()
            looks = [Look(int(n), float(a)) for n, a in zip(seeds, levels, strict=True)]
            judged = sequential(changes, MARGIN, 10_000, looks)
            row = {"share": share, "effect": name, "decided": float(judged.decided.mean())}
            yield row | {"runs": float(seeds_by_trial(judged).sum(axis=1).mean())}


def simulate_best(draw: Noise, books: int) -> Iterator[Row]:
    """How often the best is lost, and how many cannot be told from it; with looks: common seeds."""
    for name, means in BEST.items():
        generator = np.random.default_rng([11, *name.encode()])
        effects = (*np.diff(means[:5]), means[5] - means[3])
        accuracy = accuracies(draw, effects, (books, max(SEEDS)), 10_000, generator)
        worse = {n: told_apart(accuracy[:, :n], 10_000) for n in SEEDS}
        judged = sequential(differences(accuracy), MARGIN, 10_000, LOOKS)
        common = seeds_by_trial(judged).min(axis=1)
        looks = np.select([(common == n)[:, None] for n in SEEDS], list(worse.values())).astype(
            bool
        )
        for seeds, told in [*((str(n), it) for n, it in worse.items()), ("looks", looks)]:
            lost = told[:, np.array(means) >= max(means)].sum(axis=0).max()
            row = {"means": name, "seeds": seeds, "books": books, "lost": lost / books}
            yield row | {
                "lost_upper": _upper(int(lost), books),
                "size": float((~told).sum(1).mean()),
            }


def half_an_image(draw: Noise, books: int) -> Iterator[Row]:
    """False directions of *mixed* books with a least spread of half an image, and of √½."""
    generator = np.random.default_rng(13)
    accuracy = accuracies(draw, EFFECTS["mixed"], (books, max(SEEDS)), 10_000, generator)
    changes, truth = differences(accuracy), np.array(EFFECTS["mixed"])
    for rule, least in (("half an image", np.sqrt(0.5)), ("√½ images", 1.0)):
        for n in SEEDS:
            judged = fixed(changes[:, :n], MARGIN, 10_000, least=float(least))
            yield _rejected("least spread", rule, n, count(judged, truth)["false_direction"], books)


def one_test_fewer(draw: Noise, books: int) -> Iterator[Row]:
    """How often the best of six equal trials is lost at 0.05/5, and at 0.05/6."""
    generator = np.random.default_rng(17)
    accuracy = accuracies(draw, (0.0,) * 5, (books, max(SEEDS)), 10_000, generator)
    for tests in (5, 6):
        for n in SEEDS:
            told = told_apart(accuracy[:, :n], 10_000, tests)
            lost = float(told.mean(axis=0).max())
            yield _rejected("best of six equal trials", f"0.05/{tests}", n, lost, books)


def _rejected(choice: str, rule: str, seeds: int, wrong: float, books: int) -> Row:
    upper = _upper(round(wrong * books), books)
    row = {"choice": choice, "rule": rule, "seeds": str(seeds), "books": books}
    return row | {"wrong": float(wrong), "wrong_upper": upper}


def _upper(hits: int, n: int) -> float:
    """The one-sided 95 % upper bound of a share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return 1.0 if hits == n else float(beta.ppf(0.95, hits + 1, n - hits))


if __name__ == "__main__":
    main()
