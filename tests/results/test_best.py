"""The best trial and its rivals, against scipy's one-sided paired t test."""

import numpy as np
import pytest
from scipy import stats

from mnistlab.results.best import Best, find_best, tell_apart
from tests.made_up import record, runs

HIGH = [0.98, 0.981, 0.982, 0.98, 0.981]
NEAR = [0.981, 0.980, 0.981, 0.981, 0.980]
LOW = [0.95, 0.951, 0.953, 0.95, 0.951]


def test_the_best_its_rivals_and_the_others() -> None:
    records = runs("a", LOW) + runs("b", HIGH) + runs("c", NEAR)
    assert find_best("abc", records) == Best("b", ("c",), ("a",), (), (0, 1, 2, 3, 4))


def test_some_other_need_not_be_the_best_to_tell_a_trial_apart() -> None:
    """The best varies too much to beat the third; the second beats it with every seed."""
    wild, worse = [0.995, 0.96, 0.998, 0.97, 0.999], [0.977, 0.977, 0.977, 0.976, 0.976]
    assert find_best("ac", runs("a", wild) + runs("c", worse)) == Best(
        "a", ("c",), (), (), (0, 1, 2, 3, 4)
    )
    records = runs("a", wild) + runs("b", NEAR) + runs("c", worse)
    assert find_best("abc", records) == Best("a", ("b",), ("c",), (), (0, 1, 2, 3, 4))


def test_trials_are_told_apart_as_scipy_does() -> None:
    accuracy = np.random.default_rng(5).normal(0.97, 0.001, (6, 8)) + np.arange(6)[:, None] * 0.0004
    expected = [
        any(
            stats.ttest_rel(other, each, alternative="greater").pvalue <= 0.05 / 6
            for other in accuracy
            if other is not each
        )
        for each in accuracy
    ]
    assert tell_apart(accuracy, 10_000) == expected
    assert 0 < sum(expected) < 5


def test_only_seeds_common_to_all_count() -> None:
    longer = [*NEAR, 0.999, 0.999]  # would be the best by seeds that the other lacks
    it = find_best("ab", runs("a", HIGH) + runs("b", longer))
    assert it == Best("a", ("b",), (), (), (0, 1, 2, 3, 4))
    lost = [record("a", seed, status="diverged") for seed in (0, 1)]
    it = find_best("ab", lost + runs("a", HIGH)[2:] + runs("b", NEAR))
    assert it is not None
    assert it.seeds == (2, 3, 4)


def test_a_trial_with_few_seeds_does_not_take_those_of_the_others() -> None:
    it = find_best("abc", runs("a", HIGH) + runs("b", LOW) + runs("c", [0.999, 0.999]))
    assert it == Best("a", (), ("b",), ("c",), (0, 1, 2, 3, 4))


def test_few_seeds_tell_nothing_apart() -> None:
    assert find_best("ab", runs("a", LOW[:2]) + runs("b", HIGH[:2])) == Best(
        "b", ("a",), (), (), (0, 1)
    )
    apart = runs("a", LOW[:3]) + [record("b", seed, 0.98) for seed in (3, 4, 5)]
    assert find_best("ab", apart) == Best("b", ("a",), (), (), ())


def test_one_trial_and_none() -> None:
    assert find_best("ab", runs("b", HIGH)) == Best("b", (), (), (), (0, 1, 2, 3, 4))
    assert find_best("ab", [record("a", 0, status="diverged")]) is None


@pytest.mark.parametrize("equal", [[0.97] * 5, HIGH])
def test_equal_trials_are_rivals_and_the_first_is_named(equal: list[float]) -> None:
    assert find_best("ab", runs("a", equal) + runs("b", equal)) == Best(
        "a", ("b",), (), (), (0, 1, 2, 3, 4)
    )
