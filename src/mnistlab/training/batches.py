"""What an engine learns from: training images in batches, varied and dropped as a trial asks.

The same for every engine: what is drawn depends on the seed and the order alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistlab.book.trial import Network, Training
from mnistlab.images import Bytes, Images
from mnistlab.randomness import Purpose, generator
from mnistlab.training.augment import Augmenter, Labels

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Images to learn from: `rows` of `pixels` (n, 28, 28), or (n, 28, 28, 3), and `labels` (n,).

    A label is −1 where every class is as good.

    `kept` (len(rows), features) is 1 where dropout leaves a feature, features in the order (row,
    column, channel); None where nothing is dropped.
    """

    pixels: Bytes
    labels: Labels
    rows: Rows
    kept: Bytes | None


class Batches:
    """Training images for a network, in an epoch's order, varied and with features dropped."""

    def __init__(self, network: Network, training: Training, train: Images, seed: int) -> None:
        self.network, self.training, self.task = network, training, train.task
        self.pixels, self.labels = train.pixels, train.labels.astype(np.int32)
        self.drops = generator(seed, Purpose.dropout).bit_generator
        augment, random = training.augment, generator(seed, Purpose.augment)
        self.augmenter = Augmenter(augment, random) if augment.active else None

    def epoch(self, order: Rows) -> Iterator[Batch]:
        """The images in this order, a batch at a time; all in one where none needs numbers."""
        if not self.augmenter and not self.network.dropout:
            yield Batch(self.pixels, self.labels, order, None)
            return
        for start in range(0, len(order), self.training.batch_size):
            rows = order[start : start + self.training.batch_size]
            kept = self._kept(len(rows)) if self.network.dropout else None
            if self.augmenter:
                varied = self.augmenter(self.pixels[rows], self.labels[rows])
                yield Batch(*varied, np.arange(len(rows), dtype=np.int64), kept)
            else:
                yield Batch(self.pixels, self.labels, rows, kept)

    def _kept(self, count: int) -> Bytes:
        """1 where a feature stays: a 16-bit number drawn for each must reach the share to drop."""
        wanted = count * sum(self.network.dropped(self.task).values())
        drawn = np.asarray(self.drops.random_raw(-(-wanted // 4)))  # 64 bits each
        kept = drawn.view(np.uint16)[:wanted] >= round(self.network.dropout * 2**16)
        return kept.view(np.uint8).reshape(count, -1)
