"""A contact sheet: what the images of each class look like."""

import io

import numpy as np

from mnistlab.images import CLASSES, SIDE, Images

COLUMNS = 20
GAP = 2  # pixels


def contact_sheet(images: Images) -> bytes:
    """Return a PNG with a row for each class: its first twenty images, dark on white."""
    from PIL import Image

    step = SIDE + GAP
    sheet = np.full((CLASSES * step + GAP, COLUMNS * step + GAP), 255, np.uint8)
    for label in range(CLASSES):
        for column, index in enumerate(np.flatnonzero(images.labels == label)[:COLUMNS]):
            top, left = GAP + label * step, GAP + column * step
            sheet[top : top + SIDE, left : left + SIDE] = 255 - images.pixels[index]
    buffer = io.BytesIO()
    Image.fromarray(sheet.repeat(2, axis=0).repeat(2, axis=1)).save(buffer, "PNG")
    return buffer.getvalue()
