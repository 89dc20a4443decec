"""A saved run on any data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistlab.errors import StoreError
from mnistlab.images import DataSet
from mnistlab.model.predictor import open_model
from mnistlab.results.mistakes import Mistakes, TestPredictions, find_mistakes
from mnistlab.results.store import Store, StoredRun
from mnistlab.training.scores import Scores, score

BATCH = 1000  # images at once


@dataclass(frozen=True)
class Evaluation:
    """What a run predicts for a data set's test images: its figures and its mistakes."""

    run: StoredRun
    data: str  # the data set's name
    own: bool  # whether these are the test images that the run was scored on
    images: int  # how many
    scores: Scores
    mistakes: Mistakes


def evaluate(folder: Path, data: DataSet) -> Evaluation:
    """Return how the run in `folder` does on the test images of `data`. Raises StoreError."""
    run = _finished_run(folder.resolve())
    images, model = data.test, open_model(run.folder / "model.onnx")
    batches = [images.pixels[start : start + BATCH] for start in range(0, len(images), BATCH)]
    probabilities = np.concatenate([model.predict(batch)[1] for batch in batches])
    predictions = TestPredictions((run.record.seed,), probabilities[None], images.labels)
    return Evaluation(
        run=run,
        data=data.name,
        own=_own(run, data),
        images=len(images),
        scores=score(probabilities, images.labels),
        mistakes=find_mistakes(predictions),
    )


def _own(run: StoredRun, data: DataSet) -> bool:
    """Whether these are the test images that the run was scored on, whatever it trained on."""
    try:
        test = Store(run.folder.parent).test()
    except StoreError:
        return False
    same_labels = np.array_equal(test.labels, data.test.labels)
    return same_labels and np.array_equal(test.pixels, data.test.pixels)


def _finished_run(folder: Path) -> StoredRun:
    """The run that has this folder, and a network."""
    run = Store(folder.parent).find(folder.name) if (folder / "run.json").is_file() else None
    if run is None:
        raise StoreError(
            f"{folder}: not a run's folder (no run.json); give one of a results folder"
        )
    if run.record.status != "done":
        raise StoreError(f"{folder}: this run {run.record.status}, so it has no network")
    return run
