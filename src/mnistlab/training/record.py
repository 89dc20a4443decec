"""A run: what is asked for, what it leaves behind, and the machine it was made on."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mnistlab.book.trial import Network, Training, Trial
from mnistlab.data.split import PARTS, DataInfo
from mnistlab.model import Weights
from mnistlab.training.native import library
from mnistlab.training.scores import Scores, Share

FORMAT = 3  # raised whenever the same settings would give other results or files

Loss = Annotated[float, Field(le=1e39)]  # nats; float32 holds no more
Seconds = Annotated[float, Field(ge=0, le=1e9)]


@dataclass(frozen=True)
class Job:
    """One run to be done: everything but the images that decides what comes of it."""

    trial: Trial
    seed: int
    engine: str  # native, native-v2 (see `engines`), or torch
    device: str = "cpu"


class Epoch(BaseModel):
    """One pass over the training images. Their figures are means during it, the others after it.

    None is what was not finite.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    epoch: int  # from 1
    train_loss: Loss | None
    train_accuracy: Share | None
    validation_loss: Loss | None
    validation_accuracy: Share | None
    seconds: Seconds


class RunRecord(BaseModel):
    """Everything about a run but its arrays; `run.json` holds it."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    format: int = FORMAT
    trial: str
    seed: int
    status: Literal["done", "diverged", "failed", "pruned"]
    reason: str | None = None  # why it is not done
    epoch: int | None = None  # the first with the lowest validation loss, from 1
    scores: dict[str, Scores] = {}  # by part; empty unless done
    unsure_below: Share | None = None  # see `scores.unsure_threshold`
    parameters: Annotated[int, Field(ge=0)] | None = None  # numbers learned; older runs lack it
    no_model: str | None = None  # why a run that is done has no model.onnx
    history: tuple[Epoch, ...] = ()
    seconds: Seconds = 0.0
    cpu_seconds: Seconds = 0.0
    engine: str
    device: str
    network: Network
    training: Training
    data: DataInfo
    environment: dict[str, str] = {}

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Self:
        if [epoch.epoch for epoch in self.history] != list(range(1, len(self.history) + 1)):
            raise ValueError("history: the epochs are not numbered from 1")
        if self.status != "done":
            return self
        if set(self.scores) != set(PARTS) or not 1 <= (self.epoch or 0) <= len(self.history):
            raise ValueError("a run that is done has scores of all parts, of one of its epochs")
        return self


@dataclass(frozen=True)
class Run:
    """A record with weights by name and test probabilities (n, classes); both empty unless done.

    `model` is the ONNX file of a module; that of other networks follows from their weights.
    """

    record: RunRecord
    weights: Weights
    test_probabilities: npt.NDArray[np.float32]
    model: bytes | None = None


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
        return next(line.split(":", 1)[1].strip() for line in lines if line[:10] == "model name")
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
