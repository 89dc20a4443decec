"""What a trainer is: where runs are trained. `local` has the one for this machine's processes."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mnistlab.data.split import Split
from mnistlab.training.record import Epoch, Job, Run


@dataclass(frozen=True)
class Failure:
    """Why a job came to nothing: one line, and the traceback where there is one."""

    reason: str
    traceback: str = ""


@dataclass(frozen=True)
class AlreadyStored:
    """A job that another lab has done meanwhile."""


Message = Epoch | Run | Failure | AlreadyStored


class Trainer(Protocol):
    """Trains all jobs on one split; how the split reaches its workers is its own affair."""

    def __call__(self, jobs: Sequence[Job], split: Split) -> Generator[tuple[Job, Message]]:
        """Every epoch of every job as it ends, then its run, its failure, or that it was done."""
