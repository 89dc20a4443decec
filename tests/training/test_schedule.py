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
from mnistlab.data.images import DataSet
from mnistlab.data.split import Split, share_split, split
from mnistlab.training import schedule
from mnistlab.training.fit import run
from mnistlab.training.record import Epoch, Job, Run
from mnistlab.training.schedule import Failure, Found, train_all


@pytest.fixture
def parts(tiny: DataSet) -> Split:
    return split(tiny, 60)


@pytest.fixture
def folder(parts: Split, tmp_path: Path) -> Path:
    return share_split(parts, tmp_path)


def jobs(book: Book) -> list[Job]:
    return [Job(trial, seed, "native") for trial in book.trials for seed in book.seeds]


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_any_number_of_workers_gives_the_weights_of_a_run_alone(
    processes: int, tiny_book: Book, parts: Split, folder: Path
) -> None:
    runs = {job: news for job, news in train_all(jobs(tiny_book), folder, processes) if isinstance(news, Run)}
    assert set(runs) == set(jobs(tiny_book))
    for job, found in runs.items():
        alone = run(job, parts)
        for name, value in alone.weights.items():
            np.testing.assert_array_equal(found.weights[name], value)


def test_workers_stay_over_runs_and_epochs_are_told(
    tiny_book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    news = list(train_all(jobs(tiny_book), folder, 2))
    assert len(started) == 2
    assert Counter(type(item).__name__ for _, item in news) == {"Epoch": 8, "Run": 4}


def test_a_worker_that_is_killed_costs_its_run_one_attempt(
    tiny_book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    killed: list[Job] = []
    finished: list[tuple[Job, type]] = []
    for job, news in train_all(jobs(tiny_book.with_epochs(5)), folder, 2):
        if isinstance(news, Epoch) and not killed:
            killed.append(job)
            worker = next(worker for worker in started if worker.job == job)
            worker.process.terminate()
        if not isinstance(news, Epoch):
            finished.append((job, type(news)))
    assert Counter(finished) == {(job, Run): 1 for job in jobs(tiny_book.with_epochs(5))}


def test_a_run_whose_worker_dies_twice_fails_and_the_others_are_done(
    tiny_book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    book = tiny_book.with_epochs(50)
    victim = jobs(book)[1]
    kills, finished = set(), {}
    for job, news in train_all(jobs(book), folder, 2):
        if isinstance(news, Epoch) and job == victim:
            worker = next(worker for worker in started if worker.job == victim)
            if worker.process.pid not in kills:
                kills.add(worker.process.pid)
                worker.process.terminate()
        if not isinstance(news, Epoch):
            finished[job] = news
    assert len(kills) == 2
    failure = finished.pop(victim)
    assert failure == Failure(f"its worker process died 2 times, last with exit code {-signal.SIGTERM}")
    assert all(isinstance(news, Run) for news in finished.values())


def test_a_run_that_raises_fails_with_its_reason_and_the_worker_goes_on(tiny_book: Book, folder: Path) -> None:
    bad, good = jobs(tiny_book)[:2]
    network = bad.trial.network.model_copy(update={"conv": ("no layer", "no layer")})
    bad = Job(bad.trial.model_copy(update={"network": network}), 0, "native")
    news = {job: item for job, item in train_all([bad, good], folder, 1) if not isinstance(item, Epoch)}
    assert isinstance(news[good], Run)
    assert news[bad] == Failure("AttributeError: 'str' object has no attribute 'out'")


LAB = """
import sys
from pathlib import Path
from mnistlab.book.reading import read_book
from mnistlab.training.record import Job
from mnistlab.training.schedule import train_all
trial = read_book("six-trials").with_epochs(100_000).trials[0]
news = train_all([Job(trial, 0, "native"), Job(trial, 1, "native")], Path(sys.argv[1]), 2)
for job, item in news:
    print(job.seed, flush=True)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc, which Linux alone has")
def test_no_worker_outlives_a_killed_lab_by_five_seconds(folder: Path, tmp_path: Path) -> None:
    marked = {**os.environ, "MNISTLAB_TEST_MARK": str(tmp_path)}
    lab = subprocess.Popen([sys.executable, "-c", LAB, str(folder)], stdout=subprocess.PIPE, env=marked, text=True)
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


def count_starts(monkeypatch: pytest.MonkeyPatch) -> list["schedule._Worker"]:
    """The workers, in the order in which they were first made."""
    started: list[schedule._Worker] = []
    original = schedule._Worker.__init__

    def counting(worker: "schedule._Worker", split_folder: Path) -> None:
        started.append(worker)
        original(worker, split_folder)

    monkeypatch.setattr(schedule._Worker, "__init__", counting)
    return started


def test_a_job_that_another_lab_has_done_meanwhile_is_left_out(tiny_book: Book, folder: Path) -> None:
    first, *others = jobs(tiny_book)
    news = [(job, item) for job, item in train_all(jobs(tiny_book), folder, 1, lambda job: job == first)]
    assert news[0] == (first, Found())
    assert {job for job, item in news if isinstance(item, Run)} == set(others)
