"""Drawings as training images: strokes by name or from a file, framed, also as others draw."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mnistlab.book.trial import Extra
from mnistlab.data.catalog import Progress
from mnistlab.data.framing import frame_strokes
from mnistlab.data.pendigits import load_pendigits
from mnistlab.data.split import Split
from mnistlab.data.strokes import Drawing, Stroke, read_strokes
from mnistlab.errors import DataError, one_line
from mnistlab.images import DIGITS, Images
from mnistlab.randomness import Purpose, generator

PLAIN_PEN = 2.5  # width of the pen of a drawing as it is, in pixels
PENS = (1.7, 3.6)  # between which a varied copy's lies
TURN = 0.15  # radians, the most that a copy is turned
SLANT, STRETCH, WAVE, LOOSE = 0.2, 0.2, 0.045, 0.02  # the same, in shares of the drawing's size


def add_drawings(split: Split, extras: Sequence[Extra], progress: Progress | None = None) -> Split:
    """The split with a book's extra drawings among its training images. Raises DataError."""
    for extra in extras:
        if split.info.channels != 1:
            reason = f"strokes are grey, the images of {split.info.name} RGB"
            raise DataError(f"{extra.strokes}: {reason}; train without them")
        drawings = load_drawings(extra.strokes, progress)
        kept = [drawing for drawing in drawings if drawing.writer not in extra.exclude_writers]
        if not kept:
            raise DataError(f"{extra.strokes}: no drawing is left; correct exclude_writers")
        _check_labels(extra.strokes, kept, split.info.classes)
        added = frame_drawings(kept, extra.copies, split.info.classes)
        split = _with_images(split, added, Path(extra.strokes).stem)
    return split


def _check_labels(strokes: str, drawings: Sequence[Drawing], classes: Sequence[str]) -> None:
    for label in dict.fromkeys(drawing.label for drawing in drawings):
        if label not in classes:
            remedy = f"correct it, or take it out; the classes are {', '.join(classes)[:200]}"
            raise DataError(f"{strokes}: label {one_line(label)} is no class of the data: {remedy}")


def _with_images(split: Split, added: Images, name: str) -> Split:
    pixels = np.concatenate([split.train.pixels, added.pixels])
    labels = np.concatenate([split.train.labels, added.labels])
    digest = hashlib.sha256(split.info.sha256.encode())
    digest.update(added.pixels.data)
    digest.update(added.labels.data)
    name, sizes = f"{split.info.name} + {name}", split.info.sizes | {"train": len(labels)}
    update = {"name": name, "sha256": digest.hexdigest(), "sizes": sizes}
    info = split.info.model_copy(update=update)
    return replace(split, info=info, train=Images(pixels, labels, added.classes))


def load_drawings(strokes: str, progress: Progress | None = None) -> list[Drawing]:
    """`pendigits`, or the drawings of a strokes file, all with labels. Raises DataError."""
    if strokes == "pendigits" and not Path(strokes).exists():
        return load_pendigits(progress)
    drawings = read_strokes(Path(strokes))
    for number, drawing in enumerate(drawings, 1):
        if drawing.label is None:
            reason = f"drawing number {number} has no label"
            raise DataError(f"{strokes}: {reason}; add one, or take it out")
    return drawings


def frame_drawings(
    drawings: Sequence[Drawing], copies: int = 1, classes: tuple[str, ...] = DIGITS
) -> Images:
    """`copies` images of each labelled drawing, the same for every seed: one as it is, the others
    by other hands, each of which has a Generator of its own.
    """
    pixels = [frame_strokes(drawing.strokes, PLAIN_PEN) for drawing in drawings]
    hands = generator(0, Purpose.drawings)
    for _ in range(copies - 1):
        for drawing, hand in zip(drawings, hands.spawn(len(drawings)), strict=True):
            pixels.append(frame_strokes(varied(drawing.strokes, hand), hand.uniform(*PENS)))
    labels = [classes.index(drawing.label) for drawing in drawings]
    return Images(np.stack(pixels), np.array(labels * copies, np.uint8), classes)


def varied(strokes: Sequence[Stroke], random: np.random.Generator) -> list[Stroke]:
    """The strokes (n, 2) as another hand might draw them: turned, slanted, stretched, waved and
    moved apart a little.
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = max(float((high - low).max()), 1e-9)
    angle = random.uniform(-TURN, TURN)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.exp(random.uniform(-STRETCH, STRETCH))
    slant = np.array([[stretch, random.uniform(-SLANT, SLANT)], [0, 1]])
    wave = _Waves(random)
    loose = LOOSE if len(strokes) > 1 else 0.0
    units = [(stroke - (low + high) / 2) / size for stroke in strokes]
    moved = [unit + wave(unit) + random.normal(0, loose, 2) for unit in units]
    return [points @ (turn @ slant).T for points in moved]


class _Waves:
    """How a plane is waved: each axis moved by a wave along the other and one along itself."""

    def __init__(self, random: np.random.Generator) -> None:
        self.height = random.uniform(0, WAVE, (2, 2))
        self.rate = random.uniform(0.5, 1.6, (2, 2))
        self.phase = random.uniform(0, 2 * np.pi, (2, 2))

    def __call__(self, points: Stroke) -> Stroke:
        along = np.stack([points[:, ::-1], points], axis=1)  # (n, 2, 2)
        waves = self.height * np.sin(2 * np.pi * self.rate * along + self.phase)
        return np.asarray(waves.sum(axis=1))
