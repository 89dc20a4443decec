"""This machine's worker processes: one run per core, one thread per run, all on one shared split.

loky starts the workers, because its processes need no `if __name__ == "__main__"` in the user's
script. Each has a pipe of its own, so that the death of one costs its own run alone. The split is a
file in the cache, named by its SHA-256, which every worker maps into its memory.
"""

import hashlib
import logging
import math
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
from loky.backend.context import get_context

from mnistlab import atomic
from mnistlab.book.module import Module
from mnistlab.data.split import PARTS, DataInfo, Split
from mnistlab.errors import EngineError, LabError, StoreError, one_line
from mnistlab.images import Images
from mnistlab.training.fit import run
from mnistlab.training.record import Epoch, Job, Run
from mnistlab.training.trainer import AlreadyStored, Failure, Message

ATTEMPTS = 2  # a worker may be killed through no fault of its run; twice is no accident
EXIT_SECONDS = 2  # a worker that has closed its pipe gets this long to leave its exit code
MAX_CACHE_BYTES = 2_000_000_000  # of all splits; MNIST's is 55 million

Waiting = deque[tuple[Job, int]]  # jobs to be done, each with the number of its next attempt


class LocalTrainer:
    """Trains on worker processes of this machine: a `trainer.Trainer`."""

    def __init__(
        self, processes: int, cache: Path, is_stored: Callable[[Job], bool] = lambda _: False
    ) -> None:
        """`processes` runs at a time; the split is shared through the folder `cache`.

        A job that `is_stored` when its turn comes is left out.
        """
        if processes < 1:
            raise EngineError(f"--jobs {processes}: give at least 1")
        self.processes, self.cache, self.is_stored = processes, cache, is_stored

    def __call__(self, jobs: Sequence[Job], split: Split) -> Generator[tuple[Job, Message]]:
        """Every epoch of every job as it ends, then its run, its failure, or that it was done.

        A job whose worker dies is tried once more. The workers start at once, before the first
        message is asked for, and end with the iterator or when this process dies. Raises
        StoreError where the split cannot be shared, EngineError where no worker can be started.
        """
        path = share_split(split, self.cache)
        workers: list[_Worker] = []
        try:
            for _ in range(min(self.processes, len(jobs))):
                workers.append(_Worker(path, split.info))  # noqa: PERF401  those before are stopped
        except OSError as error:
            _stop(workers)
            why = error.strerror or error
            raise EngineError(f"worker processes cannot be started ({why}); try --jobs 1") from None
        return self._messages(jobs, split, workers)

    def _messages(
        self, jobs: Sequence[Job], split: Split, workers: list["_Worker"]
    ) -> Generator[tuple[Job, Message]]:
        waiting = deque((job, 1) for job in jobs)
        try:
            while waiting or any(worker.job for worker in workers):
                for worker in workers:
                    yield from self._hand_out(waiting, worker)
                busy = {worker.pipe: worker for worker in workers if worker.job}
                for pipe in wait(list(busy)) if busy else ():  # for nothing it would wait for ever
                    yield from self._hear(busy[pipe], waiting, split)
        finally:
            _stop(workers)

    def _hand_out(self, waiting: Waiting, worker: "_Worker") -> Generator[tuple[Job, Message]]:
        """Give an idle worker its next job; what is stored meanwhile is told and left out."""
        while worker.job is None and waiting:
            job, attempt = waiting.popleft()
            if self.is_stored(job):
                yield job, AlreadyStored()
            else:
                worker.begin(job, attempt)

    def _hear(
        self, worker: "_Worker", waiting: Waiting, split: Split
    ) -> Generator[tuple[Job, Message]]:
        """What a worker says of its job; a dead one is replaced, and its job waits once more."""
        job, attempt = worker.job, worker.attempt
        assert job is not None
        message = worker.receive()
        if message is not None:
            yield job, message
            return
        share_split(split, self.cache)  # what it mapped may be damaged, and is then remade
        worker.start()
        if attempt < ATTEMPTS:
            waiting.appendleft((job, attempt + 1))
            return
        died = f"its worker process died {attempt} times"
        yield job, Failure(f"{died}, last with exit code {worker.last_exit}")


