"""Models by where they are: an ONNX file, a run's folder, or a results folder's best runs."""

import math
from pathlib import Path

from mnistlab.errors import StoreError, one_line
from mnistlab.results.store import Store, StoredRun, check_run
from mnistlab.results.summary import Results, read_results


def find_models(place: Path) -> list[tuple[str, Path]]:
    """(name, ONNX file) of every model that `place` offers. Raises StoreError.

    Of a results folder each trial's run with the lowest validation loss, named after the trial; a
    trial none of whose runs has an ONNX file is left out.
    """
    if _holds(place, "book.json"):
        runs = [run for _, run in _best_runs(place, read_results(Store(place)))]
        with_model = [run for run in runs if run.record.no_model is None]
        return [(run.record.trial, run.model()) for run in with_model or runs[:1]]
    if _holds(place, "run.json"):
        return [(place.name, check_run(place).model())]
    if _holds(place, "model.onnx"):
        return [(place.name, place / "model.onnx")]
    if _holds(place):
        return [(place.stem, place)]
    remedy = "give a results folder, a run's folder or a model.onnx"
    raise StoreError(f"{one_line(place)}: no model there; {remedy}")


def best_model(place: Path) -> tuple[str, Path]:
    """(name, ONNX file) of the one model to take; of a results folder the best trial's best run.

    Which trial is best, `Results.best` says. Raises StoreError.
    """
    if not _holds(place, "book.json"):
        return find_models(place)[0]
    results = read_results(Store(place))
    runs, best = _best_runs(place, results), results.best()
    return next((name, run.model()) for name, run in runs if best and name == best.trial)


def _best_runs(place: Path, results: Results) -> list[tuple[str, StoredRun]]:
    """Each trial's name with its run of the lowest validation loss, of those with an ONNX file."""
    best: dict[str, StoredRun] = {}
    for run in sorted((run for run in results.runs if run.record.status == "done"), key=by_loss):
        best.setdefault(run.record.trial, run)
    if not best:
        raise StoreError(f"{one_line(place)}: no finished run yet; finish `mnistlab run` first")
    names = [trial.name for trial in results.plan.book.trials if trial.name in best]
    return [(name, best[name]) for name in names]


def by_loss(run: StoredRun) -> tuple[bool, float]:
    """What runs are sorted by: validation loss, those with an ONNX file first."""
    loss = run.record.scores["validation"].loss if run.record.scores else None
    return run.record.no_model is not None, math.inf if loss is None else loss


def _holds(place: Path, file: str = "") -> bool:
    """Whether there is such a file; a name that no file can have is the name of none."""
    try:
        return (place / file).is_file()
    except OSError:
        return False
