"""Augmentation: pictures vary, labels do not, and a Generator decides how."""

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from mnistlab.book.trial import Augment, Network, Training, Trial
from mnistlab.data.split import split
from mnistlab.images import Bytes, DataSet, Images
from mnistlab.training import nondigits
from mnistlab.training.augment import Augmenter
from mnistlab.training.fit import run
from mnistlab.training.record import Job

FULL = Augment(rotate=8, shear=0.25, scale=0.12, shift=1, thickness=0.6, elastic=0.6, nothing=0.2)
GOLDEN = "2aaa7f50001a588a988d75752d061f211e5cb932c8660d4c4e97f561432a4c5d"


@pytest.fixture(autouse=True)
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nondigits, "POOL", 100)


def squares(count: int = 60) -> tuple[Bytes, npt.NDArray[np.int32]]:
    pixels = np.zeros((count, 28, 28), np.uint8)
    pixels[:, 9:19, 9:19] = 255
    return pixels, np.arange(count, dtype=np.int32) % 10


def augmenter(settings: Augment, seed: int = 0) -> Augmenter:
    return Augmenter(settings, np.random.default_rng(seed))


def test_every_picture_differs_and_a_seed_repeats_them() -> None:
    np.random.seed(5)  # noqa: NPY002  the caller's own state, which must not matter
    first, _ = augmenter(FULL)(*squares())
    np.random.seed(6)  # noqa: NPY002
    again, _ = augmenter(FULL)(*squares())
    other, _ = augmenter(FULL, 1)(*squares())
    assert first.dtype == np.uint8
    assert first.shape == (60, 28, 28)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(first, axis=0)) == len(first)


def test_one_batch_is_what_it_was() -> None:
    pixels = (np.arange(20 * 28 * 28) * 7919 % 65521 % 256).astype(np.uint8).reshape(20, 28, 28)
    labels = np.arange(20, dtype=np.int32) % 10
    varied, found = augmenter(FULL.model_copy(update={"nothing": 0.5}), 7)(pixels, labels)
    digest = hashlib.sha256(varied.tobytes() + found.astype("<i4").tobytes()).hexdigest()
    assert digest == GOLDEN


def test_nothing_takes_its_share_and_leaves_the_callers_arrays() -> None:
    pixels, labels = squares()
    _, found = augmenter(FULL)(pixels, labels)
    assert found.dtype == np.int32
    assert (found[:12] == -1).all()
    assert np.array_equal(found[12:], squares()[1][12:])
    assert np.array_equal(labels, squares()[1])
    assert np.array_equal(pixels, squares()[0])


def test_without_nothing_every_label_stays_in_an_array_of_its_own() -> None:
    pixels, labels = squares()
    _, found = augmenter(Augment(shift=1))(pixels, labels)
    found += 1
    assert np.array_equal(labels, squares()[1])


@pytest.mark.parametrize("size", [1, 7])
def test_a_share_of_less_than_a_picture_holds_on_average(size: int) -> None:
    vary, (pixels, labels) = augmenter(Augment(nothing=0.09)), squares(size)
    counts = np.array([(vary(pixels, labels)[1] == -1).sum() for _ in range(2000)])
    assert set(counts) == {0, 1}
    expected = 0.09 * size
    error = np.sqrt(expected * (1 - expected) / 2000)
    assert abs(counts.mean() - expected) < 4 * error


def test_zero_of_everything_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    same, labels = augmenter(Augment())(pixels, np.arange(5, dtype=np.int32))
    assert np.array_equal(same, pixels)
    assert np.array_equal(labels, np.arange(5))
    assert not Augment().active


def test_how_much_one_thing_is_varied_does_not_depend_on_another() -> None:
    digits = squares(300)
    thick, _ = augmenter(Augment(thickness=0.5))(*digits)
    both, _ = augmenter(Augment(thickness=0.5, shift=2))(*digits)
    ink, moved = thick.sum((1, 2), float), both.sum((1, 2), float)
    assert np.corrcoef(ink, moved)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("settings", "low", "high"),
    [
        (Augment(rotate=180), 90, 110),
        (Augment(shift=3), 90, 110),
        (Augment(scale=0.4), 40, 230),
        (Augment(thickness=1), 60, 150),
    ],
)
def test_how_much_ink_is_left(settings: Augment, low: float, high: float) -> None:
    varied, _ = augmenter(settings)(*squares())
    ink = varied.sum((1, 2)) / 255  # 100 at first; a square of 10 by 10
    assert low <= ink.min() < ink.max() <= high


