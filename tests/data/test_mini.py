"""The data set that comes with the package: what it holds, and that it is made as is said."""

import gzip
from importlib import resources
from pathlib import Path

import numpy as np

from mnistlab.data import idx
from mnistlab.data.catalog import load_data
from mnistlab.images import DataSet
from scripts.make_mini import first_of_each, select, write
from tests.conftest import random_images

SHA256 = "a9b07cc14dcf9a84aa55d40c93b9139200ada7b116bab0983ffd98c9b55191b9"


def test_mini_holds_as_many_images_of_each_digit_and_never_changes(mini: DataSet) -> None:
    assert mini.name == "mini"
    assert np.bincount(mini.train.labels).tolist() == [500] * 10
    assert np.bincount(mini.test.labels).tolist() == [100] * 10
    assert mini.sha256 == SHA256


def test_it_is_remade_from_real_mnist(mini: DataSet, mnist: DataSet) -> None:
    remade = select(mnist)
    for ours, theirs in ((mini.train, remade.train), (mini.test, remade.test)):
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        np.testing.assert_array_equal(ours.labels, theirs.labels)


def test_the_first_of_each_digit_are_kept_in_their_order() -> None:
    images = random_images(60)  # 0 to 9, again and again
    images.labels[5], images.labels[15] = 4, 4
    chosen = first_of_each(images, 2)
    positions = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 25, 35]
    np.testing.assert_array_equal(chosen.pixels, images.pixels[positions])
    np.testing.assert_array_equal(chosen.labels, images.labels[positions])


def test_what_is_written_is_read_again_and_has_no_time_or_name(
    tiny: DataSet, tmp_path: Path
) -> None:
    write(tiny, tmp_path)
    assert load_data(tmp_path).sha256 == tiny.sha256
    header = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x02\xff"  # no flags, no time, best compression
    for stem in idx.FILES.values():
        assert (tmp_path / f"{stem}.gz").read_bytes().startswith(header)


def test_the_shipped_files_are_small_reproducible_and_licensed() -> None:
    folder = resources.files("mnistlab.data") / "mini"
    files = [(folder / f"{stem}.gz").read_bytes() for stem in idx.FILES.values()]
    assert sum(map(len, files)) < 1_500_000
    for content in files:
        assert content[4:8] == bytes(4)  # no time
        assert gzip.decompress(content)
    text = (folder / "LICENSE").read_text("utf-8")
    for expected in ("Yann LeCun and Corinna Cortes", "creativecommons.org/licenses/by-sa/3.0/"):
        assert expected in text
