"""A saved run on any data set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistlab.data.images import DataSet, Images
from mnistlab.data.split import split
from mnistlab.errors import StoreError
from mnistlab.model.predictor import open_model
from mnistlab.results.mistakes import Mistakes, Read, study
from mnistlab.results.store import Store, StoredRun
from mnistlab.training.scores import Scores, score

BATCH = 1000


@dataclass(frozen=True)
class Evaluation:
    """What a run makes of images: which ones, its figures and its mistakes."""

    run: StoredRun
    chosen: str  # the images, in words
    images: int
    scores: Scores
    mistakes: Mistakes


def evaluate(folder: Path, data: DataSet) -> Evaluation:
    """The figures of the run in `folder` on `data`. Raises StoreError and DataError.

    Of the data set that the run learned from only the test images are used; of another one its test images,
    or all its images if it does not keep any apart.
    """
    folder = folder.resolve()
    run = Store(folder.parent).find(folder.name) if (folder / "run.json").is_file() else None
    if run is None:
        raise StoreError(f"{folder.name}: not a run's folder (no run.json); give a folder inside a results folder")
    if run.record.status != "done":
        raise StoreError(f"{folder.name}: this run {run.record.status} and has no network; give another one")
    chosen, images = _images(run, data)
    model = open_model(folder / "model.onnx")
    batches = [images.pixels[start : start + BATCH] for start in range(0, len(images), BATCH)]
    probabilities = np.concatenate([model.predict(batch)[1] for batch in batches])
    read = Read((run.record.seed,), probabilities[None], (probabilities.argmax(axis=1) == images.labels)[None])
    return Evaluation(run, chosen, len(images), score(probabilities, images.labels), study(read, images.labels))


def _images(run: StoredRun, data: DataSet) -> tuple[str, Images]:
    trained_on = run.record.data
    if data.sha256 == trained_on.sha256 or data.name == trained_on.name.split(" + ")[0]:  # drawings may have come to it
        return f"test images of {data.name}, kept apart from what it was trained on", split(
            data, trained_on.sizes["validation"]
        ).test
    if data.test is not None:
        return f"test images of {data.name}", data.test
    return f"all images of {data.name}", data.train
