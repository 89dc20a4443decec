"""The simulation of verdicts: with noise that is known, it finds what theory says."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.verdicts import noises, read_residuals, simulate, table


def results(path: Path) -> Path:
    generator = np.random.default_rng(0)
    runs = [
        {"trial": str(trial), "scores": {"validation": {"accuracy": round(0.97 + float(noise), 4)}}}
        for trial in range(6)
        for noise in generator.normal(0, 0.001, 20)
    ]
    path.write_text(json.dumps({"runs": runs}), "utf-8")
    return path


def test_residuals_are_about_each_trials_mean(tmp_path: Path) -> None:
    residuals = read_residuals(results(tmp_path / "results.json"))
    assert [len(values) for values in residuals] == [20] * 6
    assert max(abs(values.mean()) for values in residuals) < 1e-12


@pytest.mark.parametrize("name", ["real", "normal", "skewed"])
def test_cells_of_the_simulation(name: str, tmp_path: Path) -> None:
    noise = noises(read_residuals(results(tmp_path / "results.json")))[name]
    null = simulate(name, noise, 0.0, 5, 200, np.random.default_rng(1))
    assert null["false_books"] <= 20  # 5 % of 200 is 10; more than 20 has a chance below 1 in 1,000
    assert 0.9 < null["coverage"] < 0.99
    strong = simulate(name, noise, 0.02, 5, 50, np.random.default_rng(1))
    assert strong["found"] > 0.99
    assert strong["false_books"] == 0
    assert table([null, strong]).count("\n") == 3
