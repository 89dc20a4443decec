"""Ink: where the pen was in a photograph, scan or drawing, as shares in [0, 1].

Dark on light or light on dark is decided by which of the two is rarer; light that falls unevenly is
a smooth surface fitted to the paper and taken away; the ink's threshold is Otsu's (IEEE Trans. SMC
9(1), 1979).
"""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mnistlab.errors import DataError

MAX_PIXELS = 40_000_000
WORK_SIDE = 400
"""Pixels along the longest side after an image was read; larger ones are shrunk, area by area."""
FAINTEST = 14.0
"""Contrast of ink and paper, in grey levels of 256, below which a page counts as blank."""
FIT_SIDE = 100
"""Pixels along the longest side that the paper's surface is fitted to; it is smooth."""
SPECK = 0.03
"""Ink in one piece is dust when its area is below this share of the largest piece's."""

Floats = npt.NDArray[np.float64]


def read_image(path: Path) -> Floats:
    """Return an image file's grey levels ``(h, w)`` in 0–255, its longest side at most 400 pixels.

    The first picture of an animation counts. Raises DataError for a file that is no image, is
    damaged, or holds more than 40 million pixels, which is refused before any is decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(
                        f"{path}: {image.width}×{image.height} pixels, at most {MAX_PIXELS:,}: "
                        f"shrink the image"
                    )
                image.draft("L", (WORK_SIDE, WORK_SIDE))
                image.load()
                return _grey_levels(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file: check the path") from None
    except UnidentifiedImageError:
        raise DataError(
            f"{path}: not an image: expected PNG, JPEG, GIF, BMP, TIFF or WebP"
        ) from None
    except Image.DecompressionBombError:
        raise DataError(f"{path}: more than {MAX_PIXELS:,} pixels: shrink the image") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DataError(
            f"{path}: the image cannot be read ({str(error)[:80]}): save it again as PNG"
        ) from None


def _grey_levels(image: Image.Image) -> Floats:
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.nan_to_num(np.asarray(image, dtype=np.float64))
        top = 65535.0 if levels.max() > 255 else 255.0
        image = Image.fromarray(
            np.clip(levels * (255.0 / max(top, levels.max())), 0, 255).astype(np.uint8)
        )
    elif image.has_transparency_data:
        image = _on_paper(image.convert("RGBA"))
    image = image.convert("RGB").convert("L")
    image.thumbnail((WORK_SIDE, WORK_SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float64)


def _on_paper(image: Image.Image) -> Image.Image:
    """Lay a transparent image on white, or on black when what is opaque is light."""
    alpha = np.asarray(image.getchannel("A"), dtype=np.float64)
    grey = np.asarray(image.convert("RGB").convert("L"), dtype=np.float64)
    light = alpha.sum() > 0 and (grey * alpha).sum() / alpha.sum() > 127
    paper = Image.new("RGBA", image.size, "black" if light and alpha.min() < 255 else "white")
    return Image.alpha_composite(paper, image)


def find_ink(grey: npt.NDArray[np.floating]) -> Floats:
    """Return the ink of grey levels ``(h, w)`` in 0–255 as ``(h, w)`` in [0, 1]; zeros where the
    page is blank.
    """
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

    The paper is the quadratic surface that fits best once what stands out from it, fit after fit,
    is left out.
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
    """Return the threshold above 0 that best parts the values in two (largest variance between the
    classes).
    """
    top = float(contrast.max())
    if top <= 0:
        return 0.0
    counts, edges = np.histogram(np.clip(contrast, 0, top), bins=128, range=(0, top))
    middles = (edges[:-1] + edges[1:]) / 2
    below, mass = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    gap = mass / np.maximum(below, 1) - (mass[-1] - mass) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax(below * above * gap**2))])
