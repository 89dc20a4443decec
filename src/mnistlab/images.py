"""What an image set is: images with their labels, and a data set of them."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

SIDE = 28  # pixels; every image is brought to 28×28
MIN_CLASSES, MAX_CLASSES = 2, 100
DIGITS = tuple("0123456789")

Bytes = npt.NDArray[np.uint8]


def _all_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("two classes of the same name")
    return names


ClassName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\P{Cc}+$")]
ClassNames = Annotated[
    tuple[ClassName, ...],
    Field(min_length=MIN_CLASSES, max_length=MAX_CLASSES),
    AfterValidator(_all_different),
]


class Task(NamedTuple):
    """What a network is given and asked: the channels of an image (1 grey, 3 RGB), the classes."""

    channels: int = 1
    classes: int = 10

    def picture(self) -> tuple[int, ...]:
        """The shape of one image: (28, 28), or (28, 28, 3)."""
        return (SIDE, SIDE) if self.channels == 1 else (SIDE, SIDE, self.channels)


@dataclass(frozen=True)
class Images:
    """Images with their labels.

    `pixels` uint8 (n, 28, 28), grey and ink 255 on 0, or (n, 28, 28, 3), RGB; `labels` uint8 (n,),
    positions in `classes`, the names of 2 to 100 classes.
    """

    pixels: Bytes
    labels: Bytes
    classes: tuple[str, ...] = DIGITS

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: npt.NDArray[np.intp]) -> "Images":
        return Images(self.pixels[index], self.labels[index], self.classes)

    @property
    def task(self) -> Task:
        """What a network for these images is given and asked."""
        return Task(1 if self.pixels.ndim == 3 else self.pixels.shape[3], len(self.classes))


@dataclass(frozen=True)
class DataSet:
    """Images to train on, and others to test on.

    `validation` is None unless images to choose the epoch by came with the data; `remarks` are
    sentences on what was done to the files' images.
    """

    name: str
    train: Images
    test: Images
    validation: Images | None = None
    remarks: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.train.classes

    @property
    def task(self) -> Task:
        """What a network for these images is given and asked."""
        return self.train.task

    @cached_property
    def sha256(self) -> str:
        """The fingerprint of every pixel and label, hexadecimal, wherever the files came from."""
        digest = hashlib.sha256()
        for images in filter(None, (self.train, self.test, self.validation)):
            digest.update(len(images).to_bytes(8, "big"))
            digest.update(np.ascontiguousarray(images.pixels).data)
            digest.update(np.ascontiguousarray(images.labels).data)
        return digest.hexdigest()
