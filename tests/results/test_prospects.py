"""What seeds can say, against simulation and against the judgements themselves."""

import numpy as np
import pytest

from mnistlab.results.judging import EQUIVALENT, judge
from mnistlab.results.prospects import prospects


def test_prospects_worked_by_hand() -> None:
    # spread 0.0014, n = 5, m = 1: t(0.95, 4) = 2.131847, t(0.975, 4) = 2.776445, t(0.8) = 0.940965
    it = prospects(5, 1, 0.001, 10_000)
    error = 0.0014 / 5**0.5
    assert it.half == pytest.approx(2.131847 * error, abs=1e-8)
    assert it.detectable == pytest.approx((2.776445 + 0.940965) * error, abs=1e-8)
    assert (it.chance, it.equivalent_possible) == (0, False)
    assert prospects(20, 1, 0.001, 10_000).equivalent_possible


def test_fewer_images_have_more_spread_and_one_image_is_the_least() -> None:
    assert prospects(5, 1, 0.001, 2_500).spread == pytest.approx(0.0028)
    assert prospects(5, 1, 0.001, 833, spread=0.0).spread == pytest.approx(0.5**0.5 / 833)
    assert not prospects(7, 5, 0.001, 833, spread=0.0).equivalent_possible
    assert prospects(8, 5, 0.001, 833, spread=0.0).equivalent_possible
    assert judge([[0.0] * 8] * 5, 0.001, 833)[0].verdict == EQUIVALENT


@pytest.mark.parametrize(("seeds", "changes"), [(2, 1), (5, 0)])
def test_nothing_is_possible_with_too_few_seeds_or_no_change(seeds: int, changes: int) -> None:
    it = prospects(seeds, changes, 0.001, 10_000)
    assert (it.half, it.detectable, it.equivalent_possible) == (None, None, False)


@pytest.mark.parametrize(("seeds", "changes"), [(20, 1), (20, 5), (40, 5)])
def test_the_chance_of_equivalent_is_that_of_normal_differences(seeds: int, changes: int) -> None:
    generator = np.random.default_rng(1)
    books = generator.normal(0, 0.0014, (400, seeds)).tolist()
    filler = [[0.5, 0.6, 0.7]] * (changes - 1)
    found = [judge([each, *filler], 0.001, 10_000)[0].verdict == EQUIVALENT for each in books]
    chance = prospects(seeds, changes, 0.001, 10_000).chance
    assert chance == pytest.approx(np.mean(found), abs=0.09)  # 3.6 standard errors at most
