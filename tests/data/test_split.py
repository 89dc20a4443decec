import hashlib

import numpy as np
import pytest

from mnistlab.data.split import split, stratified_positions, validation_size
from mnistlab.errors import DataError
from mnistlab.images import DataSet, Images
from tests.conftest import random_images

MINI_VALIDATION = "97d30a67f26fdd51b594cd3cfd32cb85c56c9d86d2b891b6d5587248f22dd352"


def test_parts_are_disjoint_complete_and_stratified(tiny: DataSet) -> None:
    parts = split(tiny, 60)
    assert parts.info.sizes == {"train": 300, "validation": 60, "test": 60}
    assert np.bincount(parts.validation.labels).tolist() == [6] * 10
    together = np.concatenate([parts.train.pixels, parts.validation.pixels])
    assert {image.tobytes() for image in together} == {
        image.tobytes() for image in tiny.train.pixels
    }
    assert parts.test is tiny.test


def test_uneven_classes_get_their_share_to_within_one() -> None:
    sizes = [5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
    labels = np.repeat(np.arange(10, dtype=np.uint8), sizes)
    pixels = np.zeros((len(labels), 28, 28), np.uint8)
    parts = split(DataSet("uneven", Images(pixels, labels), random_images(10)), 30)
    assert len(parts.validation) == 30
    shares = np.array(sizes) * 30 / len(labels)
    assert np.all(np.abs(np.bincount(parts.validation.labels) - shares) < 1)


@pytest.mark.parametrize(
    ("training_images", "asked", "size"),
    [(60_000, 10_000, 10_000), (5_000, 10_000, 833), (5_000, 500, 500), (11, 10_000, 1), (5, 1, 0)],
)
def test_as_many_as_asked_are_set_aside_and_at_most_a_sixth(
    training_images: int, asked: int, size: int
) -> None:
    assert validation_size(training_images, asked) == size


def test_validation_images_that_came_with_the_data_are_used_as_they_are() -> None:
    names = ("cat", "dog")
    train, chosen, test = (
        Images(np.full((n, 28, 28, 3), n, np.uint8), np.arange(n, dtype=np.uint8) % 2, names)
        for n in (30, 20, 10)
    )
    data = DataSet("pets", train, test, chosen)
    parts = split(data, 3)
    assert (parts.train, parts.validation, parts.test) == (train, chosen, test)
    assert parts.info.sizes == {"train": 30, "validation": 20, "test": 10}
    assert (parts.info.classes, parts.info.channels) == (names, 3)
    assert data.sha256 != DataSet("pets", train, test, chosen[np.arange(19)]).sha256
    assert data.sha256 != DataSet("pets", train, test).sha256


def test_mini_gives_a_sixth_and_keeps_its_test_images(mini: DataSet) -> None:
    parts = split(mini)
    assert parts.info.sizes == {"train": 4167, "validation": 833, "test": 1000}
    assert parts.test is mini.test


def test_real_mnist_gives_ten_thousand(mnist: DataSet) -> None:
    sizes = {"train": 50_000, "validation": 10_000, "test": 10_000}
    assert split(mnist).info.sizes == sizes


def test_the_images_set_aside_from_mini_stay_the_same_ones(mini: DataSet) -> None:
    # NumPy promises no stable streams: where this fails, every result rests on another split
    positions = stratified_positions(mini.train.labels, 833)
    digest = hashlib.sha256(positions.astype("<i8").tobytes()).hexdigest()
    assert digest == MINI_VALIDATION
    np.testing.assert_array_equal(split(mini).validation.pixels, mini.train.pixels[positions])


def test_the_split_is_the_same_every_time(tiny: DataSet) -> None:
    first, second = split(tiny, 60), split(tiny, 60)
    np.testing.assert_array_equal(first.validation.pixels, second.validation.pixels)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(DataError, match="5 training images are too few to split; give at least 6"):
        split(DataSet("few", random_images(5), random_images(5)))
