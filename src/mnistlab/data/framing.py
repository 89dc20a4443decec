"""Framing: strokes or an image → the 28×28 picture a network was trained on.

MNIST's digits were scaled to fit a 20×20 box and then moved so that their centre of mass is the
picture's centre (LeCun, Cortes and Burges, "The MNIST database of handwritten digits"). Strokes are
drawn with a pen whose width is a share of that box, so size, place, sampling and the screen's
pixels leave no trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistlab.images import SIDE

BOX = 20.0  # pixels along the box that a digit is scaled to fit, ink included
PEN = 3.0  # pixels; most of MNIST's pens are 2 to 4 wide
THINNEST, THICKEST = 2.0, 4.0  # pixels, between which an image's own pen is kept
SMALLEST = 1e-12  # a drawing of no more extent, in its own units, is a dot; the rest is rounding
TAP = 0.06  # a stroke of a smaller share of the drawing's extent is a tap of the pen: left out
STEP = 0.6  # pixels along a path between the points it is drawn through
MAX_STEPS = 5_000  # in a drawing; a digit has some two hundred
CHUNK = 256  # segments measured at a time, so that a drawing of any length takes little memory

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Framing:
    """A picture, and where in it a point of the strokes lies: point · scale + offset."""

    picture: Picture  # (28, 28), ink 255 on 0
    scale: float
    offset: Floats  # (2,), x and y in pixels


def frame_strokes(strokes: Sequence[npt.ArrayLike], pen: float = PEN) -> Picture:
    """Return the picture of strokes, ``(n, 2)`` points in any units, y down; `pen` in its pixels.

    A blank canvas gives zeros, a drawing without extent a dot of the pen's width in the centre.
    """
    return framing_of(strokes, pen).picture


def framing_of(strokes: Sequence[npt.ArrayLike], pen: float = PEN) -> Framing:
    """Return `frame_strokes`' picture together with how the strokes were brought there."""
    paths = [np.asarray(stroke, dtype=np.float64).reshape(-1, 2) for stroke in strokes]
    paths = [path for path in paths if len(path)]
    if not paths:
        return Framing(np.zeros((SIDE, SIDE), dtype=np.uint8), 1.0, np.zeros(2))
    everything = _extent(np.concatenate(paths))
    paths = [path for path in paths if _extent(path) > TAP * everything] or paths
    points = np.concatenate(paths)
    low, high, extent = points.min(axis=0), points.max(axis=0), _extent(points)
    scale = (BOX - pen) / extent if extent > SMALLEST else 1.0
    middle, half = (low + high) / 2, SIDE / 2
    segments = _segments([(path - middle) * scale + half for path in paths])
    shift = half - _centre_of_mass(_rasterise(segments, pen))
    picture = _to_picture(_rasterise(segments + np.tile(shift, 2), pen))
    return Framing(picture, scale, half + shift - middle * scale)


def _extent(points: Floats) -> float:
    """The longer side of the box around points (n, 2)."""
    return float(np.ptp(points, axis=0).max())


def _segments(paths: Sequence[Floats]) -> Floats:
    """Return the straight pieces of paths, ``(n, 4)`` as ``x0, y0, x1, y1``: short even ones, or,
    where the pen has gone so far that these would be too many, those that were drawn.
    """
    if len(paths) + sum(_travelled(path)[-1] for path in paths) / STEP <= MAX_STEPS:
        paths = [_even(path) for path in paths]
    ends = [path[1:] if len(path) > 1 else path for path in paths]  # a dot has no length
    starts = [path[: len(end)] for path, end in zip(paths, ends, strict=True)]
    return np.hstack([np.concatenate(starts), np.concatenate(ends)])


def _travelled(path: Floats) -> Floats:
    """How far the pen has gone at each point of a path ``(n, 2)``."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])


def _even(path: Floats) -> Floats:
    """Return a path's points ``(n, 2)`` once more, evenly spaced, at most `STEP` pixels apart."""
    travelled = _travelled(path)
    count = int(np.ceil(travelled[-1] / STEP))
    at = np.linspace(0.0, travelled[-1], count + 1)
    return np.stack([np.interp(at, travelled, path[:, axis]) for axis in (0, 1)], axis=1)


