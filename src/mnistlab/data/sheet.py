"""A contact sheet: what the images of each class look like."""

import io

import numpy as np

from mnistlab.images import CLASSES, SIDE, Images

COLUMNS = 20
GAP = 2  # pixels


def contact_sheet(images: Images) -> bytes:
    """A PNG with a row for each class, its first twenty images in it, dark on white."""
    from PIL import Image

    step = SIDE + GAP
    sheet = np.full((CLASSES * step + GAP, COLUMNS * step + GAP), 255, np.uint8)
    for label in range(CLASSES):
        for column, index in enumerate(np.flatnonzero(images.labels == label)[:COLUMNS]):
            top, left = GAP + label * step, GAP + column * step
            sheet[top : top + SIDE, left : left + SIDE] = 255 - images.pixels[index]
    buffer = io.BytesIO()
    Image.fromarray(sheet).resize(
        (sheet.shape[1] * 2, sheet.shape[0] * 2), Image.Resampling.NEAREST
    ).save(buffer, "PNG")
    return buffer.getvalue()
