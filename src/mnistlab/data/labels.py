"""Labels as files have them, numbers or texts, made into classes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnistlab.data.split import stratified_positions
from mnistlab.errors import DataError, one_line
from mnistlab.images import MAX_CLASSES, MIN_CLASSES, Bytes, DataSet, Images, in_order

MAX_IMAGES = 700_000  # of a part, 549 MB if grey; the largest, EMNIST's by class, has 697,932
MAX_NAME = 100  # letters of a class's name
SET_ASIDE = 6  # one image in so many is for the test, where no test part came with the data


class Labelled(NamedTuple):
    """Images as a file has them: `pixels` uint8 (n, 28, 28) or (n, 28, 28, 3), n labels."""

    pixels: Bytes
    labels: Sequence[int | str]


def data_set(
    path: Path, name: str, parts: Mapping[str, Labelled], remarks: Iterable[str] = ()
) -> DataSet:
    """Return the data set of a `train` part and, where they came with it, `test`, `validation`.

    Its classes are called as the labels are: numbers in their order, texts sorted. Where no test
    part came with it, a stratified sixth of the training images becomes one, the same every time.
    Raises DataError, which names `path`.
    """
    _check_parts(path, parts)
    texts = {label: one_line(label) for part in parts.values() for label in set(part.labels)}
    classes = in_order(set(texts.values()))
    _check_classes(path, classes)
    place = {label: classes.index(text) for label, text in texts.items()}
    images = {
        part: Images(pixels, np.array([place[label] for label in labels], np.uint8), classes)
        for part, (pixels, labels) in parts.items()
    }
    remarks = tuple(remarks)
    if "test" not in images:
        images |= _test_set_aside(path, images["train"])
        kept, aside = f"{len(images['train']):,}", f"{len(images['test']):,}"
        sizes = f"{kept} to learn from, {aside} set aside to test"
        remarks += (f"no labelled test images came with it: {sizes}",)
    _check_all_are_trained(path, images)
    return DataSet(name, **images, remarks=remarks)


def _test_set_aside(path: Path, images: Images) -> dict[str, Images]:
    count = len(images) // SET_ASIDE
    if not count:
        raise DataError(f"{path}: {len(images)} images, too few to test on some; give at least 7")
    chosen = stratified_positions(images.labels, count)
    return {"train": images[np.delete(np.arange(len(images)), chosen)], "test": images[chosen]}


def _check_parts(path: Path, parts: Mapping[str, Labelled]) -> None:
    shape = parts["train"].pixels.shape[1:]
    for part, (pixels, labels) in parts.items():
        if not len(labels):
            raise DataError(f"{path}: an empty set ({part}); give at least one image")
        if pixels.shape[1:] != shape:
            raise DataError(f"{path}: train or {part} is grey and the other RGB; make them alike")


def _check_classes(path: Path, classes: tuple[str, ...]) -> None:
    if not MIN_CLASSES <= len(classes) <= MAX_CLASSES:
        found = f"{len(classes)} class{'es' * (len(classes) != 1)}"
        raise DataError(f"{path}: {found}; give images of {MIN_CLASSES} to {MAX_CLASSES} classes")
    if "" in classes:
        raise DataError(f"{path}: an image's label is blank; label it or take it out")
    longest = max(classes, key=len)
    if len(longest) > MAX_NAME:
        found = f"class {longest[:20]!r}… has a name of {len(longest)} letters"
        raise DataError(f"{path}: {found}; give it at most {MAX_NAME}")


def _check_all_are_trained(path: Path, images: Mapping[str, Images]) -> None:
    for part, of_part in images.items():
        for label in np.setdiff1d(of_part.labels, images["train"].labels):
            found = f"class {of_part.classes[label]!r} is in {part} and not in train"
            raise DataError(f"{path}: {found}; add images of it to train, or take it out")