def _rasterise(segments: Floats, pen: float) -> npt.NDArray[np.float32]:
    """Return ``(28, 28)`` in [0, 1]: how far each pixel's centre lies inside the pen's track."""
    starts = range(0, len(segments), CHUNK)
    nearest = np.minimum.reduce([_squared_distance(segments[at : at + CHUNK]) for at in starts])
    return np.asarray(np.clip(np.float32(pen / 2 + 0.5) - np.sqrt(nearest), 0.0, 1.0))


def _squared_distance(segments: Floats) -> npt.NDArray[np.float32]:
    """Return ``(28, 28)``: from each pixel's centre to the nearest segment, squared."""
    x0, y0, x1, y1 = segments.astype(np.float32).T
    dx, dy = x1 - x0, y1 - y0
    grid = np.arange(SIDE, dtype=np.float32)[:, None] + np.float32(0.5)
    px, py = grid - x0, grid - y0
    squared = np.maximum(dx * dx + dy * dy, np.float32(1e-12))
    along = np.clip((py * (dy / squared))[:, None] + (px * (dx / squared))[None], 0.0, 1.0)
    away = np.square(px[None] - along * dx)
    away += np.square(py[:, None] - along * dy)
    return np.asarray(away.min(axis=2))


def frame_ink(ink: npt.NDArray[np.floating]) -> Picture:
    """Return the picture of ink ``(h, w)`` in [0, 1]; no ink gives zeros.

    A pen far thinner or thicker than MNIST's, relative to the digit, is brought nearer to them.
    """
    if not ink.any():
        return np.zeros((SIDE, SIDE), dtype=np.uint8)
    ink = _with_usual_pen(_trimmed(ink))
    scale = BOX / max(ink.shape)
    x, y = SIDE / 2 - _centre_of_mass(ink) * scale
    rows, columns = _area_weights(ink.shape[0], scale, y), _area_weights(ink.shape[1], scale, x)
    return _to_picture(rows @ ink @ columns.T)


def _with_usual_pen(ink: Floats) -> Floats:
    """Return ink ``(h, w)`` grown or shrunk to a usual pen where its own is far from that."""
    from scipy.ndimage import distance_transform_edt

    finer = max(1, round(120 / max(ink.shape)))
    inside = np.kron(np.pad(ink, 1), np.ones((finer, finer))) >= 0.5
    width, extent = 4 * float(distance_transform_edt(inside)[inside].mean()), finer * max(ink.shape)
    if THINNEST <= width * BOX / extent <= THICKEST:
        return ink
    wanted = PEN if width * BOX / extent < THINNEST else THICKEST
    grow = (wanted * extent - BOX * width) / (2 * (BOX - wanted))
    room = max(0, int(np.ceil(grow)))
    inside = np.pad(inside, room)
    distance = distance_transform_edt(~inside) - distance_transform_edt(inside)
    changed = np.clip(grow + 0.5 - distance, 0.0, 1.0)
    return _trimmed(changed) if changed.any() else ink


def _area_weights(count: int, scale: float, offset: float) -> Floats:
    """Return ``(28, count)``: how much of each of our pixels each of `count` pixels covers, once
    scaled and moved.
    """
    edges = np.arange(count + 1) * scale + offset
    pixels = np.arange(SIDE)[:, None]
    shared = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return np.asarray(np.clip(shared, 0.0, None))


def _trimmed(ink: npt.NDArray[np.floating]) -> Floats:
    rows, columns = np.flatnonzero(ink.max(axis=1)), np.flatnonzero(ink.max(axis=0))
    return np.asarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], dtype=np.float64)


def _centre_of_mass(ink: npt.NDArray[np.floating]) -> Floats:
    """Return ``(x, y)`` in pixels, a pixel's centre lying at its index + 0.5; `ink` holds some."""
    total = ink.sum(dtype=np.float64)
    x = ink.sum(axis=0, dtype=np.float64) @ (np.arange(ink.shape[1]) + 0.5)
    y = ink.sum(axis=1, dtype=np.float64) @ (np.arange(ink.shape[0]) + 0.5)
    return np.array([x / total, y / total])


def _to_picture(coverage: npt.NDArray[np.floating]) -> Picture:
    return np.asarray(np.rint(np.clip(coverage, 0.0, 1.0) * 255), dtype=np.uint8)