class _Worker:
    """A worker process as its lab sees it."""

    def __init__(self, path: Path, info: DataInfo) -> None:
        self.path, self.info = path, info
        self.last_exit: int | None = None
        self.start()

    def start(self) -> None:
        context = get_context("loky")
        self.job: Job | None = None
        self.module: Module | None = None  # whose code it has run
        self.stopped = False
        self.attempt = 0
        self.pipe, theirs = context.Pipe()
        self.lifeline, watched = context.Pipe()
        given = (theirs, watched, self.path, self.info)
        self.process = context.Process(target=_work, args=given)
        self.process.start()
        theirs.close()  # so that the end of either process is an end-of-file to the other
        watched.close()

    def begin(self, job: Job, attempt: int) -> None:
        """Hand the worker a job, in a new process after a failure or another module.

        What either has left behind, a thread or a library changed, must not reach this run.
        """
        module = job.trial.network.module
        if self.module not in (None, module):
            self.stop()
        if self.stopped:
            self.start()
        self.job, self.attempt, self.module = job, attempt, module
        with suppress(OSError):  # it is dead already, which `receive` finds out
            self.pipe.send(job)

    def receive(self) -> Epoch | Run | Failure | None:
        """What the worker says of its job; None if it is dead."""
        try:
            message: Epoch | Run | Failure = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(EXIT_SECONDS)
            self.stop()
            return None
        if not isinstance(message, Epoch):
            self.job = None
        if isinstance(message, Failure):
            self.stop()
        return message

    def stop(self) -> None:
        """End the process at once: it has nothing to put away."""
        self.stopped = True
        self.pipe.close()
        self.lifeline.close()
        if self.process.exitcode is None and sys.platform == "win32":
            self.process.kill()
        elif self.process.exitcode is None:  # loky's has no `kill`, and a stopped one hears no less
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.last_exit = self.process.exitcode


def _stop(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.stop()


def _work(pipe: Connection, lifeline: Connection, path: Path, info: DataInfo) -> None:
    """What a worker process does: a job at a time, until the lab closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the lab says what it means
    threading.Thread(target=_die_with_the_lab, args=(lifeline,), daemon=True).start()
    split = open_split(path, info)
    with suppress(EOFError, OSError):  # the lab has closed the pipe, or is gone
        while True:
            pipe.send(_attempt(pipe.recv(), split, pipe))


def _attempt(job: Job, split: Split, pipe: Connection) -> Run | Failure:
    if job.trial.network.module:
        _cut_off_from_the_terminal()
    try:
        return run(job, split, pipe.send)
    except Exception as error:  # whatever it is, it is this run's and must not stop the others
        known = isinstance(error, LabError)  # its text says all
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        return Failure(one_line(reason), traceback.format_exc())


def _cut_off_from_the_terminal() -> None:
    """Leave this process nothing to read, and what it prints nowhere to go.

    A module's code may print at every batch, and would print over the lab's own lines.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)


def _die_with_the_lab(lifeline: Connection) -> None:
    """Wait for the lab to close its end, or to die; a run may be hours from its own end."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    os._exit(0)


def share_split(split: Split, cache: Path) -> Path:
    """Return the file in the cache that holds the images of a split, written unless it is there.

    It is read and checked each time, and remade with a warning if it is damaged. Before another is
    written, what was not used for longest is removed: all take at most MAX_CACHE_BYTES.

    Raises StoreError.
    """
    images = [getattr(split, part) for part in PARTS]
    arrays = [np.ascontiguousarray(array) for i in images for array in (i.pixels, i.labels)]
    size, digest = sum(array.nbytes for array in arrays), hashlib.sha256()
    for array in arrays:
        digest.update(array.data)
    path = cache / "splits" / f"{digest.hexdigest()}.uint8"
    try:
        if path.exists():
            os.utime(path)
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == path.stem:
                    return path
            logging.getLogger(__name__).warning("%s: damaged; it is made anew", one_line(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.recover_from_kills(path.parent)
        _make_room(path.parent, size)
        atomic.write_whole(path, b"".join(array.data for array in arrays))
    except OSError as error:
        what = f"{one_line(path.parent)}: cannot be written ({error.strerror or error})"
        remedy = f"set MNISTLAB_CACHE to a folder with room for {math.ceil(size / 1e6)} MB"
        raise StoreError(f"{what}; {remedy}") from None
    return path


def _make_room(folder: Path, wanted: int) -> None:
    """Remove the splits that were not used for longest until `wanted` bytes more are allowed.

    Another lab's workers have theirs in memory; if one must start again, the lab makes it anew.
    """
    with suppress(OSError):  # another lab makes room too, or has it open on Windows
        for path in sorted(folder.glob("*.uint8"), key=lambda file: -file.stat().st_mtime):
            wanted += path.stat().st_size
            if wanted > MAX_CACHE_BYTES:
                path.unlink()


def open_split(path: Path, info: DataInfo) -> Split:
    """Map a shared split into memory: copy-on-write, so every process reads the same pages."""
    content, parts, picture = np.asarray(np.memmap(path, np.uint8, "c")), {}, info.task.picture()
    for part in PARTS:
        count, size = info.sizes[part], math.prod(picture)
        pixels, labels, content = np.split(content, [count * size, count * (size + 1)])
        parts[part] = Images(pixels.reshape(count, *picture), labels, info.classes)
    return Split(info, **parts)
