"""A saved run on any data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistlab.errors import StoreError
from mnistlab.images import DataSet
from mnistlab.model.predictor import open_model
from mnistlab.results.mistakes import Mistakes, TestPredictions, study
from mnistlab.results.store import Store, StoredRun
from mnistlab.training.scores import Scores, score

BATCH = 1000


@dataclass(frozen=True)
class Evaluation:
    """What a run makes of a data set's test images: its figures and its mistakes."""

    run: StoredRun
    data: str  # the data set's name
    images: int  # how many test images it has
    scores: Scores
    mistakes: Mistakes


def evaluate(folder: Path, data: DataSet) -> Evaluation:
    """What the run in `folder` makes of the test images of `data`. Raises StoreError."""
    folder = folder.resolve()
    run = Store(folder.parent).find(folder.name) if (folder / "run.json").is_file() else None
    if run is None:
        raise StoreError(
            f"{folder.name}: not a run's folder (no run.json); give a folder inside a results "
            f"folder"
        )
    if run.record.status != "done":
        status = run.record.status
        raise StoreError(f"{folder.name}: this run {status} and has no network; give another one")
    images = data.test
    model = open_model(folder / "model.onnx")
    batches = [images.pixels[start : start + BATCH] for start in range(0, len(images), BATCH)]
    probabilities = np.concatenate([model.predict(batch)[1] for batch in batches])
    right = probabilities.argmax(axis=1) == images.labels
    mistakes = study(
        TestPredictions((run.record.seed,), probabilities[None], right[None]), images.labels
    )
    scores = score(probabilities, images.labels)
    return Evaluation(run, data.name, len(images), scores, mistakes)
