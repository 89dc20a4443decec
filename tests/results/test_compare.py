"""Verdicts on made-up runs whose every figure is known."""

import pytest

from mnistlab.results.compare import compare, compare_pairs, seeds_needed
from mnistlab.results.judging import EQUIVALENT, FEWEST, HELPED, HURT, TOO_FEW, UNCLEAR
from mnistlab.results.looks import plan_looks
from tests.made_up import record, runs, trial, verdicts

BOOK = [trial("1"), trial("2", "1", 0.0005)]


def test_a_change_worked_by_hand() -> None:
    # differences 0.020 0.021 0.022 0.021 0.021: mean 0.021, s = √(2·10⁻⁶/4), and the half width
    # is 2.776445·s/√5 = 0.000878; 2.776445 and 0.940965 are t(0.975, 4) and t(0.8, 4) of any table
    before, after = [0.95, 0.951, 0.95, 0.949, 0.952], [0.97, 0.972, 0.972, 0.97, 0.973]
    (verdict,) = compare(BOOK, runs("1", before) + runs("2", after))
    assert verdict.n == 5
    assert verdict.difference == pytest.approx(0.021)
    assert verdict.low == pytest.approx(0.021 - 0.000878, abs=1e-6)
    assert verdict.high == pytest.approx(0.021 + 0.000878, abs=1e-6)
    assert verdict.detectable == pytest.approx(0.000878 * (1 + 0.940965 / 2.776445), abs=1e-6)
    assert verdict.p == verdict.p_holm  # one change: nothing to correct
    assert verdict.p is not None
    assert verdict.p < 1e-6
    assert (verdict.verdict, verdict.verdict_text) == (HELPED, "helped")
    assert verdict.changed == {"learning_rate": (0.001, 0.0005)}
    assert verdict.margin == 0.001


def test_runs_are_paired_by_seed_and_not_by_place() -> None:
    backwards = list(reversed(runs("2", [0.98, 0.981, 0.982])))
    (verdict,) = compare(BOOK, runs("1", [0.97, 0.971, 0.973]) + backwards)
    assert verdict.difference == pytest.approx((0.01 + 0.01 + 0.009) / 3)


def test_a_change_for_the_worse_hurt() -> None:
    (verdict,) = verdicts([-0.01, -0.011, -0.012, -0.01])
    assert verdict.verdict == verdict.verdict_text == HURT


def test_a_trifle_is_equivalent_and_keeps_its_direction() -> None:
    (verdict,) = verdicts([0.0004, 0.0005, 0.0006, 0.0005, 0.0004, 0.0005])
    assert (verdict.verdict, verdict.verdict_text) == (EQUIVALENT, "equivalent")
    assert verdict.direction == HELPED
    (verdict,) = verdicts([0.0001, -0.0002, 0.0001, -0.0001, 0.0001, -0.0001])
    assert (verdict.verdict, verdict.direction) == (EQUIVALENT, None)
    (verdict,) = verdicts([0.0007, 0.0009, 0.0011, 0.0009])  # reaches beyond 0.1 points
    assert verdict.verdict == verdict.direction == HELPED


def test_the_margin_is_the_callers() -> None:
    records = runs("1", [0.95] * 4) + runs("2", [0.957, 0.959, 0.961, 0.959])
    (wide,), (narrow,) = (compare(BOOK, records, margin) for margin in (0.02, 0.008))
    assert (wide.verdict, wide.margin) == (EQUIVALENT, 0.02)
    assert (narrow.verdict, narrow.margin) == (HELPED, 0.008)


def test_what_holm_does_not_confirm_says_so() -> None:
    doubtful = [0.001, 0.002, 0.003, 0.001]  # t = 0.00175/(0.000957/2) = 3.66, p = 0.035
    (alone,) = verdicts(doubtful)
    assert alone.verdict == HELPED
    first, second, _ = verdicts(doubtful, [0.001, -0.001, 0.002, 0.0], [0.0, 0.001, -0.001, 0.0005])
    assert first.p == alone.p
    assert first.p_holm == pytest.approx(3 * (alone.p or 0))
    assert first.verdict == UNCLEAR
    assert first.verdict_text == "no clear difference after correcting for 3 changes"
    assert second.verdict_text == UNCLEAR


