"""Drawn digits as training images: strokes by name or from a file, framed, some again with another
pen and hand.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnistlab.book.trial import Extra
from mnistlab.data.catalog import Progress
from mnistlab.data.framing import frame_strokes
from mnistlab.data.pendigits import load_pendigits
from mnistlab.data.split import Split
from mnistlab.data.strokes import Drawing, Stroke, read_strokes
from mnistlab.errors import DataError
from mnistlab.images import Images
from mnistlab.randomness import Purpose, generator

PLAIN_PEN, PENS = (
    2.5,
    (1.7, 3.6),
)  # pixels: the pen of a drawing as it is, and between which a varied copy's lies
TURN, SLANT, STRETCH, WAVE, LOOSE = (
    0.15,
    0.2,
    0.2,
    0.045,
    0.02,
)  # radians, then shares of the drawing's size


def add_drawings(split: Split, extras: Sequence[Extra], progress: Progress | None = None) -> Split:
    """The split with a book's extra drawings among its training images. Raises DataError."""
    for extra in extras:
        drawings = load_drawings(extra.strokes, progress)
        kept = [drawing for drawing in drawings if drawing.writer not in extra.exclude_writers]
        if not kept:
            raise DataError(f"{extra.strokes}: no drawing is left; correct exclude_writers")
        images = frame_drawings(kept, extra.copies)
        train = Images(
            *(
                np.concatenate(pair)
                for pair in zip(_arrays(split.train), _arrays(images), strict=True)
            )
        )
        digest = hashlib.sha256(split.info.sha256.encode())
        for array in _arrays(images):
            digest.update(array.tobytes())
        sizes = split.info.sizes | {"train": len(train)}
        name = f"{split.info.name} + {Path(extra.strokes).stem}"
        info = split.info.model_copy(
            update={"name": name, "sha256": digest.hexdigest(), "sizes": sizes}
        )
        split = replace(split, info=info, train=train)
    return split


def load_drawings(strokes: str, progress: Progress | None = None) -> list[Drawing]:
    """Labelled drawings: `pendigits`, fetched if need be, or those of a strokes file. Raises
    DataError.
    """
    if strokes == "pendigits" and not Path(strokes).exists():
        return load_pendigits(progress)
    drawings = read_strokes(Path(strokes))
    for number, drawing in enumerate(drawings, 1):
        if drawing.label is None:
            raise DataError(
                f"{strokes}: drawing number {number} has no label; add one, or take it out"
            )
    return drawings


def frame_drawings(drawings: Sequence[Drawing], copies: int = 1) -> Images:
    """`copies` images of each labelled drawing: one as it is, the others by other hands, the same
    for every seed.

    Each copy has a Generator of its own, so that another way to vary one changes nothing about
    another.
    """
    pixels = [frame_strokes(drawing.strokes, PLAIN_PEN) for drawing in drawings]
    hands = generator(0, Purpose.drawings)
    for _ in range(copies - 1):
        for drawing, hand in zip(drawings, hands.spawn(len(drawings)), strict=True):
            pixels.append(frame_strokes(varied(drawing.strokes, hand), hand.uniform(*PENS)))
    labels = np.array([drawing.label for drawing in drawings] * copies, np.uint8)
    return Images(np.stack(pixels), labels)


def varied(strokes: Sequence[Stroke], random: np.random.Generator) -> list[Stroke]:
    """The strokes (n, 2) as another hand might draw them: turned, slanted, stretched, waved, and
    apart a little.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = max(float((high - low).max()), 1e-9)
    angle = random.uniform(-TURN, TURN)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slant = np.array(
        [[np.exp(random.uniform(-STRETCH, STRETCH)), random.uniform(-SLANT, SLANT)], [0, 1]]
    )
    wave = _Waves(random)
    loose = LOOSE if len(strokes) > 1 else 0.0
    return [
        (unit + wave(unit) + random.normal(0, loose, 2)) @ (turn @ slant).T
        for unit in ((stroke - (low + high) / 2) / size for stroke in strokes)
    ]


class _Waves:
    """A smooth displacement of the plane: each axis moved by a wave along the other and one along
    itself.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.height = random.uniform(0, WAVE, (2, 2))
        self.rate = random.uniform(0.5, 1.6, (2, 2))
        self.phase = random.uniform(0, 2 * np.pi, (2, 2))

    def __call__(self, points: Stroke) -> Stroke:
        along = np.stack([points[:, ::-1], points], axis=1)  # (n, 2, 2)
        return np.asarray(
            (self.height * np.sin(2 * np.pi * self.rate * along + self.phase)).sum(axis=1)
        )


def _arrays(images: Images) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    return images.pixels, images.labels
