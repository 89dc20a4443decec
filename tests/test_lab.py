import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Book
from mnistlab.data.split import Split
from mnistlab.errors import BookError, DataError, EngineError, StoreError, UnfinishedError
from mnistlab.images import DataSet
from mnistlab.lab import default_folder, run_book
from mnistlab.report.pages import write_report
from mnistlab.results.store import Store
from mnistlab.results.summary import Results, read_results
from mnistlab.training import engines, local
from mnistlab.training.fit import run
from mnistlab.training.record import Job, Run, RunRecord
from mnistlab.training.trainer import Failure
from tests.conftest import BASE


@dataclass
class TrainerHere:
    """Trains in this process, or answers what a test wants instead."""

    answer: Callable[[Job, Split], Run | Failure] = run
    jobs: list[tuple[str, int]] = field(default_factory=list)  # handed to it
    closed: bool = False

    def __call__(self, jobs: Sequence[Job], split: Split) -> Iterator[tuple[Job, Run | Failure]]:
        self.jobs += [(job.trial.name, job.seed) for job in jobs]
        try:
            yield from ((job, self.answer(job, split)) for job in jobs)
        finally:
            self.closed = True


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> TrainerHere:
    here = TrainerHere()
    monkeypatch.setattr("mnistlab.lab.LocalTrainer", lambda *_: here)
    return here


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that do not look at the report, which takes longest."""
    monkeypatch.setattr("mnistlab.report.pages.write_report", lambda store, results: None)


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
    assert files >= {"book.json", "results.json", "report.md", "report.html"}
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


@pytest.mark.usefixtures("no_report")
def test_other_data_or_options_in_the_same_folder_are_refused_before_anything_trains(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, trainer: TrainerHere
) -> None:
    run_book(tiny_book, tiny, tmp_path, only=["a"])
    before = (tmp_path / "book.json").read_bytes()
    turned = DataSet("turned", tiny.train, tiny.test[np.arange(60)[::-1]])
    for book, data in (
        (tiny_book, turned),
        (tiny_book.model_copy(update={"validation": 50}), tiny),
        (tiny_book.with_epochs(1), tiny),
    ):
        with pytest.raises(StoreError, match=r"its runs are .*, not .*; give another --out"):
            run_book(book, data, tmp_path)
    assert len(trainer.jobs) == 2
    assert (tmp_path / "book.json").read_bytes() == before
    assert len(run_book(tiny_book.with_seeds(1), tiny, tmp_path, only=["a"]).runs) == 2


def test_the_folder_is_named_by_the_book_and_by_what_changes_its_results(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    trainer: TrainerHere,
) -> None:  # fmt: skip
    folders = {
        "tiny": tiny_book.with_seeds(1),
        "tiny-epochs-2": tiny_book.with_epochs(2).with_seeds(3),
        "tiny-strokes-mine.jsonl": tiny_book.with_strokes(["mine.jsonl"]),
        "tiny-strokes-..-a-b-c-d.jsonl": tiny_book.with_strokes(["../a b/c/d.jsonl"]),
    }
    for name, book in folders.items():
        assert default_folder(book, "mnist") == Path("results", name)
    assert default_folder(tiny_book, "../x y") == Path("results/tiny-..-x-y")
    monkeypatch.chdir(tmp_path)
    run_book(tiny_book.with_epochs(1), tiny, only=["a"])
    assert Path("results/tiny-tiny-epochs-1/report.html").is_file()


@pytest.mark.parametrize(
    ("own", "name", "folder"),
    [
        ("some/folder", "folder", "tiny"), ("some/folder/", "folder", "tiny"),
        ("more/../folder", "folder", "tiny"), ("k.npz", "k", "tiny"), ("a/k.csv.gz", "k", "tiny"),
    ],
)  # fmt: skip
def test_the_books_own_data_are_not_in_the_folders_name(
    own: str, name: str, folder: str, tiny_book: Book
) -> None:
    book = tiny_book.model_copy(update={"data": own})
    assert default_folder(book, name) == Path("results", folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.safetensors", None), ("model.onnx", b""), ("predictions.npy", b"\x93NUMPY"),
        ("run.json", b"{}"), ("run.json", None),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("no_report")
def test_a_damaged_run_is_trained_again_and_says_so(
    name: str, content: bytes | None, tiny_book: Book, tiny: DataSet, tmp_path: Path,
    trainer: TrainerHere, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    results = run_book(tiny_book, tiny, tmp_path)
    files = [run.folder / "weights.safetensors" for run in results.runs]
    weights = {path: path.read_bytes() for path in files}
    damaged = results.runs[2].folder / name
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    trainer.jobs.clear()
    records: list[tuple[str, int, bool]] = []
    assert not caplog.messages
    results = run_book(tiny_book, tiny, tmp_path, on_run=told(records))
    assert trainer.jobs == [("b", 0)]
    assert sorted(records) == [("a", 0, True), ("a", 1, True), ("b", 0, False), ("b", 1, True)]
    (message,) = caplog.messages
    assert message.startswith(f"{damaged}: damaged or of another version (")
    assert message.endswith("make it anew: training again trial b, seed 0")
    assert "\n" not in message
    assert len(results.runs) == 4
    assert weights == {path: path.read_bytes() for path in files}


def test_an_attempt_with_fresh_that_fails_leaves_the_stored_run_which_counts(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, trainer: TrainerHere
) -> None:
    before = run_book(tiny_book, tiny, tmp_path)
    trainer.answer = lambda job, split: Failure("no luck") if job.seed else run(job, split)
    records: list[RunRecord] = []
    results = run_book(
        tiny_book, tiny, tmp_path, fresh=True, on_run=lambda record, _: records.append(record)
    )
    assert [record.status for record in records] == ["done", "failed"] * 2
    assert [record.status for record in results.records] == ["done"] * 4
    assert results.records[1] == before.records[1]
    assert [(record.trial, record.seed) for record in results.failures] == [("a", 1), ("b", 1)]
    contract = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [run["status"] for run in contract["runs"]] == ["done"] * 4


@pytest.mark.usefixtures("no_report")
def test_a_failures_traceback_is_in_a_log_named_by_the_runs_identity(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, trainer: TrainerHere
) -> None:
    trainer.answer = lambda job, _: Failure("ValueError: no luck", f"Traceback …\n{job.seed}\udcff")
    results = run_book(tiny_book, tiny, tmp_path, only=["a"])
    names = [results.plan.identity(tiny_book.trials[0], seed) for seed in (0, 1)]
    assert sorted(path.stem for path in (tmp_path / "logs").iterdir()) == sorted(names)
    assert (tmp_path / "logs" / f"{names[1]}.log").read_text("utf-8") == "Traceback …\n1\\udcff"
    assert [record.reason for record in results.failures] == ["ValueError: no luck"] * 2


@pytest.mark.usefixtures("no_report")
def test_a_pruned_run_is_told_and_never_stored(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, trainer: TrainerHere
) -> None:
    def pruned(job: Job, split: Split) -> Run:
        done = run(job, split)
        update: dict[str, object] = {"status": "pruned", "epoch": None, "scores": {}}
        return Run(done.record.model_copy(update=update), {}, done.test_probabilities[:0])

    trainer.answer = pruned
    records: list[RunRecord] = []
    results = run_book(tiny_book, tiny, tmp_path, on_run=lambda record, _: records.append(record))
    assert [record.status for record in records] == ["pruned"] * 4
    assert results.records == ()
    assert not list(tmp_path.glob("*/run.json"))


@pytest.mark.usefixtures("no_report")
def test_storing_that_fails_midway_is_an_error_of_its_own_and_ends_the_workers(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, trainer: TrainerHere,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    def train_and_fill_the_disk(job: Job, split: Split) -> Run:
        if job.seed == 1:
            monkeypatch.setattr(os, "fsync", full)
        return run(job, split)

    trainer.answer = train_and_fill_the_disk
    said = r"cannot be written \(No space left on device\); mend that and give the same command"
    with pytest.raises(UnfinishedError, match=said) as caught:
        run_book(tiny_book, tiny, tmp_path)
    assert trainer.closed
    assert caught.tb  # which keeps the trainer's generator alive: it was closed, not forgotten
    assert len(list(tmp_path.glob("*/run.json"))) == 1
    with pytest.raises(StoreError, match="give another --out"):
        run_book(tiny_book, tiny, tmp_path)
    monkeypatch.undo()
    assert len(run_book(tiny_book, tiny, tmp_path, jobs=1).runs) == 4


def test_a_folder_deleted_while_training_keeps_what_finishes_after_it(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, trainer: TrainerHere
) -> None:
    def train_and_delete(job: Job, split: Split) -> Run:
        if (job.trial.name, job.seed) == ("b", 0):
            shutil.rmtree(tmp_path / "out")
        return run(job, split)

    trainer.answer = train_and_delete
    with pytest.raises(UnfinishedError, match="not a results folder"):
        run_book(tiny_book, tiny, tmp_path / "out")
    trainer.answer, trainer.jobs = run, []
    assert len(run_book(tiny_book, tiny, tmp_path / "out").runs) == 4
    assert trainer.jobs == [("a", 0), ("a", 1)]


def test_a_report_that_cannot_be_written_is_unfinished_work(
    tiny_book: Book, tiny: DataSet, tmp_path: Path, trainer: TrainerHere
) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(UnfinishedError, match="cannot be written"):
        run_book(tiny_book, tiny, tmp_path, only=["a"])
    assert len(list(tmp_path.glob("*/run.json"))) == 2
    with pytest.raises(UnfinishedError, match="cannot be written"):
        write_report(Store(tmp_path), read_results(Store(tmp_path)))  # as `mnistlab report` does


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


NETS = """
import time
from torch import nn

