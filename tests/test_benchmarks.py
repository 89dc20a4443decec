"""Benchmarks start, and the simulation of verdicts finds what theory says where noise is known."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import verdicts
from benchmarks.verdicts import read_accuracies, resampled, simulate
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


def test_cells_of_the_simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds the arrays against `judge` and `decide` before it counts."""
    monkeypatch.setattr(verdicts, "BOOKS", 200)
    noise = resampled(read_accuracies(results(tmp_path / "results.json")))
    *fixed, looks = simulate("made up", noise, 10_000, "+0.00", (0.0,) * 5, 1)
    for row in (*fixed, looks):
        assert row["false_direction"] <= 0.1  # above 20 of 200 has a chance below 1 in 1,000
        assert 0.9 < row["coverage"] <= 1
    assert looks["all_looks_hold"] >= 0.9
    *_, forty, looks = simulate("made up", noise, 10_000, "+2.00", (0.02,) * 5, 1)
    assert forty["clear"] == looks["clear"] == 1
    assert forty["mean_runs"] == 6 * 40
    assert looks["mean_seeds"] == 5


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
