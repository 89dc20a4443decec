"""A run's identity: the hash of everything that determines its result.

Settings at their frozen defaults are left out, so that a key which later versions add renames no
run that was made without it. A default here never changes, even where that in `book` does. Of a
module its file's hash and the name of what makes the network count, not what the file is called.
"""

import hashlib
import json
from typing import Any

from mnistlab.data.split import DataInfo
from mnistlab.images import Task
from mnistlab.training.record import FORMAT, Job

HEX_DIGITS = 16  # hexadecimal
DEFAULTS = {
    "stride": 1, "padding": 0, "pool": 1, "pool_by": "max", "norm": False,
    "head": "flatten", "hidden": [], "activation": "relu", "label_smoothing": 0.0,
    "dropout": 0.0, "module": None, "weight_decay": 0.0, "optimizer": "adam", "momentum": 0.0,
    "schedule": "constant", "patience": 0, "augment": {},
    "rotate": 0.0, "shear": 0.0, "scale": 0.0, "shift": 0.0, "thickness": 0.0, "elastic": 0.0,
    "nothing": 0.0,
}  # fmt: skip


def identity(job: Job, data: DataInfo) -> str:
    """16 hexadecimal digits of the SHA-256 of all that determines what comes of `job` on `data`."""
    network, module = job.trial.network.model_dump(), job.trial.network.module
    if module:
        network["module"] = [module.sha256, module.name]
    settings = {
        "format": FORMAT,
        "network": _differing(network),
        "training": _differing(job.trial.training.model_dump()),
        "seed": job.seed,
        "data": data.sha256,
        "split": data.sizes,
        "engine": job.engine,
        "device": job.device,
    }
    if data.task != Task():
        settings["task"] = data.task
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:HEX_DIGITS]


def _differing(settings: Any) -> Any:
    """The settings that are not at their frozen defaults, at every depth."""
    if isinstance(settings, dict):
        kept = {key: _differing(value) for key, value in settings.items()}
        return {key: kept[key] for key in kept if key not in DEFAULTS or kept[key] != DEFAULTS[key]}
    if isinstance(settings, tuple | list):
        return [_differing(each) for each in settings]
    return settings
