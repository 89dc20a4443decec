"""What a run leaves behind."""

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
from mnistlab.training.scores import Scores

FORMAT = 1  # raised whenever the same settings would give other results or files


class Epoch(BaseModel):
    """One pass over the training images. Training figures are running means; what is not finite is None in JSON."""

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
    status: Literal["done", "diverged", "failed"]
    reason: str | None = None
    epoch: int | None = None  # the one with the lowest validation loss, from 1
    scores: dict[str, Scores] = {}  # by split; empty unless done
    history: tuple[Epoch, ...] = ()
    seconds: float = 0.0
    engine: str
    device: str
    network: Network
    training: Training
    data: DataInfo
    environment: dict[str, str] = {}


@dataclass(frozen=True)
class Run:
    """A record with its arrays: weights by name and test probabilities (n, 10); both empty unless done."""

    record: RunRecord
    weights: Weights
    test_probabilities: npt.NDArray[np.float32]


def engine_for(trial: Trial, device: str) -> str:
    """Which engine trains that trial on that device: `direct` for what it can do (see `direct`), else `autograd`."""
    layers = trial.network.conv
    plain = len(layers) == 1 and layers[0].pool == 1 and not layers[0].norm and not trial.network.dropout
    plain = plain and trial.training.optimizer in ("adam", "adamw") and not trial.training.augment.active
    return "direct" if plain and device == "cpu" else "autograd"


def environment() -> dict[str, str]:
    """The versions and the processor that a result was made with."""
    import torch
    from threadpoolctl import threadpool_info

    products = sorted(
        f"{library['internal_api']} {library['version']} {library.get('architecture', '')}".strip()
        for library in threadpool_info()
        if library["user_api"] == "blas"
    )
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "blas": ", ".join(products),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def _processor() -> str:
    """The processor's name; Linux tells it in a file only."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
