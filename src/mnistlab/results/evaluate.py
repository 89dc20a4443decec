"""A saved run on any data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnistlab.data.split import DataInfo
from mnistlab.errors import DataError, StoreError, one_line
from mnistlab.images import DataSet, Images
from mnistlab.model.predictor import open_model
from mnistlab.results.mistakes import Mistakes, TestPredictions, find_mistakes
from mnistlab.results.store import Store, StoredRun
from mnistlab.training.scores import Scores, score

BATCH = 1000  # images at once
NAMED = 3  # classes that a refusal names


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
    """Return how the run in `folder` does on the test images of `data`.

    Classes are the run's where they have its names. Raises DataError for others, and for RGB
    images where it knows grey ones or the other way round; StoreError.
    """
    run = _finished_run(folder.resolve())
    images = _as_known(run.record.data, data)
    model = open_model(run.model())
    batches = [images.pixels[start : start + BATCH] for start in range(0, len(images), BATCH)]
    probabilities = np.concatenate([model.predict(batch)[1] for batch in batches])
    seeds = (run.record.seed,)
    predictions = TestPredictions(seeds, probabilities[None], images.labels, images.classes)
    return Evaluation(
        run=run,
        data=data.name,
        own=_own(run, images),
        images=len(images),
        scores=score(probabilities, images.labels),
        mistakes=find_mistakes(predictions),
    )


def _as_known(known: DataInfo, data: DataSet) -> Images:
    """The test images, labelled by the places that their classes have in the run's data."""
    kinds = {1: "grey", 3: "RGB"}
    if data.task.channels != known.channels:
        own, its = kinds[data.task.channels], kinds[known.channels]
        raise DataError(f"{data.name}: {own} images, the run was trained on {its} ones; give such")
    place = {name: number for number, name in enumerate(known.classes)}
    if unknown := [name for name in data.classes if name not in place]:
        fault = f"the run has no class {_some(unknown)}"
        raise DataError(f"{data.name}: {fault}; give data of its own, {_some(known.classes)}")
    places = np.array([place[name] for name in data.classes], np.uint8)
    return Images(data.test.pixels, places[data.test.labels], known.classes)


def _some(names: Sequence[str]) -> str:
    return one_line(", ".join(names[:NAMED]) + ", …" * (len(names) > NAMED))


def _own(run: StoredRun, images: Images) -> bool:
    """Whether these are the test images that the run was scored on, whatever it trained on."""
    try:
        test = Store(run.folder.parent).test()
    except StoreError:
        return False
    same_labels = np.array_equal(test.labels, images.labels)
    return same_labels and np.array_equal(test.pixels, images.pixels)


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
