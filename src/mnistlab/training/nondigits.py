"""Pictures of no digit, so that a network learns to be unsure of what it has never seen.

Their target is an equal probability for every digit, after Hendrycks, Mazeika and Dietterich, "Deep
anomaly detection with outlier exposure" (ICLR 2019). A third each, on average: random strokes, two
digits side by side, three on top of each other.
"""

import numpy as np
import numpy.typing as npt

from mnistlab.data.drawings import PENS
from mnistlab.data.framing import frame_strokes
from mnistlab.images import SIDE, Bytes
from mnistlab.training.warping import warp

POOL = 4000  # pictures of random strokes, made once per run

Floats = npt.NDArray[np.float64]


class NonDigits:
    """A source of pictures that show no digit, all numbers drawn from `random`."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        drawn = [frame_strokes(random_strokes(random), random.uniform(*PENS)) for _ in range(POOL)]
        self.pool = np.stack(drawn)

    def pictures(self, digits: Bytes, count: int) -> Bytes:
        """Return `count` pictures (count, 28, 28) of no digit, some made of `digits` (n, 28, 28).

        Drawn in this order: each picture's kind, which strokes, the pairs' digits, sizes and
        distances, the heaps' digits.
        """
        strokes, pairs, heaps = np.bincount(self.random.integers(3, size=count), minlength=3)
        strange = self._chosen(self.pool, strokes)
        beside = self._side_by_side(*self._chosen(digits, 2, pairs))
        return np.concatenate([strange, beside, _on_top(*self._chosen(digits, 3, heaps))])

    def _chosen(self, pictures: Bytes, *shape: int) -> Bytes:
        return pictures[self.random.integers(len(pictures), size=shape)]

    def _side_by_side(self, left: Bytes, right: Bytes) -> Bytes:
        """Digits beside others, both made smaller and their lines thicker by as much."""
        shrink = self.random.uniform(1.45, 2.15, len(left))
        apart = self.random.uniform(0.30, 0.42, len(left)) * shrink * SIDE / 2
        on_the_left = _placed(_thicker(left), shrink, apart)
        return np.maximum(on_the_left, _placed(_thicker(right), shrink, -apart))


def _on_top(digits: Bytes, turned: Bytes, mirrored: Bytes) -> Bytes:
    """Digits with others turned on their side and others mirrored over them."""
    turned = np.rot90(np.roll(turned, 4, axis=2), axes=(1, 2))
    mirrored = np.flip(np.roll(mirrored, -4, axis=2), axis=2)
    return np.asarray(np.maximum(digits, np.maximum(turned, mirrored)))


def _thicker(pictures: Bytes) -> Bytes:
    """Lines a pixel thicker, to the right and downwards."""
    taller = np.maximum(pictures, np.pad(pictures, ((0, 0), (1, 0), (0, 0)))[:, :-1])
    wider = np.pad(taller, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    return np.asarray(np.maximum(taller, wider))


def _placed(pictures: Bytes, shrink: Floats, aside: Floats) -> Bytes:
    """Pictures made smaller `shrink` times; what was `aside` pixels right comes to the middle."""
    none = np.zeros(len(pictures))
    maps = np.array([[shrink, none, aside], [none, shrink, none]])
    return warp(pictures, np.moveaxis(maps, 2, 0))


def random_strokes(random: np.random.Generator) -> list[Floats]:
    """Return strokes like those of letters and scribbles, each (n, 2) in about the unit square.

    Some lines and arcs, joined or not, or one long wandering line.
    """
    if random.random() < 0.3:
        return [_wandering(random)]
    strokes: list[Floats] = []
    for _ in range(random.integers(3, 7)):
        start = random.random(2)
        if strokes and random.random() < 0.65:
            start = strokes[random.integers(len(strokes))][random.choice([0, 8, -1])]
        along = np.linspace(0, 1, 16)[:, None]
        bend = random.normal(0, 0.35, 2) * (random.random() < 0.6)
        strokes.append(start + (random.random(2) - start) * along + 4 * along * (1 - along) * bend)
    return strokes


def _wandering(random: np.random.Generator) -> Floats:
    corners = random.random((random.integers(4, 14), 2))
    at = np.linspace(0, len(corners) - 1, 10 * len(corners))
    window = np.hanning(13) / np.hanning(13).sum()
    axes = [np.interp(at, np.arange(len(corners)), corners[:, axis]) for axis in (0, 1)]
    return np.stack([np.convolve(axis, window, "valid") for axis in axes], axis=1)
