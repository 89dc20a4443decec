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

BOX = 20.0
"""Pixels along the box that a digit is scaled to fit, ink included."""
PEN = 3.0
"""Width of the pen in pixels of the picture: a little more than that of most of MNIST's digits,
which are 2 to 4.
"""
SMALLEST = 1e-12
"""Extent of a drawing, in its own units, up to which it is a dot: smaller ones are rounding."""
TAP = 0.06
"""A stroke whose extent is a smaller share of the drawing's is a tap of the pen, no part of a
digit: left out.
"""
THINNEST, THICKEST = 2.0, 4.0
"""Widths of a pen, in the same pixels, between which an image's own pen is kept."""

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Framing:
    """A picture `(28, 28) uint8`, ink 255 on 0, and where in it a point of the strokes lies: point
    · scale + offset.
    """

    picture: Picture
    scale: float
    offset: Floats  # (2,), x and y in pixels


def frame_strokes(strokes: Sequence[npt.ArrayLike], pen: float = PEN) -> Picture:
    """Return the picture of strokes given as ``(n, 2)`` points in any units, y down; `pen` in
    pixels of the picture.

    A blank canvas gives zeros; a dot, or any drawing without extent, a disc of the pen's width in
    the centre.
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
    segments = np.concatenate([_segments((path - middle) * scale + half) for path in paths])
    shift = half - _centre_of_mass(_rasterise(segments, pen))
    picture = _to_picture(_rasterise(segments + np.tile(shift, 2), pen))
    return Framing(picture, scale, half + shift - middle * scale)


def _extent(points: Floats) -> float:
    """The longer side of the box around points (n, 2)."""
    return float(np.ptp(points, axis=0).max())


def _segments(path: Floats, step: float = 0.6) -> Floats:
    """Return ``(n, 4)`` segments ``x0, y0, x1, y1`` of a path resampled evenly, at most `step`
    pixels each.
    """
    lengths = np.hypot(*np.diff(path, axis=0).T)
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    count = int(np.ceil(travelled[-1] / step))
    if count == 0:
        return np.concatenate([path[:1], path[:1]], axis=1)
    at = np.linspace(0.0, travelled[-1], count + 1)
    even = np.stack([np.interp(at, travelled, path[:, axis]) for axis in (0, 1)], axis=1)
    return np.concatenate([even[:-1], even[1:]], axis=1)


def _rasterise(segments: Floats, pen: float) -> npt.NDArray[np.float32]:
    """Return ``(28, 28)`` coverage in [0, 1]: how far each pixel's centre lies inside the pen's
    track.
    """
    x0, y0, x1, y1 = segments.astype(np.float32).T
    dx, dy = x1 - x0, y1 - y0
    grid = np.arange(SIDE, dtype=np.float32)[:, None] + np.float32(0.5)
    px, py = grid - x0, grid - y0
    squared = np.maximum(dx * dx + dy * dy, np.float32(1e-12))
    along = np.clip((py * (dy / squared))[:, None] + (px * (dx / squared))[None], 0.0, 1.0)
    away = np.square(px[None] - along * dx)
    away += np.square(py[:, None] - along * dy)
    distance = np.sqrt(away.min(axis=2))
    return np.asarray(np.clip(np.float32(pen / 2 + 0.5) - distance, 0.0, 1.0))


def frame_ink(ink: npt.NDArray[np.floating]) -> Picture:
    """Return ``(28, 28) uint8`` of ink ``(h, w)`` in [0, 1]; no ink gives zeros.

    A pen far thinner or thicker than MNIST's, relative to the digit, is brought to `PEN`; others
    are left as they are.
    """
    if not ink.any():
        return np.zeros((SIDE, SIDE), dtype=np.uint8)
    ink = _with_usual_pen(_trimmed(ink))
    scale = BOX / max(ink.shape)
    x, y = SIDE / 2 - _centre_of_mass(ink) * scale
    return _to_picture(
        _area_weights(ink.shape[0], scale, y) @ ink @ _area_weights(ink.shape[1], scale, x).T
    )


def _with_usual_pen(ink: Floats) -> Floats:
    """Return ink ``(h, w)`` grown or shrunk, with room around it, to the usual pen where its own is
    far from that.
    """
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
    """Return ``(28, count)``: the share of each output pixel that each input pixel covers, once
    scaled and moved.
    """
    edges = np.arange(count + 1) * scale + offset
    pixels = np.arange(SIDE)[:, None]
    return np.asarray(
        np.clip(np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels), 0.0, None)
    )


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
