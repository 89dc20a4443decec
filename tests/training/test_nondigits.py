"""Pictures of no digit: all three kinds, each unlike the others."""

import numpy as np
import pytest

from mnistlab.images import Bytes
from mnistlab.training import nondigits as module
from mnistlab.training.nondigits import NonDigits


@pytest.fixture(autouse=True)
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POOL", 200)


def bars(count: int) -> Bytes:
    """Upright bars of different heights, as digits are: 20 pixels high at most."""
    pixels = np.zeros((count, 28, 28), np.uint8)
    for number, picture in enumerate(pixels):
        picture[4 : 14 + number % 10, 12:15] = 255 - number
    return pixels


def nondigits(seed: int) -> NonDigits:
    return NonDigits(np.random.default_rng(seed))


def test_they_have_ink_and_differ() -> None:
    digits = np.random.default_rng(0).integers(0, 256, (30, 28, 28), np.uint8)
    pictures = nondigits(3).pictures(digits, 30)
    assert pictures.shape == (30, 28, 28)
    assert pictures.dtype == np.uint8
    assert (pictures.max((1, 2)) > 100).all()
    assert len(np.unique(pictures, axis=0)) == 30


def test_a_third_of_each_kind_even_one_at_a_time() -> None:
    source, digits = nondigits(1), bars(50)
    pool = {picture.tobytes() for picture in source.pool}
    kinds = np.array([_kind(source.pictures(digits, 1)[0], pool) for _ in range(900)])
    assert len(pool) == 200
    for kind in ("strokes", "pair", "heap"):
        assert abs((kinds == kind).sum() - 300) < 60  # four standard deviations


def _kind(picture: Bytes, pool: set[bytes]) -> str:
    if picture.tobytes() in pool:
        return "strokes"
    lies_across = picture[:, 20:].any() or picture[:, :8].any()
    between = picture[:, 13:15].max()
    return "pair" if between == 0 else "heap" if lies_across else "neither"


def test_two_digits_stand_side_by_side_smaller() -> None:
    left, right = bars(20), bars(20)[::-1]
    pairs = nondigits(0)._side_by_side(left, right)
    halves = pairs[:, :, :14], pairs[:, :, 14:]
    for half, whole in zip(halves, (left, right), strict=True):
        heights, before = half.any(2).sum(1), whole.any(2).sum(1)
        assert (heights >= before / 2.15 - 1).all()
        assert (heights <= before / 1.45 + 3).all()


def test_a_seed_repeats_them_and_other_seeds_do_not() -> None:
    first, again, other = (nondigits(seed).pictures(bars(9), 9) for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
