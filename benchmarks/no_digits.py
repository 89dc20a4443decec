"""Drawings of no digit, made by rules of their own: letters, scribbles, two digits at once.

None of these rules is used in training. Letters that many people could read as a digit (B, D, I, l,
O, S, Z …) are left out.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mnistlab.data.strokes import Drawing

Strokes = list[npt.NDArray[np.float64]]

# corners on a grid of 5 by 7, x right and y down, strokes parted by |
LETTERS = {
    "A": "0,6 2,0 4,6|1,4 3,4",
    "E": "4,0 0,0 0,6 4,6|0,3 3,3",
    "F": "4,0 0,0 0,6|0,3 3,3",
    "G": "4,1 3,0 1,0 0,1.5 0,4.5 1,6 3,6 4,5 4,3.3 2.3,3.3",
    "H": "0,0 0,6|4,0 4,6|0,3 4,3",
    "J": "4,0 4,5 3,6 1,6 0,5",
    "K": "0,0 0,6|4,0 0,3 4,6",
    "M": "0,6 0,0 2,3 4,0 4,6",
    "N": "0,6 0,0 4,6 4,0",
    "P": "0,6 0,0 2.5,0 4,1 4,2 2.5,3 0,3",
    "R": "0,6 0,0 2.5,0 4,1 4,2 2.5,3 0,3|2,3 4,6",
    "T": "0,0 4,0|2,0 2,6",
    "W": "0,0 1,6 2,2 3,6 4,0",
    "X": "0,0 4,6|4,0 0,6",
    "Y": "0,0 2,3 4,0|2,3 2,6",
    "a": "4,2.5 3,2 1,2 0,3 0,5 1,6 3,6 4,5 4,2 4,6",
    "e": "0,4 4,4 4,3 3,2 1,2 0,3 0,5 1,6 4,6",
    "f": "4,1 3,0 2,1 2,6|0.5,3 3.5,3",
    "h": "0,0 0,6|0,4 1,3 3,3 4,4 4,6",
    "k": "0,0 0,6|3,2 0,4.3 3,6",
    "m": "0,3 0,6|0,4 1,3 2,4 2,6|2,4 3,3 4,4 4,6",
    "n": "0,2 0,6|0,3.5 1,2 3,2 4,3.5 4,6",
    "r": "0,2 0,6|0,4 1,2.5 3,2",
    "t": "2,0 2,5 3,6 4,5.5|0.5,2 3.5,2",
    "w": "0,2 1,6 2,3 3,6 4,2",
    "Δ": "2,0 0,6 4,6 2,0",
    "Σ": "4,0 0,0 2,3 0,6 4,6",
    "Ψ": "0,0 0,2 1,3.5 3,3.5 4,2 4,0|2,0 2,6",
    "@": "3,3 2,2 1,3 2,4 3,3 3,4 4,4 4,2 2,0 0,2 0,4 2,6 4,6",
    "#": "1,0 1,6|3,0 3,6|0,2 4,2|0,4 4,4",
    "*": "2,0 2,6|0,1 4,5|4,1 0,5",
}


def letters(random: np.random.Generator, each: int) -> list[Strokes]:
    """Every letter `each` times, each time slanted anew, its corners moved a little and rounded."""
    return [_letter(random, shape) for shape in LETTERS.values() for _ in range(each)]


def _letter(random: np.random.Generator, shape: str) -> Strokes:
    slant = np.eye(2) + random.normal(0, 0.1, (2, 2))
    strokes = []
    for stroke in shape.split("|"):
        corners = np.array(
            [[float(value) for value in corner.split(",")] for corner in stroke.split()]
        )
        strokes.append(_rounded(corners + random.normal(0, 0.18, corners.shape)) @ slant.T)
    return strokes


def _rounded(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    at = np.linspace(0, len(corners) - 1, 8 * len(corners))
    window = np.hanning(7)[1:-1] / np.hanning(7).sum()
    axes = [
        np.pad(np.interp(at, np.arange(len(corners)), corners[:, axis]), 2, "edge")
        for axis in (0, 1)
    ]
    return np.stack([np.convolve(axis, window, "valid") for axis in axes], axis=1)


def scribbles(random: np.random.Generator, count: int) -> list[Strokes]:
    """A third each: tangles of seven waves, zigzags, spirals of several turns."""
    makers = (_tangle, _zigzag, _spiral)
    return [[makers[number % 3](random)] for number in range(count)]


def _tangle(random: np.random.Generator) -> npt.NDArray[np.float64]:
    rate = np.arange(1, 8)
    angle = 2 * np.pi * np.linspace(0, 1, 200)[:, None] * rate
    heights = random.normal(0, 1 / np.sqrt(rate), (4, 7))
    axes = [np.sin(angle) @ heights[i] + np.cos(angle) @ heights[i + 1] for i in (0, 2)]
    return np.stack(axes, axis=1)


def _zigzag(random: np.random.Generator) -> npt.NDArray[np.float64]:
    turns = int(random.integers(10, 20))
    height = turns / 2 * random.uniform(0.3, 0.8)
    corners = np.stack([np.arange(turns) / 2, np.tile([0, 1], turns)[:turns] * height], axis=1)
    return np.asarray(corners + random.normal(0, 0.15, corners.shape))


def _spiral(random: np.random.Generator) -> npt.NDArray[np.float64]:
    radius = np.linspace(0, 1, 200)
    angle = 2 * np.pi * random.uniform(2.5, 5) * radius
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def pairs(random: np.random.Generator, drawings: Sequence[Drawing], count: int) -> list[Strokes]:
    """Two drawings side by side, brought to the same height, a gap between them."""
    return [
        _pair(random, *(drawings[i] for i in random.choice(len(drawings), 2, replace=False)))
        for _ in range(count)
    ]


def _pair(random: np.random.Generator, left: Drawing, right: Drawing) -> Strokes:
    first, second = _to_one_height(left), _to_one_height(right)
    width = max(float(stroke[:, 0].max()) for stroke in first)
    aside = np.array([width + random.uniform(0.12, 0.4), random.normal(0, 0.05)])
    return [*first, *(stroke + aside for stroke in second)]


def _to_one_height(drawing: Drawing) -> Strokes:
    points = np.concatenate(drawing.strokes)
    width, height = points.max(axis=0) - points.min(axis=0)
    return [
        (stroke - points.min(axis=0)) / max(height, 0.6 * width, 1e-9) for stroke in drawing.strokes
    ]
