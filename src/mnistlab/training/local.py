"""Many runs over worker processes: one run a core, one thread a run, workers living until the last
run is done.

loky starts the workers, because its processes need no `if __name__ == "__main__"` in the user's
script. Each worker has a pipe of its own, so that the death of one costs its own run alone.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from loky.backend.context import get_context

from mnistlab.data.split import Split
from mnistlab.training.fit import run
from mnistlab.training.record import Epoch, Job, Run
from mnistlab.training.sharing import open_split, share_split
from mnistlab.training.trainer import AlreadyStored, Failure, Message

ATTEMPTS = 2  # a worker may be killed through no fault of its run; twice is no accident


class LocalTrainer:
    """Trains on worker processes of this machine: a `trainer.Trainer`."""

    def __init__(
        self, processes: int, cache: Path, is_stored: Callable[[Job], bool] = lambda _: False
    ) -> None:
        """`processes` runs at a time; the split is shared through the folder `cache`.

        A job that `is_stored` when its turn comes is left out.
        """
        self.processes, self.cache, self.is_stored = processes, cache, is_stored

    def __call__(self, jobs: Sequence[Job], split: Split) -> Generator[tuple[Job, Message]]:
        """Every epoch of every job as it ends, then its run, its failure, or that it was done.

        A job whose worker dies is tried once more. The workers start at once, before the first
        message is asked for, and end with the iterator or when this process dies.
        """
        folder = share_split(split, self.cache)
        workers = [_Worker(folder) for _ in range(min(self.processes, len(jobs)))]
        return self._messages(jobs, workers)

    def _messages(
        self, jobs: Sequence[Job], workers: list["_Worker"]
    ) -> Generator[tuple[Job, Message]]:
        waiting = deque((job, 1) for job in jobs)
        try:
            while waiting or any(worker.job for worker in workers):
                for worker in workers:
                    while worker.job is None and waiting:
                        job, attempt = waiting.popleft()
                        if self.is_stored(job):
                            yield job, AlreadyStored()
                        else:
                            worker.begin(job, attempt)
                busy = [worker.pipe for worker in workers if worker.job]
                for pipe in wait(busy) if busy else ():  # for nothing it would wait for ever
                    worker = next(worker for worker in workers if worker.pipe is pipe)
                    done, attempt = worker.job, worker.attempt
                    assert done is not None
                    message = worker.receive()
                    if message is None:
                        worker.start()
                        if attempt < ATTEMPTS:
                            waiting.appendleft((done, attempt + 1))
                            continue
                        message = Failure(
                            f"its worker process died {attempt} times, last with exit code "
                            f"{worker.last_exit}"
                        )
                    yield done, message
        finally:
            for worker in workers:
                worker.stop()


class _Worker:
    """A worker process as its lab sees it."""

    def __init__(self, split_folder: Path) -> None:
        self.split_folder = split_folder
        self.last_exit: int | None = None
        self.start()

    def start(self) -> None:
        context = get_context("loky")
        self.job: Job | None = None
        self.attempt = 0
        self.pipe, theirs = context.Pipe()
        self.lifeline, watched = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, watched, self.split_folder))
        self.process.start()
        theirs.close()  # so that the end of either process is an end-of-file to the other
        watched.close()

    def begin(self, job: Job, attempt: int) -> None:
        """Hand the worker a job."""
        self.job, self.attempt = job, attempt
        with suppress(OSError):  # it is dead already, which `receive` finds out
            self.pipe.send(job)

    def receive(self) -> Epoch | Run | Failure | None:
        """What the worker says of its job; None if it is dead."""
        try:
            message: Epoch | Run | Failure = self.pipe.recv()
        except (EOFError, OSError):
            self.stop()
            return None
        if not isinstance(message, Epoch):
            self.job = None
        return message

    def stop(self) -> None:
        self.pipe.close()
        self.lifeline.close()
        self.process.join(5)
        if self.process.exitcode is None:
            self.process.terminate()
            self.process.join()
        self.last_exit = self.process.exitcode


def _work(pipe: Connection, lifeline: Connection, split_folder: Path) -> None:
    """What a worker process does: a job at a time, until the lab closes the pipe."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to the whole group; the lab decides what it means
    threading.Thread(target=_die_with_the_lab, args=(lifeline,), daemon=True).start()
    split = open_split(split_folder)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(_attempt(job, split, pipe))


def _attempt(job: Job, split: Split, pipe: Connection) -> Run | Failure:
    try:
        return run(job, split, pipe.send)
    except Exception as error:  # whatever it is, it is this run's and must not stop the others
        return Failure(f"{type(error).__name__}: {error}".splitlines()[0])


def _die_with_the_lab(lifeline: Connection) -> None:
    """Wait for the end-of-file that closing, or the death of the lab, brings; a run may be hours
    from its end.
    """
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(0)
