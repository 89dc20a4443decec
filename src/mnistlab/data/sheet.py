"""A contact sheet: what the images of each class look like."""

import io

import numpy as np

from mnistlab.images import SIDE, Bytes, Images

COLUMNS = 20
MAX_ROWS = 25
GAP = 2  # pixels


def contact_sheet(images: Images) -> bytes:
    """Return a PNG with a row for each class: its first images, grey ones dark on white.

    Twenty images of each of up to 25 classes; more classes stand in up to four blocks side by
    side, and share the twenty.
    """
    from PIL import Image

    blocks, step = -(-len(images.classes) // MAX_ROWS), SIDE + GAP
    rows, columns = -(-len(images.classes) // blocks), COLUMNS // blocks
    width = blocks * (columns * step + GAP) + (blocks - 1) * SIDE
    sheet = np.full((rows * step + GAP, width, *images.pixels.shape[3:]), 255, np.uint8)
    for label in range(len(images.classes)):
        block, row = divmod(label, rows)
        top, begin = GAP + row * step, GAP + block * (columns * step + GAP + SIDE)
        for column, index in enumerate(np.flatnonzero(images.labels == label)[:columns]):
            left = begin + column * step
            sheet[top : top + SIDE, left : left + SIDE] = as_shown(images.pixels[index])
    buffer = io.BytesIO()
    Image.fromarray(sheet.repeat(2, axis=0).repeat(2, axis=1)).save(buffer, "PNG")
    return buffer.getvalue()


def as_shown(picture: Bytes) -> Bytes:
    """A picture as people see it: ink of a grey one dark on white, an RGB one as it is."""
    return 255 - picture if picture.ndim == 2 else picture
