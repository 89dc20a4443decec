import io

import numpy as np
from PIL import Image

from mnistlab.data.sheet import COLUMNS, contact_sheet
from mnistlab.images import DataSet, Images


def test_a_row_for_each_class_its_first_images_in_it(mini: DataSet) -> None:
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(mini.train))))
    assert sheet.shape == (2 * (10 * 30 + 2), 2 * (COLUMNS * 30 + 2))
    first_seven = mini.train.pixels[np.flatnonzero(mini.train.labels == 7)[0]]
    corner = sheet[2 * (2 + 7 * 30) : 2 * (30 + 7 * 30) : 2, 4:60:2]
    np.testing.assert_array_equal(corner, 255 - first_seven)


def test_many_classes_stand_in_blocks_and_rgb_images_keep_their_colours() -> None:
    labels = (np.arange(470) % 47).astype(np.uint8)
    pixels = np.random.default_rng(0).integers(0, 256, (470, 28, 28, 3), dtype=np.uint8)
    images = Images(pixels, labels, tuple(f"class {number}" for number in range(47)))
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(images))))
    # two blocks of 24 and 23 rows of ten images, as wide apart as an image
    assert sheet.shape == (2 * (24 * 30 + 2), 2 * (2 * 302 + 28), 3)
    for label, top, left in ((23, 2 + 23 * 30, 2), (24, 2, 332), (46, 2 + 22 * 30, 332)):
        for number in (0, 9):
            begin = 2 * (left + number * 30)
            found = sheet[2 * top : 2 * top + 56 : 2, begin : begin + 56 : 2]
            np.testing.assert_array_equal(found, pixels[label + 47 * number])
    assert (sheet[-60:, -560:] == 255).all()  # the last block's free row
