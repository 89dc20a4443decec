"""One stratified split per book, the same for all its trials, seeds and worker processes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from mnistlab.errors import DataError
from mnistlab.images import DIGITS, ClassNames, DataSet, Images, Task
from mnistlab.randomness import Purpose, generator

PARTS = ("train", "validation", "test")


class DataInfo(BaseModel):
    """Which images a result rests on: the data set's name, its SHA-256, the sizes of its parts.

    `classes` are the names of the classes, `channels` 1 (grey) or 3 (RGB).
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str
    sizes: dict[str, int]
    classes: ClassNames = DIGITS
    channels: Literal[1, 3] = 1

    @property
    def task(self) -> Task:
        """What a network for these images is given and asked."""
        return Task(self.channels, len(self.classes))


@dataclass(frozen=True)
class Split:
    """Images to learn from, to choose by, and to be judged on."""

    info: DataInfo
    train: Images
    validation: Images
    test: Images


def split(data: DataSet, validation: int = 10_000) -> Split:
    """Set training images aside to choose the epoch by, in the proportions of the classes.

    Those that came with the data for it are taken as they are. Raises DataError if there are too
    few images.
    """
    train, chosen = data.train, data.validation
    if chosen is None:
        count = validation_size(len(train), validation)
        if count < 1:
            few = f"{len(train):,} training images are too few to split"
            raise DataError(f"{data.name}: {few}; give at least 6")
        places = stratified_positions(train.labels, count)
        train, chosen = train[np.setdiff1d(np.arange(len(train)), places)], train[places]
    parts = {"train": train, "validation": chosen, "test": data.test}
    sizes = {name: len(images) for name, images in parts.items()}
    info = DataInfo(
        name=data.name, sha256=data.sha256, sizes=sizes, classes=data.classes,
        channels=data.task.channels,
    )  # fmt: skip
    return Split(info, **parts)


def validation_size(training_images: int, asked: int) -> int:
    """How many training images are set aside: as many as asked, at most a sixth of all."""
    return min(asked, training_images // 6)


def stratified_positions(labels: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.intp]:
    """Positions in `labels` (n,) of `count` images set aside, ascending; the same every time.

    Each class gives its share; what rounding leaves over goes to the largest remainders.
    """
    random = generator(0, Purpose.split)  # the seeds of runs never reach it
    sizes = np.bincount(labels)
    shares = sizes * count / len(labels)
    quota = shares.astype(int)
    quota[np.argsort(quota - shares, kind="stable")[: count - quota.sum()]] += 1
    places = [np.flatnonzero(labels == label) for label in range(len(sizes))]
    picked = [random.permutation(of)[:share] for of, share in zip(places, quota, strict=True)]
    return np.sort(np.concatenate(picked))
