"""Models by where they are: an ONNX file, a run's folder, or a results folder with its trials' best
runs.
"""

import math
from pathlib import Path

from mnistlab.errors import StoreError
from mnistlab.results.store import Store, StoredRun


def find_models(place: Path) -> list[tuple[str, Path]]:
    """(name, ONNX file) of every model that `place` offers. Raises StoreError.

    Of a results folder each trial's run with the lowest validation loss, named after the trial.
    """
    if (place / "book.json").is_file():
        return _of_results(place)
    if (place / "model.onnx").is_file():
        return [(place.name, place / "model.onnx")]
    if place.is_file():
        return [(place.stem, place)]
    raise StoreError(
        f"{place}: no model there; give a results folder, a run's folder or a model.onnx"
    )


def _of_results(place: Path) -> list[tuple[str, Path]]:
    store = Store(place)
    best: dict[str, StoredRun] = {}
    for run in store.runs(store.plan()):
        name = run.record.trial
        if run.record.status == "done" and (name not in best or _loss(run) < _loss(best[name])):
            best[name] = run
    if not best:
        raise StoreError(f"{place}: no finished run yet; finish `mnistlab run` first")
    return [(name, run.folder / "model.onnx") for name, run in best.items()]


def _loss(run: StoredRun) -> float:
    loss = run.record.scores["validation"].loss
    return math.inf if loss is None else loss