def test_fewer_than_three_seeds_get_no_verdict_and_count_for_nothing() -> None:
    none, one, two, three = verdicts([], [0.02], [0.02, 0.03], [0.02, 0.021, 0.022])
    assert [each.verdict for each in (none, one, two)] == [TOO_FEW] * 3
    assert [each.p for each in (none, one, two)] == [None] * 3
    assert (none.n, none.difference, none.detectable) == (0, None, None)
    assert one.difference == pytest.approx(0.02)
    assert (one.low, one.detectable) == (None, None)
    assert two.difference == pytest.approx(0.025)
    assert two.low == pytest.approx(0.025 - 12.7062 * 0.005, abs=1e-5)  # wide, but defined
    assert three.n == FEWEST
    assert three.tested == 1
    assert three.p == three.p_holm


def test_equal_differences_are_given_the_spread_of_hesitating_counts() -> None:
    # 10,000 images: s = √½·10⁻⁴, t(0.975, 4) = 2.776445, half = 2.776445·s/√5
    (none,) = verdicts([0.0] * 5)
    assert (none.difference, none.p, none.verdict) == (0, 1, EQUIVALENT)
    assert none.high == pytest.approx(2.776445 * 0.5**0.5 * 1e-4 / 5**0.5, abs=1e-9)
    (ten,) = verdicts([-0.0012] * 10)
    assert (ten.verdict, ten.direction) == (HURT, HURT)
    assert ten.low is not None
    assert ten.low < -0.0012


def test_a_diverged_run_and_unequal_seeds_leave_the_pairs() -> None:
    first = [*runs("1", [0.95, 0.951, 0.9, 0.952]), *(record("1", seed) for seed in range(6, 16))]
    first[2] = record("1", 2, status="diverged")
    second = [
        *runs("2", [0.96, 0.962, 0.961, 0.963]), record("2", 4), record("2", 15),
        record("2", 5, status="failed"), record("2", 6, status="pruned"),
    ]  # fmt: skip
    (verdict,) = compare(BOOK, first + second)
    assert verdict.n == 4
    assert verdict.left_out == {
        ("1", "diverged"): [2],
        ("1", "has no run"): [4],
        ("2", "failed"): [5],
        ("2", "pruned"): [6],
        ("2", "has no run"): [7, 8, 9, 10, 11, 12, 13, 14],
    }


def test_a_parent_without_runs_leaves_too_few_seeds_and_a_trial_without_runs_nothing() -> None:
    (verdict,) = compare(BOOK, runs("2", [0.97, 0.98, 0.99]))
    assert (verdict.n, verdict.verdict) == (0, TOO_FEW)
    assert verdict.also["time"].mean is None
    assert compare(BOOK, runs("1", [0.97])) == []


def test_the_other_measures_worked_by_hand() -> None:
    before = [record("1", seed, test=0.97, seconds=2.0) for seed in range(3)]
    flat = (0.9, 0.5, 0.3, 0.2, 0.10, 0.10, 0.10, 0.13)
    after = [
        record("2", seed, test=0.97 + seed / 1000, seconds=1.0, losses=flat) for seed in range(3)
    ]
    (verdict,) = compare(BOOK, before + after)
    also = verdict.also
    assert list(also) == [
        "validation loss", "test accuracy", "test loss", "overfitting", "smoothness", "time",
    ]  # fmt: skip
    assert also["test accuracy"].mean == pytest.approx(0.001)
    assert also["overfitting"].mean == pytest.approx(0)
    # after epoch 5: |0.02|, |-0.03|, |0.01| before, mean 0.02; 0, 0, 0.03 after, mean 0.01
    assert also["smoothness"].mean == pytest.approx(-0.01)
    assert also["time"].mean == pytest.approx(0.5)


def test_a_ratio_of_times_is_a_geometric_mean() -> None:
    before = [record("1", seed, seconds=1.0) for seed in range(2)]
    after = [record("2", 0, seconds=2.0), record("2", 1, seconds=0.5)]
    (verdict,) = compare(BOOK, before + after)
    assert verdict.also["time"].mean == pytest.approx(1)


