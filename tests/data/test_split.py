from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.images import DataSet, Images
from mnistlab.data.split import PARTS, open_split, share_split, split
from mnistlab.errors import DataError, StoreError
from tests.conftest import random_images


def test_parts_are_disjoint_complete_and_stratified(tiny: DataSet) -> None:
    parts = split(tiny, 60)
    assert parts.info.sizes == {"train": 240, "validation": 60, "test": 60}
    assert np.bincount(parts.validation.labels).tolist() == [6] * 10
    together = np.concatenate([parts.train.pixels, parts.validation.pixels])
    assert {image.tobytes() for image in together} == {image.tobytes() for image in tiny.train.pixels}
    assert parts.test is tiny.test


def test_uneven_classes_get_their_share_to_within_one() -> None:
    labels = np.repeat(np.arange(10, dtype=np.uint8), [5, 7, 11, 13, 17, 19, 23, 29, 31, 37])
    data = DataSet("uneven", Images(np.zeros((len(labels), 28, 28), np.uint8), labels), random_images(10))
    parts = split(data, 50)
    assert len(parts.validation) == 50
    assert np.all(np.abs(np.bincount(parts.validation.labels) - np.bincount(labels) * 50 / len(labels)) < 1)


def test_the_embedded_digits_are_split_as_documented(digits: DataSet) -> None:
    # 20 % of 1,797 to test on; a sixth of the remaining 1,438 to validate on
    assert split(digits).info.sizes == {"train": 1199, "validation": 239, "test": 359}


def test_the_split_is_the_same_every_time(tiny: DataSet) -> None:
    first, second = split(tiny, 60), split(tiny, 60)
    np.testing.assert_array_equal(first.validation.pixels, second.validation.pixels)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(DataError, match="5 training images are too few to split; give at least 6"):
        split(DataSet("few", random_images(5), random_images(5)))


def test_a_shared_split_comes_back_and_is_written_once(tiny: DataSet, tmp_path: Path) -> None:
    parts = split(tiny, 60)
    folder = share_split(parts, tmp_path)
    before = (folder / "info.json").stat().st_mtime_ns
    assert share_split(parts, tmp_path) == folder
    assert (folder / "info.json").stat().st_mtime_ns == before
    opened = open_split(folder)
    assert opened.info == parts.info
    for part in PARTS:
        np.testing.assert_array_equal(getattr(opened, part).pixels, getattr(parts, part).pixels)
        np.testing.assert_array_equal(getattr(opened, part).labels, getattr(parts, part).labels)
    assert share_split(split(tiny, 50), tmp_path) != folder


def test_a_cache_that_cannot_be_written_is_named(tiny: DataSet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written .* set MNISTLAB_CACHE to a folder that can"):
        share_split(split(tiny, 60), tmp_path / "file")
