"""Do both engines learn the same? The six trials trained by each, paired by seed.

    python benchmarks/engines.py --data DIR --seeds 5 --out engines.json

The same seed gives both engines the same initial weights and batch order; what is left is rounding, which training
amplifies until two runs differ as two seeds do. Printed: mean test figures of each engine, and the mean of the paired
differences with its 95 % interval (Student's t), which should hold 0, beside the standard deviation between seeds.
"""

import argparse
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from mnistlab.training.patches import Patches

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Trial
from mnistlab.data.catalog import load_data
from mnistlab.data.split import Split, split
from mnistlab.results.statistics import interval
from mnistlab.training.fit import run

ENGINES = ("direct", "autograd")
METRICS = ("accuracy", "loss")


def main() -> None:
    """Train, print a table and write every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--out", type=Path, default=Path("engines.json"))
    options = parser.parse_args()
    book = read_book("six-trials")
    book = book.with_epochs(options.epochs) if options.epochs else book
    images, results = split(load_data(options.data), book.validation), {}
    print(f"{'trial':<6}{'n':>3}{'metric':>10}{'direct':>10}{'autograd':>10}  difference, 95 % interval  sd seeds")
    for trial in book.trials:
        if not options.only or trial.name in options.only:
            results[trial.name] = figures = measure(trial, images, options.seeds)
            for metric in METRICS:
                print(line(trial.name, metric, figures), flush=True)
            options.out.write_text(json.dumps(results, indent=1), "utf-8")


def measure(trial: Trial, images: Split, seeds: int) -> dict[str, dict[str, list[float]]]:
    """Test figures by engine and metric, one a seed."""
    patches = Patches(trial.network.conv[0])  # made once for all seeds
    figures: dict[str, dict[str, list[float]]] = {engine: {metric: [] for metric in METRICS} for engine in ENGINES}
    for seed in range(seeds):
        for engine in ENGINES:
            with patch("mnistlab.training.fit.engine_for", lambda *_, engine=engine: engine):
                scores = run(trial, seed, images, patches=patches).record.scores["test"]
            for metric in METRICS:
                figures[engine][metric].append(getattr(scores, metric))
    return figures


def line(name: str, metric: str, figures: dict[str, Any]) -> str:
    """One row of the table."""
    direct, autograd = (np.array(figures[engine][metric]) for engine in ENGINES)
    found = interval(list(direct - autograd))
    spread = autograd.std(ddof=1) if len(autograd) > 1 else float("nan")
    bounds = f"{found.mean:+.5f} ({found.low:+.5f} to {found.high:+.5f})" if found.half is not None else "n too small"
    return f"{name:<6}{found.n:>3}{metric:>10}{direct.mean():>10.4f}{autograd.mean():>10.4f}  {bounds}{spread:>10.5f}"


if __name__ == "__main__":
    main()