def perceptron(classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, classes))

def raises():
    raise ValueError("no luck")

def hangs():
    time.sleep(3)

def wrong():
    return perceptron(11)
"""
FAULTS = {
    "raises": "nets.py, line 9: ValueError: no luck; correct the file",
    "hangs": "nets.py:hangs: making its network took more than 0.2 s; make that quicker",
    "wrong": "nets.py:wrong: gives torch.float32 (2, 11), not torch.float32 (2, 10); "
    "correct the file",
}


def book_of_modules(folder: Path, *names: str) -> Book:
    """A native trial, and others from it whose networks these callables of `nets.py` make."""
    (folder / "nets.py").write_text(NETS, "utf-8")
    text = "seeds = 3\nvalidation = 60\n" + BASE.replace("0.003", "0.0005")
    text += '[[trial]]\nname = "native"\n'
    for name in names:
        text += f'[[trial]]\nname = "{name}"\nfrom = "native"\nmodule = "nets.py:{name}"\n'
    (folder / "own.toml").write_text(text, "utf-8")
    return read_book(folder / "own.toml")


@pytest.mark.usefixtures("no_report")
def test_a_module_trains_resumes_and_is_compared_with_a_native_trial(
    tiny: DataSet, tmp_path: Path, trainer: TrainerHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")

    def again() -> Results:
        book = book_of_modules(tmp_path, "perceptron")
        return run_book(book, tiny, tmp_path / "out", engine="native", trust_modules=True)

    again()
    assert trainer.jobs == [(name, seed) for name in ("native", "perceptron") for seed in range(3)]
    results = again()
    assert len(trainer.jobs) == 6  # all of it was stored
    assert [run.record.engine for run in results.runs] == ["native"] * 3 + ["torch"] * 3
    verdict = results.verdict("native", "perceptron")
    assert (verdict.n, verdict.verdict) == (3, "helped")
    assert verdict.changed == {"module": (None, "nets.py:perceptron")}
    assert verdict.differ_in == ["engine"]
    assert verdict.also["time"].n == 0
    monkeypatch.setattr(sys.modules[__name__], "NETS", NETS + "# edited")
    assert len(read_results(Store(tmp_path / "out")).runs) == 6  # which looks at no file
    again()
    assert trainer.jobs[6:] == [("perceptron", seed) for seed in range(3)]


@pytest.mark.usefixtures("no_report")
def test_a_module_that_does_wrong_fails_with_its_reason_and_the_others_finish(
    tiny: DataSet, tmp_path: Path, trainer: TrainerHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("mnistlab.training.modules.MAX_LOAD_SECONDS", 0.2)
    pipe, _ = multiprocessing.Pipe()
    monkeypatch.setattr(pipe, "send", lambda _: None, raising=False)
    trainer.answer = lambda job, split: local._attempt(job, split, pipe)
    book = book_of_modules(tmp_path, *FAULTS, "perceptron").with_seeds(1)
    results = run_book(book, tiny, tmp_path / "out", trust_modules=True)
    assert {record.trial: record.reason for record in results.failures} == FAULTS
    assert [run.record.trial for run in results.runs] == ["native", "perceptron"]
    logs = "".join(path.read_text("utf-8") for path in (tmp_path / "out" / "logs").iterdir())
    assert 'raise ValueError("no luck")' in logs


def test_a_module_is_refused_before_anything_is_written_unless_it_is_trusted(
    tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = book_of_modules(tmp_path, "perceptron")
    with pytest.raises(BookError) as caught:
        run_book(book, tiny, tmp_path / "out")
    assert str(caught.value) == (
        'trial "perceptron": nets.py:perceptron is code that this book would run as you; read it, '
        "and if you trust it give --trust-modules (from Python: trust_modules=True)"
    )
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    with pytest.raises(EngineError, match=r"modules need PyTorch: pip install torch"):
        run_book(book, tiny, tmp_path / "out", trust_modules=True)
    assert not (tmp_path / "out").exists()


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
    assert not list(tmp_path.glob(".mnistlab-*"))


def test_a_killed_lab_resumes_with_bit_equal_weights(tmp_path: Path) -> None:
    def command(out: str) -> list[str]:
        return [*COMMAND, "--seeds", "2", "--jobs", "2", "--out", str(tmp_path / out)]

    subprocess.run(command("whole"), check=True, stdout=subprocess.DEVNULL)
    lab = subprocess.Popen(command("killed"), stdout=subprocess.PIPE, text=True)
    assert lab.stdout is not None
    assert any("seed" in line and " done" in line for line in lab.stdout)  # up to the first one
    lab.kill()
    lab.wait()
    lab.stdout.close()
    done = subprocess.run(command("killed"), check=True, capture_output=True, text=True)
    assert "stored already" in done.stdout
    for whole in (tmp_path / "whole").glob("*/weights.safetensors"):
        killed = tmp_path / "killed" / whole.parent.name / whole.name
        assert killed.read_bytes() == whole.read_bytes()
        assert all(np.isfinite(value).all() for value in load_file(killed).values())


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


def test_a_book_and_data_are_taken_by_name_or_path_too(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(BASE + '[[trial]]\nname = "a"', "utf-8")
    results = run_book(tmp_path / "own.toml", "mini", tmp_path / "out", jobs=1)
    assert (results.plan.book.name, results.plan.data.name) == ("own", "mini")
    with pytest.raises(BookError, match=r"^six-trails: no such book; give a TOML file or one of"):
        run_book("six-trails", "mini", tmp_path / "out")
    with pytest.raises(DataError, match=r"^minni: neither a known .*'mini'\?"):
        run_book("six-trials", "minni", tmp_path / "out")