def test_shift_and_rotate_reach_what_they_say_and_no_further() -> None:
    varied, _ = augmenter(Augment(shift=3))(*squares(300))
    at = np.arange(28) + 0.5
    moved = (varied.sum(1) @ at) / varied.sum((1, 2)) - 14
    assert 2.8 < np.abs(moved).max() <= 3.05
    line = np.zeros((300, 28, 28), np.uint8)
    line[:, 13:15, 4:24] = 255
    turned, _ = augmenter(Augment(rotate=20))(line, np.zeros(300, np.int32))
    angles = np.array([_angle(picture) for picture in turned])
    assert 18 < np.abs(angles).max() <= 20.5
    assert angles.min() < 0 < angles.max()


def _angle(picture: Bytes) -> float:
    """Degrees between the picture's long axis and the horizontal, by its second moments."""
    y, x = np.nonzero(picture)
    (wide, slanted), (_, high) = np.cov(np.stack([x, y]), aweights=picture[y, x])
    return float(np.degrees(np.arctan2(2 * slanted, wide - high) / 2))


def test_maps_scale_then_slant_then_turn() -> None:
    settings = Augment(rotate=30, shear=0.5, scale=0.2, shift=3)
    uniform = np.random.default_rng(0).uniform(-1, 1, (6, 20))
    maps = augmenter(settings)._maps(uniform)
    for found, drawn in zip(maps, uniform.T, strict=True):
        angle = np.radians(30 * drawn[0])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slant = np.array([[1, 0.5 * drawn[1]], [0, 1]])
        assert found[:, :2] == pytest.approx(turn @ slant @ np.diag(np.exp(0.2 * drawn[2:4])))
        assert found[:, 2] == pytest.approx(3 * drawn[4:6])


def test_rgb_images_are_varied_as_grey_ones_are() -> None:
    grey, labels = squares()
    settings = FULL.model_copy(update={"nothing": 0})
    expected, _ = augmenter(settings)(grey, labels)
    varied, found = augmenter(settings)(np.stack([grey, grey // 2, grey], 3), labels)
    assert np.array_equal(varied[..., 0], expected)
    assert np.array_equal(varied[..., 2], expected)
    assert np.abs(2.0 * varied[..., 1] - expected).max() <= 3  # rounded after halving
    assert np.array_equal(found, labels)


def test_elastic_bends_by_as_many_pixels_as_it_says() -> None:
    ramp = np.tile(np.arange(28, dtype=np.uint8) * 8, (2000, 28, 1))
    bent, _ = augmenter(Augment(elastic=0.6))(ramp, np.zeros(2000, np.int32))
    moved = (bent.astype(float) - ramp)[:, 13:15, 13:15] / 8  # at the middle one of the 5×5 points
    assert moved.mean() == pytest.approx(0, abs=0.05)
    assert moved.std() == pytest.approx(0.6, rel=0.06)


def test_a_run_with_augmentation_repeats_bit_for_bit() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (80, 28, 28), dtype=np.uint8)
    images = Images(pixels, np.arange(80, dtype=np.uint8) % 10)
    conv = [{"out": 4, "kernel": 5, "pool": 4, "norm": True}, {"out": 4, "kernel": 3, "norm": True}]
    training = Training(batch_size=20, learning_rate=0.01, epochs=2, augment=FULL)
    network = Network.model_validate({"conv": conv, "dropout": 0.1})
    trial = Trial(name="t", network=network, training=training)
    first, second = (
        run(Job(trial, 1, "native"), split(DataSet("toy", images, images), 20)) for _ in range(2)
    )
    weights = first.weights
    assert all(np.array_equal(weights[name], second.weights[name]) for name in weights)
    accuracy = first.record.history[-1].train_accuracy
    assert accuracy is not None
    assert 0 <= accuracy <= 1
