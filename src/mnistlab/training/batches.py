"""What an engine is given to learn from: images in order, varied and with dropout where a trial
asks for it.

The same for every engine: what is drawn depends on the seed and the order alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistlab.book.trial import Network, Training
from mnistlab.images import Bytes
from mnistlab.randomness import Purpose, generator
from mnistlab.training.augment import Augmenter


@dataclass(frozen=True)
class Batch:
    """Images to learn from: `rows` of `pixels` (n, 28, 28) and `labels` int32 (n,), -1 for no
    digit.

    `kept` uint8 (len(rows), features) is 1 where dropout leaves a feature, features in the order
    (row, column, channel); None where nothing is dropped.
    """

    pixels: Bytes
    labels: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]
    kept: Bytes | None


class Batches:
    """Cuts an epoch into batches and varies them, with random numbers of its own."""

    def __init__(self, network: Network, training: Training, seed: int) -> None:
        self.size, self.dropout, self.features = (
            training.batch_size,
            network.dropout,
            network.features(),
        )
        varied = training.augment.active
        self.augment = (
            Augmenter(training.augment, generator(seed, Purpose.augment)) if varied else None
        )
        self.drops = generator(seed, Purpose.dropout).bit_generator

    def of(
        self, pixels: Bytes, labels: npt.NDArray[np.int32], order: npt.NDArray[np.int64]
    ) -> Iterator[Batch]:
        """The images `order` a batch at a time, or all at once where nothing is drawn for a
        batch.
        """
        if not self.augment and not self.dropout:
            yield Batch(pixels, labels, order, None)
            return
        for start in range(0, len(order), self.size):
            rows = order[start : start + self.size]
            kept = self._kept(len(rows)) if self.dropout else None
            if self.augment:
                varied = self.augment(pixels[rows], labels[rows])
                yield Batch(*varied, np.arange(len(rows), dtype=np.int64), kept)
            else:
                yield Batch(pixels, labels, rows, kept)

    def _kept(self, count: int) -> Bytes:
        """1 where a feature stays: a 16-bit number drawn for each must reach the share to drop."""
        wanted = count * self.features
        drawn = np.asarray(self.drops.random_raw(-(-wanted // 4)))  # 64 bits each
        kept = drawn.view(np.uint16)[:wanted] >= round(self.dropout * 2**16)
        return kept.view(np.uint8).reshape(count, self.features)
