"""A split in the cache: written once, found again, and what cannot be written is named."""

from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.split import PARTS, split
from mnistlab.errors import StoreError
from mnistlab.images import DataSet
from mnistlab.training.sharing import open_split, share_split


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
    with pytest.raises(
        StoreError, match=r"cannot be written .* set MNISTLAB_CACHE to a folder that can"
    ):
        share_split(split(tiny, 60), tmp_path / "file")
