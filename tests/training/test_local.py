"""Workers that are killed, that raise, and that outlive their lab."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mnistlab.book.trial import Book
from mnistlab.data.split import Split, split
from mnistlab.images import DataSet
from mnistlab.training import local
from mnistlab.training.fit import run
from mnistlab.training.local import LocalTrainer
from mnistlab.training.record import Epoch, Job, Run
from mnistlab.training.trainer import AlreadyStored, Failure


@pytest.fixture
def parts(tiny: DataSet) -> Split:
    return split(tiny, 60)


def jobs(book: Book) -> list[Job]:
    return [Job(trial, seed, "native") for trial in book.trials for seed in book.seeds]


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_any_number_of_workers_gives_the_weights_of_a_run_alone(
    processes: int, tiny_book: Book, parts: Split, tmp_path: Path
) -> None:
    runs = {
        job: message
        for job, message in LocalTrainer(processes, tmp_path)(jobs(tiny_book), parts)
        if isinstance(message, Run)
    }
    assert set(runs) == set(jobs(tiny_book))
    for job, found in runs.items():
        alone = run(job, parts)
        for name, value in alone.weights.items():
            np.testing.assert_array_equal(found.weights[name], value)


def test_workers_stay_over_runs_and_epochs_are_told(
    tiny_book: Book, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    messages = list(LocalTrainer(2, tmp_path)(jobs(tiny_book), parts))
    assert len(started) == 2
    assert Counter(type(message).__name__ for _, message in messages) == {"Epoch": 8, "Run": 4}


def test_a_worker_that_is_killed_costs_its_run_one_attempt(
    tiny_book: Book, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    killed: list[Job] = []
    finished: list[tuple[Job, type]] = []
    for job, message in LocalTrainer(2, tmp_path)(jobs(tiny_book.with_epochs(5)), parts):
        if isinstance(message, Epoch) and not killed:
            killed.append(job)
            worker = next(worker for worker in started if worker.job == job)
            worker.process.terminate()
        if not isinstance(message, Epoch):
            finished.append((job, type(message)))
    assert Counter(finished) == {(job, Run): 1 for job in jobs(tiny_book.with_epochs(5))}


def test_a_run_whose_worker_dies_twice_fails_and_the_others_are_done(
    tiny_book: Book, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    book = tiny_book.with_epochs(50)
    victim = jobs(book)[1]
    kills, finished = set(), {}
    for job, message in LocalTrainer(2, tmp_path)(jobs(book), parts):
        if isinstance(message, Epoch) and job == victim:
            worker = next(worker for worker in started if worker.job == victim)
            if worker.process.pid not in kills:
                kills.add(worker.process.pid)
                worker.process.terminate()
        if not isinstance(message, Epoch):
            finished[job] = message
    assert len(kills) == 2
    failure = finished.pop(victim)
    assert failure == Failure(
        f"its worker process died 2 times, last with exit code {-signal.SIGTERM}"
    )
    assert all(isinstance(message, Run) for message in finished.values())


def test_a_run_that_raises_fails_with_its_reason_and_the_worker_goes_on(
    tiny_book: Book, parts: Split, tmp_path: Path
) -> None:
    bad, good = jobs(tiny_book)[:2]
    network = bad.trial.network.model_copy(update={"conv": ("no layer", "no layer")})
    bad = Job(bad.trial.model_copy(update={"network": network}), 0, "native")
    messages = {
        job: message
        for job, message in LocalTrainer(1, tmp_path)([bad, good], parts)
        if not isinstance(message, Epoch)
    }
    assert isinstance(messages[good], Run)
    assert messages[bad] == Failure("AttributeError: 'str' object has no attribute 'out'")


LAB = """
import sys
from pathlib import Path
from mnistlab.book.reading import read_book
from mnistlab.training.record import Job
from mnistlab.data.catalog import load_data
from mnistlab.data.split import split
from mnistlab.training.local import LocalTrainer
trial = read_book("six-trials").with_epochs(100_000).trials[0]
jobs = [Job(trial, 0, "native"), Job(trial, 1, "native")]
messages = LocalTrainer(2, Path(sys.argv[1]))(jobs, split(load_data("mini")))
for job, message in messages:
    print(job.seed, flush=True)
"""


@pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="looks for processes in /proc, which Linux alone has"
)
def test_no_worker_outlives_a_killed_lab_by_five_seconds(parts: Split, tmp_path: Path) -> None:
    marked = {**os.environ, "MNISTLAB_TEST_MARK": str(tmp_path)}
    lab = subprocess.Popen(
        [sys.executable, "-c", LAB, str(tmp_path)], stdout=subprocess.PIPE, env=marked, text=True
    )
    assert lab.stdout is not None
    while len({lab.stdout.readline() for _ in range(3)}) < 2:
        pass
    assert len(marked_processes(str(tmp_path))) >= 3
    lab.kill()
    lab.wait()
    lab.stdout.close()
    deadline = time.monotonic() + 5
    while (left := marked_processes(str(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


def marked_processes(mark: str) -> list[int]:
    """Processes whose environment holds the mark (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"MNISTLAB_TEST_MARK={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def count_starts(monkeypatch: pytest.MonkeyPatch) -> list["local._Worker"]:
    """The workers, in the order in which they were first made."""
    started: list[local._Worker] = []
    original = local._Worker.__init__

    def counting(worker: "local._Worker", split_folder: Path) -> None:
        started.append(worker)
        original(worker, split_folder)

    monkeypatch.setattr(local._Worker, "__init__", counting)
    return started


def test_a_job_that_another_lab_has_done_meanwhile_is_left_out(
    tiny_book: Book, parts: Split, tmp_path: Path
) -> None:
    first, *others = jobs(tiny_book)
    messages = [
        (job, message)
        for job, message in LocalTrainer(1, tmp_path, lambda job: job == first)(
            jobs(tiny_book), parts
        )
    ]
    assert messages[0] == (first, AlreadyStored())
    assert {job for job, message in messages if isinstance(message, Run)} == set(others)