def test_times_are_compared_in_cpu_seconds_if_all_runs_have_them() -> None:
    before = [record("1", seed, seconds=1, cpu_seconds=1) for seed in range(2)]
    after = [record("2", seed, seconds=10, cpu_seconds=2) for seed in range(2)]
    (verdict,) = compare(BOOK, before + after)
    assert verdict.also["time"].mean == pytest.approx(2)
    (verdict,) = compare(BOOK, [*before, record("2", 0, seconds=10), after[1]])
    assert verdict.also["time"].mean == pytest.approx(10)
    on_gpu = [each.model_copy(update={"device": "cuda"}) for each in after]
    (verdict,) = compare(BOOK, before + on_gpu)
    assert verdict.also["time"].mean == pytest.approx(10)


def test_times_are_compared_in_equal_environments_only() -> None:
    here, there = {"python": "3.11", "cores": "2"}, {"python": "3.12", "cores": "2"}
    before = [record("1", seed, seconds=1, environment=here) for seed in range(4)]
    after = [record("2", seed, seconds=2, environment=here) for seed in range(2)]
    after += [record("2", seed, seconds=9, environment=there) for seed in range(2, 4)]
    (verdict,) = compare(BOOK, before + after)
    time = verdict.also["time"]
    assert (time.n, verdict.n) == (2, 4)
    assert time.mean == pytest.approx(2)
    assert verdict.differ_in == ["python"]
    (verdict,) = compare(BOOK, before[2:] + after[2:])
    assert verdict.also["time"].mean is None


def test_short_histories_have_no_smoothness() -> None:
    short = [record(name, seed, losses=(0.3, 0.2)) for name in ("1", "2") for seed in range(3)]
    (verdict,) = compare(BOOK, short)
    assert verdict.also["smoothness"].n == 0


def test_any_two_trials_can_be_compared() -> None:
    records = runs("1", [0.95, 0.951, 0.95]) + runs("2", [0.97, 0.972, 0.972])
    (verdict,) = compare_pairs([(BOOK[1], BOOK[0])], records)
    assert (verdict.trial.name, verdict.verdict) == ("1", HURT)


LOOKS = plan_looks(5, 20)
CHAIN = [trial("1"), trial("2", "1", 0.0005), trial("3", "1", 0.002)]
CLEAR = [0.02, 0.021, 0.022, 0.02, 0.021]  # decided at the first look
OPEN = [0.002, -0.002, 0.001, -0.001, 0.0, 0.003, -0.003, 0.001, -0.001, 0.0]


def test_with_looks_a_verdict_is_that_of_the_look_that_decided_it() -> None:
    base = runs("1", [0.95] * 10)
    records = base + runs("2", [0.95 + it for it in CLEAR]) + runs("3", [0.95 + it for it in OPEN])
    helped, still = compare(CHAIN, records, looks=LOOKS)
    assert (helped.verdict, helped.look, helped.n, helped.tested) == (HELPED, 1, 5, 2)
    assert helped.level == LOOKS[0].level
    assert helped.left_out == {}  # seeds 5 to 9 of its parent belong to a later look
    assert (still.verdict, still.look, still.n, still.level) == (UNCLEAR, 2, 10, LOOKS[1].level)
    more = records + [record("2", seed, 0.1) for seed in range(5, 10)]  # says nothing any more
    assert compare(CHAIN, more, looks=LOOKS) == [helped, still]


def test_the_seeds_needed_are_those_of_open_changes() -> None:
    assert seeds_needed(CHAIN, [], LOOKS) == {"1": 5, "2": 5, "3": 5}
    first = [runs("1", [0.95] * 5), runs("2", [0.95 + it for it in CLEAR])]
    some = [each for records in first for each in records]
    assert (
        compare(CHAIN, some, looks=LOOKS)[0].verdict == TOO_FEW
    )  # one half of a look says nothing
    assert seeds_needed(CHAIN, some, LOOKS) == {"1": 5, "2": 5, "3": 5}
    five = some + runs("3", [0.95 + it for it in OPEN[:5]])
    assert seeds_needed(CHAIN, five, LOOKS) == {"1": 10, "2": 5, "3": 10}
    ends = [(name, seed) for name in "13" for seed in range(5, 20)]
    diverged = [record(name, seed, status="diverged") for name, seed in ends]
    assert seeds_needed(CHAIN, five + diverged, LOOKS) == {"1": 5, "2": 5, "3": 5}  # none is open
    failed = [record(name, seed, status="failed") for name, seed in ends]
    assert seeds_needed(CHAIN, five + failed, LOOKS) == {"1": 10, "2": 5, "3": 10}  # tried again
