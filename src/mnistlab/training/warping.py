"""Warping: pictures sampled at other places, bent, and their lines made thicker or thinner.

The loops over pixels are in `engine.c`; this is how Python calls them.
"""

import ctypes
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.images import SIDE, Bytes
from mnistlab.training.native.library import load

POINTS = 5  # an elastic deformation is given at POINTS×POINTS places and interpolated between them


def warp(
    pixels: Bytes,
    maps: npt.ArrayLike,
    displacements: npt.ArrayLike | None = None,
    thickness: npt.ArrayLike | None = None,
) -> Bytes:
    """Return pictures (n, 28, 28) varied in three ways and rounded once; outside them is zero.

    Of pictures (n, 28, 28, 3) the three channels are varied alike.

    `maps` (n, 2, 3), rows x and y: the affine map from a place in the new picture to the place in
    the old one that it shows, in pixels about the centre; bilinear interpolation. `displacements`
    (n, 2, 5, 5), x and y in pixels, are added to that place, interpolated bicubically. `thickness`
    (n,), −1 to 1, blends each pixel with the lightest of its 3×3 neighbours, or, where negative,
    with the darkest.
    """
    if pixels.ndim == 4:
        channels = np.moveaxis(pixels, 3, 0)
        return np.stack([warp(each, maps, displacements, thickness) for each in channels], 3)
    count = len(pixels)
    varied = np.empty((count, SIDE, SIDE), np.uint8)
    # C is given addresses alone: each array keeps a name until the call is over
    pixels = np.ascontiguousarray(pixels, np.uint8).reshape(varied.shape)
    maps = _floats(maps, count, 2, 3)
    amounts = _floats(np.zeros(count) if thickness is None else thickness, count)
    bends = None if displacements is None else _floats(displacements, count, 2, POINTS, POINTS)
    arrays = (maps, bends, spline(), amounts)
    _function()(_address(pixels), _address(varied), count, *map(_address, arrays))
    return varied


@cache
def spline() -> npt.NDArray[np.float32]:
    """Return weights (5, 28) of 5 points for 28 pixels, the outermost points at outermost pixels.

    Cubic convolution with a = −0.75 (Keys, "Cubic convolution interpolation for digital image
    processing", 1981), the outermost points repeated: torch's bicubic with aligned corners.
    """
    points = np.arange(-1, POINTS + 1)[:, None]  # one more on each side
    away = np.abs(np.linspace(0, POINTS - 1, SIDE) - points)
    near = (1.25 * away - 2.25) * away**2 + 1
    far = ((-0.75 * away + 3.75) * away - 6) * away + 3
    weights = np.where(away <= 1, near, np.where(away < 2, far, 0))
    weights[1] += weights[0]
    weights[-2] += weights[-1]
    return _floats(weights[1:-1], POINTS, SIDE)


def _floats(values: npt.ArrayLike, *shape: int) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32).reshape(shape)


def _address(array: npt.NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


@cache
def _function() -> Any:
    function = load().engine_warp
    pointer = ctypes.c_void_p
    function.argtypes = [pointer, pointer, ctypes.c_int64, pointer, pointer, pointer, pointer]
    function.restype = None
    return function
