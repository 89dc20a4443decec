"""Workers that are killed, that raise, that are stopped, that outlive their lab; and the split they
share: written once, found again, verified, remade, removed when there are too many.
"""

import errno
import hashlib
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab.book.module import Module
from mnistlab.book.trial import Book, Network
from mnistlab.data.split import PARTS, DataInfo, Split, split
from mnistlab.errors import EngineError, StoreError
from mnistlab.images import DataSet
from mnistlab.training import local
from mnistlab.training.fit import run
from mnistlab.training.local import LocalTrainer, open_split, share_split
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
    failure = messages[bad]
    assert isinstance(failure, Failure)
    assert failure.reason == "AttributeError: 'str' object has no attribute 'out'"
    assert failure.traceback.startswith("Traceback (most recent call last):")
    assert "in run\n" in failure.traceback
    assert failure.traceback.endswith(failure.reason + "\n")


MODULE = """
import torch
class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(784, 10))
"""


def module_job(book: Book, source: str, seed: int = 0) -> Job:
    network = Network(conv=(), module=Module(file="nets.py", name="Net", source=source))
    trial = book.trials[0].model_copy(update={"network": network})
    return Job(trial, seed, "torch")


def test_what_a_module_prints_does_not_reach_the_terminal(
    tiny_book: Book, parts: Split, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    loud = "import os, sys\nprint('out')\nprint('err', file=sys.stderr)\nos.system('echo child')\n"
    for source, kind in ((loud + MODULE, Run), (loud + "input()", Failure)):
        *_, (_, message) = LocalTrainer(1, tmp_path)([module_job(tiny_book, source)], parts)
        assert isinstance(message, kind)
    assert capfd.readouterr() == ("", "")


def test_neither_a_failure_nor_a_module_leaves_anything_to_the_next_run(
    tiny_book: Book, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")

    def job(source: str, seed: int) -> Job:
        return module_job(tiny_book, source, seed)

    original, processes = local._Worker.start, []

    def start(worker: "local._Worker") -> None:
        original(worker)
        processes.append(worker.process.pid)

    monkeypatch.setattr(local._Worker, "start", start)
    good, again, native, bad = job(MODULE, 0), job(MODULE, 1), jobs(tiny_book)[0], job("1 / 0", 0)
    order, ran = [good, again, native, bad, native], []
    for each, message in LocalTrainer(1, tmp_path)(order, parts):
        if not isinstance(message, Epoch):
            ran.append((each, message, len(processes)))
    assert [each for each, *_ in ran] == order
    assert [started for *_, started in ran] == [1, 1, 2, 2, 3]
    failure = ran[3][1]
    assert isinstance(failure, Failure)
    assert (
        failure.reason == "nets.py, line 1: ZeroDivisionError: division by zero; correct the file"
    )
    assert "\n    1 / 0\n" in failure.traceback
    alone, found = run(good, parts), ran[0][1]
    assert isinstance(found, Run)
    assert list(found.weights) == ["2.weight", "2.bias"]
    for name, value in alone.weights.items():
        np.testing.assert_array_equal(found.weights[name], value)


def test_a_reason_is_one_line_that_steers_no_terminal(
    tiny_book: Book, parts: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("first\nsecond \x1b[31mred")

    monkeypatch.setattr(local, "run", fail)
    pipe, _ = multiprocessing.Pipe()
    failure = local._attempt(jobs(tiny_book)[0], parts, pipe)
    assert isinstance(failure, Failure)
    assert failure.reason == "RuntimeError: first second \\x1b[31mred"


LAB = """
import sys
from pathlib import Path
from mnistlab.book.trial import Conv, Network
from mnistlab.book.reading import read_book
from mnistlab.training.record import Job, Run
from mnistlab.data.catalog import load_data
from mnistlab.data.split import split
from mnistlab.training.local import LocalTrainer
short = read_book("six-trials").with_epochs(1).trials[0]
wide = Conv(out=64, kernel=9, padding=4)
# minutes an epoch: no worker finds out by telling of one that its lab is gone
long = short.model_copy(update={"network": Network(conv=(wide, wide))})
jobs = [Job(trial, seed, "native") for trial in (short, long) for seed in (0, 1)]
for job, message in LocalTrainer(2, Path(sys.argv[1]))(jobs, split(load_data("mini"))):
    if isinstance(message, Run):
        print(job.seed, flush=True)
"""


@pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="looks for processes in /proc, which Linux alone has"
)
def test_no_worker_outlives_a_killed_lab_by_five_seconds(tmp_path: Path) -> None:
    marked = {**os.environ, "MNISTLAB_TEST_MARK": str(tmp_path)}
    command = [sys.executable, "-c", LAB, str(tmp_path)]
    lab = subprocess.Popen(command, stdout=subprocess.PIPE, env=marked, text=True)
    assert lab.stdout is not None
    assert {lab.stdout.readline(), lab.stdout.readline()} == {"0\n", "1\n"}
    time.sleep(0.5)  # now the long ones are at it
    assert len(marked_processes(str(tmp_path))) >= 3
    lab.kill()
    lab.wait()
    lab.stdout.close()
    deadline = time.monotonic() + 5
    while (left := marked_processes(str(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert not left


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows stops no process")
def test_a_stopped_worker_holds_nobody_up_when_the_lab_ends(
    tiny_book: Book, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    messages = LocalTrainer(2, tmp_path)(jobs(tiny_book.with_epochs(100_000)), parts)
    next(messages)
    for worker in started:
        os.kill(worker.process.pid, signal.SIGSTOP)
        os.waitpid(worker.process.pid, os.WUNTRACED)  # until it has stopped
    before = time.monotonic()
    messages.close()  # as Ctrl-C does
    assert time.monotonic() - before < 1
    assert [worker.last_exit for worker in started] == [-signal.SIGKILL] * 2


def test_workers_that_cannot_be_started_are_told_in_one_line(
    tiny_book: Book, parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = count_starts(monkeypatch)
    original = local._Worker.start

    def start(worker: "local._Worker") -> None:
        if len(started) == 2:
            raise OSError(errno.EMFILE, "Too many open files")
        original(worker)

    monkeypatch.setattr(local._Worker, "start", start)
    with pytest.raises(EngineError, match=r"cannot be started \(Too many open files\); try --jobs"):
        LocalTrainer(2, tmp_path)(jobs(tiny_book), parts)
    assert started[0].last_exit is not None


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

    def counting(worker: "local._Worker", path: Path, info: DataInfo) -> None:
        started.append(worker)
        original(worker, path, info)

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


def shared(cache: Path) -> set[str]:
    return {path.name for path in cache.glob("splits/*")}


def test_a_shared_split_comes_back_and_is_written_once(parts: Split, tmp_path: Path) -> None:
    path = share_split(parts, tmp_path)
    before = path.stat().st_ino
    assert share_split(parts, tmp_path) == path
    assert path.stat().st_ino == before
    opened = open_split(path, parts.info)
    assert opened.info == parts.info
    for part in PARTS:
        np.testing.assert_array_equal(getattr(opened, part).pixels, getattr(parts, part).pixels)
        np.testing.assert_array_equal(getattr(opened, part).labels, getattr(parts, part).labels)


def test_a_shared_split_is_named_by_what_it_holds(parts: Split, tmp_path: Path) -> None:
    """Whatever version of the code writes another split, or another file, gives another name."""
    path = share_split(parts, tmp_path)
    assert path.stem == hashlib.sha256(path.read_bytes()).hexdigest()
    backwards = replace(parts, train=parts.train[np.arange(300)[::-1]])
    assert share_split(backwards, tmp_path) != path
    assert np.array_equal(open_split(path, parts.info).train.labels, parts.train.labels)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(5000, 5200):
        content[place] ^= 255
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("harm", [damage, truncate])
def test_a_damaged_split_is_remade_with_a_word(
    harm: Callable[[Path], None], parts: Split, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = share_split(parts, tmp_path)
    whole = path.read_bytes()
    harm(path)
    assert share_split(parts, tmp_path) == path
    assert path.read_bytes() == whole
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"{path}: damaged; it is made anew")
    ]
    caplog.clear()
    share_split(parts, tmp_path)
    assert not caplog.records


def test_a_split_that_kills_its_workers_is_remade_before_they_try_again(
    tiny_book: Book,
    parts: Split,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    original = local.share_split

    def share_and_truncate(*given: Any) -> Path:
        monkeypatch.setattr(local, "share_split", original)
        path = original(*given)
        truncate(path)
        return path

    monkeypatch.setattr(local, "share_split", share_and_truncate)
    messages = list(LocalTrainer(2, tmp_path)(jobs(tiny_book), parts))
    assert {job for job, message in messages if isinstance(message, Run)} == set(jobs(tiny_book))
    assert "damaged; it is made anew" in caplog.text


def test_the_split_not_used_for_longest_is_removed_when_there_are_too_many(
    tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = [share_split(split(tiny, validation), tmp_path) for validation in (30, 40, 50)]
    size = used[0].stat().st_size
    for path, age in zip(used, (300, 200, 100), strict=True):
        os.utime(path, (time.time() - age,) * 2)
    (used[0].parent / "mine.txt").write_text("not the lab's")
    monkeypatch.setattr(local, "MAX_CACHE_BYTES", 3 * size)
    assert share_split(split(tiny, 30), tmp_path) == used[0]  # used now: no longer the oldest
    new = share_split(split(tiny, 60), tmp_path)
    assert shared(tmp_path) == {used[0].name, used[2].name, new.name, "mine.txt"}
    monkeypatch.setattr(local, "MAX_CACHE_BYTES", 0)
    last = share_split(split(tiny, 20), tmp_path)
    assert shared(tmp_path) == {last.name, "mine.txt"}
    assert len(open_split(last, split(tiny, 20).info).train) == 340


def test_a_cache_that_cannot_be_written_is_named(parts: Split, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written .* set MNISTLAB_CACHE to a folder"):
        share_split(parts, tmp_path / "file")


def test_a_full_disk_is_told_in_one_line_and_nothing_is_left(
    parts: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(StoreError) as refused:
        LocalTrainer(1, tmp_path)([], parts)
    where = f"{tmp_path / 'splits'}: cannot be written (No space left on device)"
    assert str(refused.value) == f"{where}; set MNISTLAB_CACHE to a folder with room for 1 MB"
    assert not shared(tmp_path)


def test_no_workers_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="--jobs 0: give at least 1"):
        LocalTrainer(0, tmp_path)
