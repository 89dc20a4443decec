"""Verdicts on made-up runs whose every figure is known."""

import json

import pytest

from mnistlab.results.compare import (
    FEWEST,
    HELPED,
    HURT,
    TOO_FEW,
    UNCLEAR,
    compare,
    compare_pairs,
    judge,
)
from tests.made_up import record, runs, trial

BOOK = [trial("1"), trial("2", "1", 0.0005)]


def test_a_change_worked_by_hand() -> None:
    # differences 0.020 0.021 0.022 0.021 0.021: mean 0.021, s = √(2·10⁻⁶/4), half = 2.776445·s/√5 =
    # 0.000878
    before, after = [0.95, 0.951, 0.95, 0.949, 0.952], [0.97, 0.972, 0.972, 0.97, 0.973]
    (comparison,) = compare(BOOK, runs("1", before) + runs("2", after))
    judged = comparison.judgement
    assert judged.n == 5
    assert judged.difference == pytest.approx(0.021)
    assert judged.low == pytest.approx(0.021 - 0.000878, abs=1e-6)
    assert judged.high == pytest.approx(0.021 + 0.000878, abs=1e-6)
    assert judged.p == judged.p_holm  # one change: nothing to correct
    assert judged.p is not None
    assert judged.p < 1e-6
    assert (judged.verdict, judged.verdict_text) == (HELPED, "helped")
    assert comparison.changed == {"learning_rate": (0.001, 0.0005)}


def test_runs_are_paired_by_seed_and_not_by_place() -> None:
    backwards = list(reversed(runs("2", [0.98, 0.981, 0.982])))
    (comparison,) = compare(BOOK, runs("1", [0.97, 0.971, 0.973]) + backwards)
    assert comparison.judgement.difference == pytest.approx((0.01 + 0.01 + 0.009) / 3)


def test_a_change_for_the_worse_hurt() -> None:
    (judged,) = judge([[-0.01, -0.011, -0.012, -0.01]])
    assert judged.verdict == judged.verdict_text == HURT


def test_a_significant_trifle_is_called_too_little_to_matter() -> None:
    (judged,) = judge([[0.0004, 0.0005, 0.0006, 0.0005, 0.0004, 0.0005]])
    assert (judged.verdict, judged.verdict_text) == (HELPED, "helped, too little to matter")
    (judged,) = judge(
        [[0.0007, 0.0009, 0.0011, 0.0009]]
    )  # the interval reaches beyond 0.1 points: it may matter
    assert judged.verdict_text == "helped"


def test_what_holm_does_not_confirm_reads_so() -> None:
    doubtful = [0.001, 0.002, 0.003, 0.0015]  # t = 0.001875/(0.000854/2) = 4.39, p = 0.022
    (alone,) = judge([doubtful])
    assert alone.verdict == HELPED
    among = judge([doubtful, [0.001, -0.001, 0.002, 0.0], [0.0, 0.001, -0.001, 0.0005]])
    assert among[0].p == alone.p
    assert among[0].p_holm == pytest.approx(3 * (alone.p or 0))
    assert (among[0].verdict, among[0].verdict_text) == (
        UNCLEAR,
        "no clear difference after correcting for 3 changes",
    )
    assert among[1].verdict_text == UNCLEAR
    assert [judged.needed is not None for judged in among] == [True, True, True]


def test_fewer_than_three_seeds_get_no_verdict_and_count_for_nothing() -> None:
    none, one, two, three = judge([[], [0.02], [0.02, 0.03], [0.02, 0.021, 0.022]])
    assert [judged.verdict for judged in (none, one, two)] == [TOO_FEW] * 3
    assert [judged.p for judged in (none, one, two)] == [None] * 3
    assert (none.difference, one.difference, one.low) == (None, 0.02, None)
    assert two.difference == pytest.approx(0.025)
    assert two.low == pytest.approx(
        0.025 - 12.7062 * 0.005, abs=1e-5
    )  # two values have an interval, and a wide one
    assert three.n == FEWEST
    assert three.tested == 1
    assert three.p == three.p_holm


def test_the_same_accuracy_with_every_seed_is_no_difference() -> None:
    (comparison,) = compare(BOOK, runs("1", [0.97, 0.98, 0.99]) + runs("2", [0.97, 0.98, 0.99]))
    judged = comparison.judgement
    assert (judged.difference, judged.low, judged.high, judged.p, judged.verdict) == (
        0,
        None,
        None,
        1,
        UNCLEAR,
    )
    assert judged.needed is None


