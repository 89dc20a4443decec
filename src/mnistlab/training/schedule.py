"""Many runs over worker processes: one thread a run, one run a core, workers living until the last run is done.

loky starts the workers, because its processes need no `if __name__ == "__main__"` in the user's script.
Each worker has a pipe of its own, so that the death of one costs its run alone.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from loky.backend.context import get_context

from mnistlab.book.trial import Trial
from mnistlab.data.split import Split, open_split
from mnistlab.training.fit import engine_name, run
from mnistlab.training.record import Epoch, Run, RunRecord

ATTEMPTS = 2  # a worker that dies may have been killed for want of memory; a second death is the run's own fault


@dataclass(frozen=True)
class Job:
    """One run to be done: `epoch` and `run` messages about it come back."""

    trial: Trial
    seed: int


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    lifeline: Connection
    job: Job | None = None


def train_all(
    jobs: Sequence[Job],
    split_folder: Path,
    processes: int,
    device: str,
    on_epoch: Callable[[Job, Epoch], None],
    on_run: Callable[[Job, Run], None],
) -> None:
    """Do all jobs on `processes` workers; both callbacks are called in this process, in its own thread.

    A run that raises, or whose worker dies twice, is handed to `on_run` as failed, with the reason.
    """
    waiting = deque((job, 1) for job in jobs)
    attempts: dict[Job, int] = {}
    workers = [_start(split_folder, device) for _ in range(min(processes, len(jobs)))]
    try:
        while waiting or any(worker.job for worker in workers):
            for worker in workers:
                if worker.job is None and waiting:
                    worker.job, attempts[worker.job] = waiting.popleft()
                    _send(worker)
            for ready in wait([worker.pipe for worker in workers if worker.job]):
                worker = next(worker for worker in workers if worker.pipe is ready)
                job = worker.job
                assert job is not None
                try:
                    message = worker.pipe.recv()
                except (EOFError, OSError):
                    workers[workers.index(worker)] = _start(split_folder, device)
                    _stop([worker])
                    if attempts[job] < ATTEMPTS:
                        waiting.appendleft((job, attempts[job] + 1))
                    else:
                        reason = f"its worker process died {ATTEMPTS} times (exit code {worker.process.exitcode})"
                        on_run(job, failed(job, split_folder, device, reason))
                    continue
                if isinstance(message, Run):
                    worker.job = None
                    on_run(job, message)
                else:
                    on_epoch(job, message)
    finally:
        _stop(workers)
