"""One stratified split a book: the same for all its trials and seeds, and shared by all worker processes."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from mnistlab import atomic
from mnistlab.book.trial import CLASSES
from mnistlab.data.images import DataSet, Images
from mnistlab.errors import DataError, StoreError

SPLIT_SEED = 0  # of the split alone; the seeds of runs never reach it
PARTS = ("train", "validation", "test")


class DataInfo(BaseModel):
    """Which images a result rests on: the data set's name, its SHA-256, and how many images each part has."""

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str
    sizes: dict[str, int]


@dataclass(frozen=True)
class Split:
    """Images to learn from, to choose by, and to be judged on."""

    info: DataInfo
    train: Images
    validation: Images
    test: Images


def split(data: DataSet, validation: int = 10_000) -> Split:
    """Set `validation` training images aside, a sixth if that would be more than half of them.

    Without test images of its own, 20 % of the data set become the test images first. Every part holds the
    classes in the same proportions. Raises DataError if there are too few images.
    """
    generator = np.random.default_rng(SPLIT_SEED)
    train, test = data.train, data.test
    if test is None:
        rest, chosen = _stratified(train.labels, len(train) // 5, generator)
        train, test = train[rest], train[chosen]
    count = validation if validation <= len(train) // 2 else len(train) // 6
    if count < 1 or not len(test):
        raise DataError(f"{data.name}: {len(train):,} training images are too few to split; give at least 6")
    rest, chosen = _stratified(train.labels, count, generator)
    parts = {"train": train[rest], "validation": train[chosen], "test": test}
    sizes = {name: len(images) for name, images in parts.items()}
    return Split(DataInfo(name=data.name, sha256=data.sha256, sizes=sizes), **parts)


def _stratified(
    labels: npt.NDArray[np.uint8], count: int, generator: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions of the rest and of `count` chosen images, each in order; classes by largest remainder."""
    sizes = np.bincount(labels, minlength=CLASSES)
    shares = sizes * count / len(labels)
    quota = shares.astype(int)
    quota[np.argsort(quota - shares, kind="stable")[: count - quota.sum()]] += 1
    picked = [generator.permutation(np.flatnonzero(labels == label))[: quota[label]] for label in range(CLASSES)]
    chosen = np.sort(np.concatenate(picked))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen


def share_split(split: Split, cache: Path) -> Path:
    """Write a split into the cache unless it is there; worker processes map it into memory. Raises StoreError."""
    key = hashlib.sha256(split.info.model_dump_json().encode()).hexdigest()[:16]
    folder = cache / "splits" / key
    try:
        atomic.sweep(folder.parent)
        files = [f"{part}-{field.name}.npy" for part in PARTS for field in fields(Images)]
        if not atomic.is_whole(folder, ["info.json", *files]):
            with atomic.whole_folder(folder) as temporary:
                (temporary / "info.json").write_text(split.info.model_dump_json(), "utf-8")
                for part in PARTS:
                    for field in fields(Images):
                        array = getattr(getattr(split, part), field.name)
                        np.save(temporary / f"{part}-{field.name}.npy", array, allow_pickle=False)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error}); set MNISTLAB_CACHE to a folder that can") from None
    return folder


def open_split(folder: Path) -> Split:
    """Map a shared split into memory: copy-on-write, so every process reads the same pages."""
    info = DataInfo.model_validate_json((folder / "info.json").read_text("utf-8"))
    parts = {
        part: Images(
            *(
                np.load(folder / f"{part}-{field.name}.npy", mmap_mode="c", allow_pickle=False)
                for field in fields(Images)
            )
        )
        for part in PARTS
    }
    return Split(info, **parts)
