"""What an image set is: images with their labels, and a data set of them."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

SIDE = 28  # pixels; every image is brought to 28×28
CLASSES = 10

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Images:
    """`pixels` uint8 (n, 28, 28), ink 255 on 0; `labels` uint8 (n,), 0 to 9."""

    pixels: Bytes
    labels: Bytes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: npt.NDArray[np.intp]) -> "Images":
        return Images(self.pixels[index], self.labels[index])


@dataclass(frozen=True)
class DataSet:
    """Images to train on, and others to test on."""

    name: str
    train: Images
    test: Images

    @cached_property
    def sha256(self) -> str:
        """The fingerprint of every pixel and label, hexadecimal, wherever the files came from."""
        digest = hashlib.sha256()
        for images in (self.train, self.test):
            digest.update(len(images).to_bytes(8, "big"))
            digest.update(np.ascontiguousarray(images.pixels).data)
            digest.update(np.ascontiguousarray(images.labels).data)
        return digest.hexdigest()
