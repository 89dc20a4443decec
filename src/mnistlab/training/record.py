"""A run: what is asked for, what it leaves behind, and the machine it was made on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from mnistlab.book.trial import Network, Training, Trial
from mnistlab.data.split import DataInfo
from mnistlab.model import Weights
from mnistlab.training.native import library
from mnistlab.training.scores import Scores

FORMAT = 3  # raised whenever the same settings would give other results or files


@dataclass(frozen=True)
class Job:
    """One run to be done: everything but the images that decides what comes of it."""

    trial: Trial
    seed: int
    engine: str  # native, native-v2 (see `engines`), or torch
    device: str = "cpu"


class Epoch(BaseModel):
    """One pass over the training images. Training figures are running means; what is not finite is
    None in JSON.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    epoch: int  # from 1
    train_loss: float | None
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


class RunRecord(BaseModel):
    """Everything about a run but its arrays; `run.json` holds it."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    format: int = FORMAT
    trial: str
    seed: int
    status: Literal["done", "diverged", "failed", "pruned"]
    reason: str | None = None
    epoch: int | None = None  # the one with the lowest validation loss, from 1
    scores: dict[str, Scores] = {}  # by split; empty unless done
    history: tuple[Epoch, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    # of its model: the confidence below which an answer is called unsure; None if there is none
    unsure_below: float | None = None
    engine: str
    device: str
    network: Network
    training: Training
    data: DataInfo
    environment: dict[str, str] = {}


@dataclass(frozen=True)
class Run:
    """A record with its arrays: weights by name and test probabilities (n, 10); both empty unless
    done.
    """

    record: RunRecord
    weights: Weights
    test_probabilities: npt.NDArray[np.float32]


def environment(engine: str) -> dict[str, str]:
    """The versions and the processor that a result was made with."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "engine": _engine_version(engine),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def _engine_version(engine: str) -> str:
    if engine != "torch":
        return f"native {library.variant()}"
    from mnistlab.training.torch import version

    return version()


def _processor() -> str:
    """The processor's name; Linux tells it in a file only."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
