"""Judgements on made-up differences, against independent code and values worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnistlab.results.judging import EQUIVALENT, HELPED, HURT, TOO_FEW, UNCLEAR, judge, least_spread

MARGIN, IMAGES = 0.001, 10_000
differences = st.lists(
    st.integers(-25, 25).map(lambda images: images / 10_000), min_size=3, max_size=15
)


@given(differences)
def test_equivalent_is_what_two_one_sided_tests_of_scipy_say(values: list[float]) -> None:
    if np.std(values, ddof=1) <= least_spread(IMAGES):
        return
    below = stats.ttest_1samp(values, -MARGIN, alternative="greater").pvalue
    above = stats.ttest_1samp(values, MARGIN, alternative="less").pvalue
    (judged,) = judge([values], MARGIN, IMAGES)
    assert (judged.verdict == EQUIVALENT) == (max(below, above) < 0.05)
    assert judged.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.0003, 0.0006, 0.0009, 0.0012])
@pytest.mark.parametrize("others", [0, 4])
def test_equivalent_is_what_statsmodels_says(shift: float, others: int) -> None:
    weightstats = pytest.importorskip("statsmodels.stats.weightstats", reason="of the extra dev")
    values = shift + np.array([7, -4, 3, -6, 1, 2, -5, 4, -2, 0]) / 10_000
    before = np.linspace(0.95, 0.96, 10)
    p, _, _ = weightstats.ttost_paired(before + values, before, -MARGIN, MARGIN)
    judged, *_ = judge([values.tolist(), *[[0.01, 0.02, 0.03]] * others], MARGIN, IMAGES)
    assert (judged.verdict == EQUIVALENT) == (p <= 0.05 / (1 + others))


def test_equivalent_worked_by_hand() -> None:
    # mean 4 images, s = √(40/4) = √10 images; t(0.95, 4) = 2.131847: 4 + 2.131847·√2 = 7.015
    values = [each / 10_000 for each in (0, 2, 4, 6, 8)]
    assert judge([values], 0.000_702, IMAGES)[0].verdict == EQUIVALENT
    assert judge([values], 0.000_701, IMAGES)[0].verdict == HELPED
    # among two: t(0.975, 4) = 2.776445: 4 + 2.776445·√2 = 7.926
    two = [values, [0.01, 0.012, 0.02]]
    assert judge(two, 0.000_793, IMAGES)[0].verdict == EQUIVALENT
    assert judge(two, 0.000_792, IMAGES)[0].verdict != EQUIVALENT


def test_a_direction_is_that_of_what_is_certain() -> None:
    up, down = [0.0004, 0.0005, 0.0006, 0.0005], [-0.01, -0.011, -0.012]
    tiny, hurt, nothing, few = judge([up, down, [0.01, -0.01, 0.0], [0.1]], MARGIN, IMAGES)
    assert (tiny.verdict, tiny.direction, tiny.decided) == (EQUIVALENT, HELPED, True)
    assert (hurt.verdict, hurt.direction, hurt.decided) == (HURT, HURT, True)
    assert (nothing.verdict, nothing.direction, nothing.decided) == (UNCLEAR, None, False)
    assert (few.verdict, few.p, few.direction, few.tested) == (TOO_FEW, None, None, 3)


def test_a_p_of_just_the_level_is_enough() -> None:
    values = [0.01, 0.012, 0.02, 0.015]
    p = judge([values], MARGIN, IMAGES)[0].p_holm
    assert p is not None
    assert judge([values], MARGIN, IMAGES, level=p)[0].verdict == HELPED
    assert judge([values], MARGIN, IMAGES, level=0.999 * p)[0].verdict == UNCLEAR


def test_others_count_in_the_correction() -> None:
    values = [0.01, 0.012, 0.02, 0.015]
    p = judge([values], MARGIN, IMAGES)[0].p or 0
    certain, uncertain = (judge([values], MARGIN, IMAGES, others=[it])[0] for it in (0.0, 1.0))
    assert certain.p_holm == pytest.approx(p)
    assert uncertain.p_holm == pytest.approx(2 * p)
    assert certain.tested == uncertain.tested == 2


@pytest.mark.parametrize(("changes", "seeds"), [(1, 4), (5, 8)])
def test_equal_runs_are_equivalent_once_an_image_is_resolved(changes: int, seeds: int) -> None:
    """On 833 images, one of which is 0.12 points: (√½/833)·t(1 - 0.05/m, n-1)/√n < 0.1 points."""
    for n, verdict in ((seeds - 1, UNCLEAR), (seeds, EQUIVALENT)):
        judged = judge([[0.0] * n] * changes, MARGIN, 833)
        assert {it.verdict for it in judged} == {verdict}
        assert {it.p for it in judged} == {1}


def test_equal_differences_of_one_image_say_little() -> None:
    # t = √n/√½: n = 3: 2.449, p = 0.134; n = 5: 3.162, p = 0.034
    three, five = (judge([[1 / 833] * n], MARGIN, 833)[0] for n in (3, 5))
    assert (three.verdict, five.verdict) == (UNCLEAR, HELPED)
    assert three.p == pytest.approx(2 * stats.t.sf(6**0.5, 2))
