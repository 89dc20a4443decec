"""Ink: where the pen was in a photograph, scan or drawing, as shares in [0, 1].

Dark on light or light on dark is decided by which of the two is rarer; light that falls unevenly is
a smooth surface fitted to the paper and taken away; the ink's threshold is Otsu's (IEEE Trans. SMC
9(1), 1979).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mnistlab.errors import DataError

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # EPS would start Ghostscript
MAX_PIXELS = 40_000_000  # of a file
MAX_DECODED = 16_000_000  # pixels; WebP's decoder takes 16 bytes for each. JPEG is shrunk before
WORK_SIDE = 400  # pixels along the longest side of what is worked on
FIT_SIDE = 100  # the same, of what the paper's surface, which is smooth, is fitted to
FAINTEST = 14.0  # contrast of ink and paper, of 256 grey levels, below which a page is blank
SPECK = 0.03  # ink in one piece is dust when it is a smaller share of the largest piece

Floats = npt.NDArray[np.float64]


def read_image(path: Path) -> Floats:
    """Return an image file's grey levels ``(h, w)`` in 0–255, its longest side at most 400 pixels.

    The first picture of an animation counts. Raises DataError for a file that is no image, is
    damaged, or has too many pixels, before any is decoded.
    """
    with errors_named(path), Image.open(path, formats=FORMATS) as image:
        _check_size(path, image, MAX_PIXELS)
        image.draft("L", (WORK_SIDE, WORK_SIDE))
        _check_size(path, image, MAX_DECODED)
        ImageOps.exif_transpose(image, in_place=True)
        return _grey_levels(image)


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Raise whatever reading an image file raises as a DataError that names it; warn of nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file: check the path") from None
    except UnidentifiedImageError:
        known = "PNG, JPEG, GIF, BMP, TIFF, WebP or PPM"
        raise DataError(f"{path}: not an image: expected {known}") from None
    except Image.DecompressionBombError:
        raise DataError(f"{path}: more than {MAX_PIXELS:,} pixels: shrink the image") from None
    except Exception as error:  # a damaged file makes decoders raise almost anything
        reason = f"the image cannot be read ({str(error)[:80]})"
        raise DataError(f"{path}: {reason}: save it again as PNG") from None


def _check_size(path: Path, image: Image.Image, most: int) -> None:
    if image.width * image.height > most:
        size = f"{image.width}×{image.height} pixels"
        raise DataError(f"{path}: {size}, at most {most:,}: shrink the image")


def _grey_levels(image: Image.Image) -> Floats:
    """Grey levels in 0–255; shrunk before anything else, so that no large copy is made."""
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.nan_to_num(_shrunk(image, "F"))
        top = 65535.0 if levels.max() > 255 else 255.0
        return np.asarray(np.clip(levels * (255.0 / max(top, levels.max())), 0, 255))
    if image.has_transparency_data:
        return _on_paper(_shrunk(image, "RGBA"))
    return _shrunk(image, "L")


def _shrunk(image: Image.Image, mode: str) -> Floats:
    """An image's values in a mode, ``(h, w)`` or ``(h, w, 4)``, area by area."""
    image = image.convert(mode)
    image.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float64)


def _on_paper(colours: Floats) -> Floats:
    """Lay a transparent image ``(h, w, 4)`` on white, or on black when what is opaque is light."""
    grey, alpha = colours[..., :3] @ (0.299, 0.587, 0.114), colours[..., 3] / 255
    light = alpha.any() and (grey * alpha).sum() / alpha.sum() > 127
    paper = 0.0 if light and alpha.min() < 1 else 255.0
    return np.asarray(grey * alpha + paper * (1 - alpha))


def find_ink(grey: npt.NDArray[np.floating]) -> Floats:
    """Return ``(h, w)`` in [0, 1]: the ink of grey levels ``(h, w)`` in 0–255; none if blank."""
    from scipy.ndimage import label

    contrast = _minus_paper(grey.astype(np.float64))
    threshold = _otsu(contrast)
    marked = contrast > threshold
    if not marked.any():
        return np.zeros(grey.shape)
    level = float(np.median(contrast[marked]))
    if level < FAINTEST:
        return np.zeros(grey.shape)
    ink = np.clip(contrast / level, 0.0, 1.0)
    pieces, _ = label(ink > 0.25, structure=np.ones((3, 3)))
    areas = np.bincount(pieces.ravel(), weights=marked.ravel().astype(np.float64))
    areas[0] = 0
    kept: Floats = np.where((areas >= SPECK * areas.max())[pieces], ink, 0.0)
    return kept


def _minus_paper(grey: Floats) -> Floats:
    """Return how much each pixel stands out from the paper, positive where the ink is.

    The paper is the quadratic surface that fits what, fit after fit, stands out least from it.
    """
    step = max(1, max(grey.shape) // FIT_SIDE)
    surface, some = _surface(*grey.shape), grey[::step, ::step]
    known = surface[::step, ::step]
    paper = np.full(some.shape, np.median(some))
    for _ in range(6):
        away = np.abs(some - paper)
        near = away <= max(2.0, 2.0 * float(np.median(away)))
        terms, levels = known[near], some[near]
        weights = np.linalg.lstsq(terms.T @ terms, terms.T @ levels, rcond=None)[0]
        paper = known @ weights
    contrast = grey - surface @ weights
    return contrast if (contrast**3).sum() > 0 else -contrast


def _surface(height: int, width: int) -> Floats:
    """The terms of a quadratic surface at every pixel, (height, width, 6)."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)


def _otsu(contrast: Floats) -> float:
    """Return the threshold above 0 that leaves the largest variance between both sides of it."""
    top = float(contrast.max())
    if top <= 0:
        return 0.0
    counts, edges = np.histogram(np.clip(contrast, 0, top), bins=128, range=(0, top))
    middles = (edges[:-1] + edges[1:]) / 2
    below, mass = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    gap = mass / np.maximum(below, 1) - (mass[-1] - mass) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax(below * above * gap**2))])
