import io

import numpy as np
from PIL import Image

from mnistlab.data.sheet import COLUMNS, contact_sheet
from mnistlab.images import DataSet


def test_a_row_for_each_class_its_first_images_in_it(mini: DataSet) -> None:
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(mini.train))))
    assert sheet.shape == (2 * (10 * 30 + 2), 2 * (COLUMNS * 30 + 2))
    first_seven = mini.train.pixels[np.flatnonzero(mini.train.labels == 7)[0]]
    corner = sheet[2 * (2 + 7 * 30) : 2 * (30 + 7 * 30) : 2, 4:60:2]
    np.testing.assert_array_equal(corner, 255 - first_seven)
