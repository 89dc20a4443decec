import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistlab.book.trial import Book
from mnistlab.errors import BookError, StoreError
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.model.artifact import read_weights
from mnistlab.report.pages import write_report
from mnistlab.results.store import Store
from mnistlab.results.summary import Results
from mnistlab.training import local
from mnistlab.training.record import Job, RunRecord


def told(records: list[tuple[str, int, bool]]) -> Callable[[RunRecord, bool], None]:
    def note(record: RunRecord, stored: bool) -> None:
        records.append((record.trial, record.seed, stored))

    return note


def test_a_book_goes_in_and_a_results_folder_comes_out(
    tiny_book: Book, tiny: DataSet, tmp_path: Path
) -> None:
    results = run_book(tiny_book, tiny, tmp_path / "out", jobs=2)
    assert [(run.record.trial, run.record.seed) for run in results.runs] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
    ]
    files = {path.name for path in (tmp_path / "out").iterdir() if not path.is_dir()}
    assert files >= {"book.json", "results.json", "report.md", "test.npz"}
    assert {path.name for path in (tmp_path / "out" / "plots").iterdir()} >= {"a.png", "b.png"}
    contract = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert [run["status"] for run in contract["runs"]] == ["done"] * 4


def test_what_is_stored_is_not_trained_again_unless_fresh(
    tiny_book: Book, tiny: DataSet, tmp_path: Path
) -> None:
    def again(book: Book, fresh: bool = False) -> list[tuple[str, int, bool]]:
        records: list[tuple[str, int, bool]] = []
        run_book(book, tiny, tmp_path, on_run=told(records), jobs=1, fresh=fresh)
        return sorted(records)

    assert {stored for *_, stored in again(tiny_book)} == {False}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/run.json")}
    assert {stored for *_, stored in again(tiny_book)} == {True}
    assert again(tiny_book.with_seeds(3)) == [
        ("a", 0, True), ("a", 1, True), ("a", 2, False), ("b", 0, True), ("b", 1, True), ("b",
        2, False),
    ]  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {stored for *_, stored in again(tiny_book, fresh=True)} == {False}
    assert all(path.stat().st_mtime_ns > before[path] for path in before)


def test_only_some_trials_into_an_existing_folder_keeps_the_others(
    tiny_book: Book, tiny: DataSet, tmp_path: Path
) -> None:
    run_book(tiny_book, tiny, tmp_path, only=["a"])
    results = run_book(tiny_book.with_seeds(1), tiny, tmp_path, only=["b"])
    assert [(run.record.trial, run.record.seed) for run in results.runs] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
    ]


def test_a_run_that_diverges_stops_neither_the_others_nor_the_report(
    tiny_book: Book, tiny: DataSet, tmp_path: Path
) -> None:
    wild = tiny_book.trials[1].training.model_copy(
        update={"optimizer": "sgd", "learning_rate": 1e30}
    )
    book = tiny_book.model_copy(
        update={
            "trials": (
                tiny_book.trials[0],
                tiny_book.trials[1].model_copy(update={"training": wild}),
            )
        }
    )
    results = run_book(book, tiny, tmp_path)
    assert [record.status for record in results.records] == ["done", "done", "diverged", "diverged"]
    assert "seed 0 diverged: the loss was not finite" in (tmp_path / "report.md").read_text("utf-8")
    records: list[tuple[str, int, bool]] = []
    run_book(book, tiny, tmp_path, on_run=told(records))
    assert {stored for *_, stored in records} == {True}


