"""Each formula against a value worked by hand or printed by its author, and against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnistlab.results.statistics import (
    Interval,
    detectable,
    holm,
    interval,
    standard_deviation,
    t_test,
    wilson,
)

# By hand: mean 3, deviations -2 -1 0 1 2, s² = 10/4, standard error √(2.5/5) = √½; from any table
# t(0.975, 4) = 2.776445 and t(0.8, 4) = 0.940965
FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]
differences = st.lists(
    st.integers(-60, 60).map(lambda images: images / 10_000), min_size=3, max_size=12
)


def test_the_t_interval_worked_by_hand() -> None:
    it = interval(FIVE)
    assert (it.n, it.mean) == (5, 3)
    assert it.low == pytest.approx(3 - 2.776445 * math.sqrt(0.5), abs=1e-6)
    assert it.high == pytest.approx(3 + 2.776445 * math.sqrt(0.5), abs=1e-6)


def test_the_t_test_worked_by_hand() -> None:
    # t = 3 / √½ = 4.2426; with 4 degrees of freedom
    # F(t) = ½ + (t/√(4+t²))·(1 + 2/(4+t²))/2 = ½ + 0.904534·(1+1/11)/2
    assert t_test(FIVE) == pytest.approx(1 - 3 / math.sqrt(11) * (1 + 1 / 11), abs=1e-12)


def test_intervals_of_few_or_equal_values() -> None:
    assert interval([]) == interval([None]) == Interval(0, None, None, None)
    assert interval([0.5, None]) == Interval(1, 0.5, None, None)
    # t(0.975, 1) = 12.7062; s = 0.1·√2, so the half width is 12.7062 · 0.1
    assert interval([0.4, 0.6]).half == pytest.approx(1.27062, abs=1e-5)
    equal = interval([0.1] * 7)  # no spread, so no interval, not one of no width
    assert (equal.n, equal.low, equal.high, equal.half) == (7, None, None, None)
    assert equal.mean == pytest.approx(0.1)


def test_equal_values_have_no_spread_whatever_their_rounding() -> None:
    assert standard_deviation([0.9623 - 0.9500, 0.9723 - 0.9600, 0.0123]) == 0
    assert standard_deviation([0.0, 1e-4]) > 0


def test_a_least_spread_takes_the_place_of_a_smaller_one() -> None:
    assert standard_deviation([0.1] * 4, 0.01) == 0.01
    assert standard_deviation(FIVE, 0.01) == pytest.approx(math.sqrt(2.5))
    assert standard_deviation([0.1], 0.01) == standard_deviation([], 0.01) == 0
    assert interval([0.1] * 5, least=0.02).half == pytest.approx(2.776445 * 0.02 / math.sqrt(5))
    assert t_test([0.0] * 5, 0.01) == 1
    # t = 0.03/(0.01·√5/5) = 3·√5, with 4 degrees of freedom as above
    t = 3 * math.sqrt(5)
    tail = 1 - t / math.sqrt(4 + t * t) * (1 + 2 / (4 + t * t))
    assert t_test([0.03] * 5, 0.01) == pytest.approx(tail, abs=1e-12)


def test_intervals_of_another_level_worked_by_hand() -> None:
    # t(0.99, 4) = 3.746947: the interval of 98 %
    assert interval(FIVE, 0.02).half == pytest.approx(3.746947 * math.sqrt(0.5), abs=1e-6)


@given(differences)
def test_the_t_test_and_interval_are_those_of_scipy(values: list[float]) -> None:
    if standard_deviation(values) == 0:
        return
    theirs = stats.ttest_rel(np.array(values) + 0.9, np.full(len(values), 0.9))
    bounds = theirs.confidence_interval(0.95)
    ours = interval(values)
    assert t_test(values) == pytest.approx(theirs.pvalue, rel=1e-6)
    assert [ours.low, ours.high] == pytest.approx([bounds.low, bounds.high], abs=1e-9)


def test_what_can_be_detected_worked_by_hand() -> None:
    spread = math.sqrt(2.5)
    assert detectable(5, spread) == pytest.approx((2.776445 + 0.940965) * math.sqrt(0.5), abs=1e-5)
    # at 0.01 for one of five changes: t(0.995, 4) = 4.604095
    fifth = pytest.approx((4.604095 + 0.940965) * math.sqrt(0.5), abs=1e-5)
    assert detectable(5, spread, 0.01) == fifth
    assert [detectable(0, 0.1), detectable(1, 0.1), detectable(3, 0.0)] == [None] * 3


@pytest.mark.parametrize("n", [3, 5, 10, 20, 100])
def test_what_can_be_detected_is_found_four_times_in_five(n: int) -> None:
    """The power of a t test by the noncentral t distribution (Cohen 1988): about 0.8."""
    values = stats.norm.ppf(np.linspace(0.05, 0.95, n)).tolist()
    effect = detectable(n, standard_deviation(values))
    assert effect is not None
    shift = effect / (standard_deviation(values) / math.sqrt(n))
    assert 0.76 < stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, shift) < 0.86


def test_holm_worked_by_hand() -> None:
    # sorted 0.01 0.03 0.04 × 3 2 1 = 0.03 0.06 0.04, and none may be below the one before it
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_its_steps_reject(p_values: list[float]) -> None:
    """Against the procedure as Holm wrote it: step down until one is not significant."""
    rejected = set()
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[index] * (len(p_values) - step) > 0.05:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(holm(p_values)) if p <= 0.05} == rejected


def test_wilson_worked_by_hand() -> None:
    # z = 1.959964, z² = 3.841459; share ½ of 10: centre ½,
    # half = (z/1.3841459)·√(0.025 + 0.00960365) = 0.263405
    assert wilson(0.5, 10) == pytest.approx((0.236595, 0.763405), abs=1e-5)
    # none of 10: low 0, high = z²/(n+z²) = 3.841459/13.841459
    assert wilson(0.0, 10) == pytest.approx((0, 0.277533), abs=1e-6)
    assert wilson(0.5, 0) is None


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_scipy(case: tuple[int, int]) -> None:
    hits, n = case
    theirs = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
