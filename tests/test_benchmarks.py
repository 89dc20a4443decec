"""Benchmarks start, and the simulation of verdicts finds what theory says where noise is known."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.verdicts import noises, read_residuals, simulate, table
from mnistlab.data.split import split
from mnistlab.images import DataSet


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


@pytest.mark.parametrize("name", ["native", "torch"])
def test_our_engines_train_an_epoch_as_contenders(name: str, tiny: DataSet) -> None:
    pytest.importorskip("psutil", reason="of the extra bench")
    if name == "torch":
        pytest.importorskip("torch")
    from benchmarks import contenders

    epoch = contenders.find(name)(contenders.Task("six-trials", "1").read(), split(tiny))
    first, second = epoch(), epoch()
    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert second[0] < first[0]  # the loss


ROOT = Path(__file__).parents[1]
SCRIPTS = [*ROOT.glob("benchmarks/*.py"), *ROOT.glob("tests/slow/*.py")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_benchmark_and_slow_proof_can_be_imported(script: Path) -> None:
    name = ".".join(script.relative_to(ROOT).with_suffix("").parts)
    command = [sys.executable, "-c", f"import {name}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    *_, last = done.stderr.splitlines() or [""]
    missing = last.removeprefix("ModuleNotFoundError: No module named ").strip("'").split(".")[0]
    if missing in ("torch", "psutil", "keras", "unlzw3"):
        pytest.skip(f"needs {missing}, of an extra")
    assert done.returncode == 0, last