def test_a_run_that_fails_is_reported_not_stored_and_tried_again_next_time(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = local._Worker.begin

    def begin_and_kill(worker: local._Worker, job: Job, attempt: int) -> None:
        if job.seed == 1:
            worker.process.terminate()
            worker.process.join()
        original(worker, job, attempt)

    with monkeypatch.context() as patch:
        patch.setattr(local._Worker, "begin", begin_and_kill)
        results = run_book(tiny_book, tiny, tmp_path, jobs=2)
    assert [(record.trial, record.seed) for record in results.failures] == [("a", 1), ("b", 1)]
    contract = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [run["status"] for run in contract["runs"]] == ["done", "failed", "done", "failed"]
    assert "died 2 times" in contract["runs"][1]["reason"]
    assert [run.record.seed for run in run_book(tiny_book, tiny, tmp_path).runs] == [0, 1, 0, 1]


def test_what_cannot_be_is_refused_before_anything_is_written(
    tiny_book: Book, tiny: DataSet, tmp_path: Path
) -> None:
    with pytest.raises(BookError, match="--only c: no such trial in tiny; it has a, b"):
        run_book(tiny_book, tiny, tmp_path / "out", only=["a", "c"])
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match=r"cannot be written .*; give another --out"):
        run_book(tiny_book, tiny, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_runs_that_another_lab_stores_meanwhile_are_in_the_report(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = write_report
    reports: list[int] = []

    def meanwhile(store: Store, results: Results) -> None:
        if not reports:
            reports.append(0)
            run_book(tiny_book.with_seeds(1), tiny, tmp_path, only=["b"])
        reports.append(len(results.runs))
        original(store, results)

    monkeypatch.setattr("mnistlab.report.pages.write_report", meanwhile)
    results = run_book(tiny_book.with_seeds(1), tiny, tmp_path, only=["a"])
    assert reports == [0, 2, 1, 2]
    assert len(results.runs) == 2


COMMAND = [
    sys.executable, "-m", "mnistlab", "run", "--data", "mini", "--only", "1", "--only", "2",
    "--epochs", "3",
]  # fmt: skip


def test_two_labs_writing_to_one_folder_at_once_lose_nothing(tmp_path: Path) -> None:
    labs = [
        subprocess.Popen(
            [*COMMAND, "--seeds", "3", "--jobs", "1", "--out", str(tmp_path)],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [lab.wait() for lab in labs] == [0, 0]
    contract = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [(run["trial"], run["seed"], run["status"]) for run in contract["runs"]] == [
        (trial, seed, "done") for trial in "12" for seed in range(3)
    ]
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_killed_lab_resumes_with_bit_equal_weights(tmp_path: Path) -> None:
    def command(out: str) -> list[str]:
        return [*COMMAND, "--seeds", "2", "--jobs", "2", "--out", str(tmp_path / out)]

    subprocess.run(command("whole"), check=True, stdout=subprocess.DEVNULL)
    lab = subprocess.Popen(command("killed"), stdout=subprocess.PIPE, text=True)
    assert lab.stdout is not None
    lab.stdout.readline()  # how many images are set aside
    first = lab.stdout.readline()
    lab.kill()
    lab.wait()
    lab.stdout.close()
    assert "done" in first
    done = subprocess.run(command("killed"), check=True, capture_output=True, text=True)
    assert "stored already" in done.stdout
    for whole in (tmp_path / "whole").glob("*/weights.safetensors"):
        killed = tmp_path / "killed" / whole.parent.name / whole.name
        assert killed.read_bytes() == whole.read_bytes()
        assert all(np.isfinite(value).all() for value in read_weights(killed).values())


SCRIPT = """
from mnistlab import load_data, read_book, run_book
book = read_book("six-trials").with_seeds(1).with_epochs(1)
results = run_book(book, load_data("mini"), out=r"{out}", only=["1"])
print(len(results.runs), "run")
"""


def test_the_api_works_in_a_script_without_a_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.format(out=tmp_path / "out"), "utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 run\n"


def test_the_api_works_in_a_notebook(tmp_path: Path) -> None:
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "1",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
    }
    cell["source"] = SCRIPT.format(out=tmp_path / "out")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]}
    (tmp_path / "notebook.ipynb").write_text(json.dumps(notebook), "utf-8")
    command = [
        sys.executable,
        "-c",
        "from nbclient.cli import main; main()",
        "--inplace",
        str(tmp_path / "notebook.ipynb"),
    ]
    subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1"}
    )
    executed = json.loads((tmp_path / "notebook.ipynb").read_text("utf-8"))
    assert "1 run" in json.dumps(executed["cells"][0]["outputs"])