def test_the_same_difference_with_every_seed_has_no_interval_and_the_exact_p() -> None:
    few, many = [0.97, 0.98, 0.99], [0.97 + seed / 1000 for seed in range(10)]
    (comparison,) = compare(BOOK, runs("1", few) + runs("2", [x + 0.0012 for x in few]))
    assert (comparison.judgement.low, comparison.judgement.p, comparison.judgement.verdict) == (
        None,
        0.25,
        UNCLEAR,
    )
    (comparison,) = compare(BOOK, runs("1", many) + runs("2", [x - 0.0012 for x in many]))
    assert (comparison.judgement.low, comparison.judgement.p, comparison.judgement.verdict) == (
        None,
        2 / 1024,
        HURT,
    )
    json.dumps(comparison.row(), allow_nan=False)


def test_the_exact_test_may_dispute() -> None:
    (five,) = judge([[0.02, 0.021, 0.022, 0.021, 0.02]])
    assert five.disputed  # five seeds cannot take the exact p below 1/16
    (eight,) = judge([[0.02, 0.021, 0.022, 0.021, 0.02, 0.02, 0.021, 0.022]])
    assert eight.p_sign_flip == 2 / 256
    assert not eight.disputed


def test_a_diverged_run_and_unequal_seeds_leave_the_pairs() -> None:
    first = [
        record("1", 0, 0.95),
        record("1", 1, 0.951),
        record("1", 2, status="diverged"),
        record("1", 3, 0.952),
    ]
    second = [
        *runs("2", [0.96, 0.962, 0.961, 0.963]),
        record("2", 4),
        record("2", 5, status="failed"),
    ]
    (comparison,) = compare(BOOK, first + second)
    assert comparison.judgement.n == 3
    assert comparison.left_out == (
        "trial 1 diverged with seed 2",
        "trial 1 has no run with seed 4",
        "trial 2 failed with seed 5",
    )


def test_a_parent_without_runs_leaves_too_few_seeds_and_a_trial_without_runs_nothing() -> None:
    (comparison,) = compare(BOOK, runs("2", [0.97, 0.98, 0.99]))
    assert (comparison.judgement.n, comparison.judgement.verdict) == (0, TOO_FEW)
    assert comparison.also["time"].mean is None
    json.dumps(comparison.row(), allow_nan=False)
    assert compare(BOOK, runs("1", [0.97])) == []


def test_the_other_measures_worked_by_hand() -> None:
    before = [record("1", seed, test=0.97, seconds=2.0) for seed in range(3)]
    flat = (0.9, 0.5, 0.3, 0.2, 0.10, 0.10, 0.10, 0.13)
    after = [
        record("2", seed, test=0.97 + seed / 1000, seconds=1.0, losses=flat) for seed in range(3)
    ]
    (comparison,) = compare(BOOK, before + after)
    also = comparison.also
    assert list(also) == [
        "validation loss",
        "test accuracy",
        "test loss",
        "overfitting",
        "smoothness",
        "time",
    ]
    assert also["test accuracy"].mean == pytest.approx(0.001)
    assert also["overfitting"].mean == pytest.approx(0)
    # after epoch 5: |0.02|, |-0.03|, |0.01| before, mean 0.02; 0, 0, 0.03 after, mean 0.01
    assert also["smoothness"].mean == pytest.approx(-0.01)
    assert also["time"].mean == pytest.approx(0.5)


def test_a_ratio_of_times_is_a_geometric_mean() -> None:
    before = [record("1", seed, seconds=1.0) for seed in range(2)]
    after = [record("2", 0, seconds=2.0), record("2", 1, seconds=0.5)]
    (comparison,) = compare(BOOK, before + after)
    assert comparison.also["time"].mean == pytest.approx(1)


def test_short_histories_have_no_smoothness() -> None:
    short = [record(name, seed, losses=(0.3, 0.2)) for name in ("1", "2") for seed in range(3)]
    (comparison,) = compare(BOOK, short)
    assert comparison.also["smoothness"].n == 0
    assert json.loads(json.dumps(comparison.row()))["also"]["smoothness"]["difference"] is None


def test_the_row_of_results_json() -> None:
    (comparison,) = compare(BOOK, runs("1", [0.95, 0.951, 0.95]) + runs("2", [0.97, 0.972, 0.972]))
    row = json.loads(json.dumps(comparison.row(), allow_nan=False))
    assert (row["trial"], row["parent"], row["changed"]) == (
        "2",
        "1",
        {"learning_rate": [0.001, 0.0005]},
    )
    assert (row["metric"], row["n"], row["verdict"]) == ("validation accuracy", 3, "helped")
    assert row["also"]["time"] == {"n": 3, "ratio": 1, "low": 1, "high": 1}


def test_any_two_trials_can_be_compared() -> None:
    records = runs("1", [0.95, 0.951, 0.95]) + runs("2", [0.97, 0.972, 0.972])
    (comparison,) = compare_pairs([(BOOK[1], BOOK[0])], records)
    assert (comparison.trial.name, comparison.judgement.verdict) == ("1", HURT)
