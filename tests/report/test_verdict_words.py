"""Verdicts in words: sentences, looks, the best trial, what to expect."""

from collections.abc import Sequence
from dataclasses import replace

from mnistlab.book.trial import Book
from mnistlab.report.verdict_words import (
    best_basis,
    best_words,
    look_rows,
    look_words,
    looks_words,
    margin_words,
    other_metrics,
    p_words,
    points,
    prospects_words,
    remarks,
    sentence,
    standing,
)  # fmt: skip
from mnistlab.results.best import Best, find_best
from mnistlab.results.compare import Verdict, compare
from mnistlab.results.judging import EQUIVALENT, HURT
from mnistlab.results.looks import plan_looks
from mnistlab.results.plan import Plan
from mnistlab.results.prospects import prospects
from tests.made_up import INFO, record, runs, trial, verdicts

BOOK = [trial("1"), trial("2", "1", 0.0005)]


def test_the_sentence_of_the_readme() -> None:
    before, after = [0.95, 0.951, 0.95, 0.949, 0.952], [0.97, 0.972, 0.972, 0.97, 0.973]
    (verdict,) = compare(BOOK, runs("1", before) + runs("2", after))
    assert sentence(verdict) == (
        "Lowering learning rate from 0.001 to 0.0005 helped: +2.10 points [2.01, 2.19], n = 5."
    )


def test_few_pairs_in_words() -> None:
    said = [points(each) for each in verdicts([], [0.02], [0.02, 0.02], [0.0, 0.0, 0.0])]
    # √½ of 10,000 images is 0.00707 points; t(0.975, 1) = 12.706, t(0.975, 2) = 4.303
    assert said == [
        "n = 0",
        "+2.00 points no interval, n = 1",
        "+2.00 points [1.94, 2.06], n = 2",
        "0.00 points [−0.02, 0.02], within ±0.1, n = 3",
    ]


def test_an_undecided_change_says_what_its_seeds_could_have_found() -> None:
    (verdict,) = verdicts([0.001, -0.001, 0.002, 0.0005])
    # s = 0.125 points: (t(0.975, 3) + t(0.8, 3))·s/√4 = (3.1824 + 0.9785)·0.125/2
    assert remarks(verdict) == [
        "With this spread, 4 seeds find a difference of 0.26 points four times in five."
    ]
    among, _ = verdicts([0.001, -0.001, 0.002, 0.0005], [0.0, 0.0, 0.001])
    assert among.detectable is not None
    assert remarks(among)[0].endswith(
        f" {100 * among.detectable:.2f} points four times in five, corrected for all 2 changes."
    )
    helped, few = verdicts([0.02, 0.021, 0.02], [0.02, 0.03])
    assert remarks(helped) == []
    assert not any("spread" in remark for remark in remarks(few))


def test_an_equivalent_change_is_told_with_its_direction_where_that_is_certain() -> None:
    (none,) = verdicts([0.0001, -0.0001, 0.0002, -0.0001])
    assert sentence(none) == (
        "Raising learning rate from 0.001 to 0.002 made no difference that matters: "
        "0.00 points [−0.02, 0.03], within ±0.1, n = 4."
    )
    # one change, so each one-sided test is at 0.05
    assert remarks(none) == ["The interval of 90 % lies within ±0.1 points."]
    worse, _ = verdicts([-0.0004, -0.0003, -0.0005, -0.0004], [0.02, 0.021, 0.02, 0.02])
    assert (worse.verdict, worse.direction) == (EQUIVALENT, HURT)
    assert " hurt, by less than matters: −0.04 points [−0.05, −0.03], within" in sentence(worse)
    assert remarks(worse) == [
        "The interval of 95 %, corrected for all 2 changes lies within ±0.1 points."
    ]
    (wide,) = compare(BOOK, runs("1", [0.5] * 3) + runs("2", [0.51, 0.511, 0.51]), margin=0.025)
    assert (wide.verdict, margin_words(0.025)) == (EQUIVALENT, "±2.5")
    assert sentence(wide).endswith(", within ±2.5, n = 3.")


def test_equal_differences_have_the_interval_that_the_images_allow() -> None:
    (five,) = verdicts([0.0042] * 5)
    # ± t(0.975, 4)·√½/√5 images = 2.776·0.00707/2.236 points
    assert sentence(five).endswith(" helped: +0.42 points [0.41, 0.43], n = 5.")
    assert p_words(verdicts([0.0] * 5)[0]) == "p = 1; corrected for 1 change: 1."


def test_what_is_not_counted_is_told_in_ranges() -> None:
    lost = record("2", 0, status="diverged")
    records = [*runs("1", [0.95] * 12), lost, record("2", 1), record("2", 4)]
    (verdict,) = compare(BOOK, records)
    assert remarks(verdict)[-1] == (
        "Not counted: trial 2 diverged with seed 0; trial 2 has no run with seeds 2 to 3, 5 to 11."
    )


def test_runs_of_different_environments_are_told() -> None:
    here, there = {"python": "3.11", "cores": "2"}, {"python": "3.12", "cores": "2"}
    records = [record("1", seed, environment=here) for seed in range(2)]
    records += [record("2", seed, environment=there) for seed in range(2)]
    (verdict,) = compare(BOOK, records)
    assert remarks(verdict)[-1] == (
        "Paired runs differ in python: the time of those is not compared."
    )
    assert dict(other_metrics(verdict))["time"] == "–"


def test_the_other_measures_in_words() -> None:
    before = [record("1", seed, test=0.97) for seed in range(3)]
    after = [record("2", seed, test=0.98 + seed / 1000, seconds=2 + seed) for seed in range(3)]
    (verdict,) = compare(BOOK, before + after)
    said = dict(other_metrics(verdict))
    # t(0.975, 2) = 4.302653: ± 4.302653·0.001/√3 = 0.002484
    assert said["test accuracy"] == "+1.10 points [0.85, 1.35]"
    assert said["test loss"] == "0.0000"  # the same with every seed: no interval
    assert said["time"].startswith("× 1.44 [0.")  # the cube root of 1·1.5·2


LOOKS = plan_looks(3, 6)
NOISE = [0.0, 0.001, -0.001, 0.002, -0.002, 0.0]


def sequential(seeds: int, *effects: float) -> list[Verdict]:
    """Changes with these effects, the first of which has little noise."""
    trials = [trial("0"), *(trial(f"{i}", "0", i / 100) for i in range(1, len(effects) + 1))]
    records = runs("0", [0.5] * seeds)
    for i, effect in enumerate(effects, 1):
        records += runs(f"{i}", [0.5 + effect + (0.1, 1)[i > 1] * it for it in NOISE[:seeds]])
    return compare(trials, records, looks=LOOKS)


def test_at_which_look_a_change_was_decided() -> None:
    first, second = sequential(3, 0.1, 0.0)
    assert look_words(first, LOOKS) == "Decided at look 1 of 2, after 3 seeds."
    assert (
        look_words(second, LOOKS) == "Open after look 1 of 2, after 3 seeds; the next is after 6."
    )
    _, second = sequential(6, 0.1, 0.0)
    assert look_words(second, LOOKS) == "Not decided at the last, look 2 of 2, after 6 seeds."
    first, _ = sequential(2, 0.1, 0.0)
    assert look_words(first, LOOKS) == "Open: not all of the first look's 3 seeds are there."
    assert look_words(first, ()) == ""


def test_repeated_intervals_are_named_with_their_level() -> None:
    first, _ = sequential(3, 0.1, 0.0)
    # √3 of √3 + √6 of 0.05 is 2.07 %
    assert remarks(first) == ["The interval is a repeated confidence interval of 97.93 %."]
    assert p_words(first).endswith(", to be compared with this look's 0.021.")
    assert "compared" not in p_words(verdicts([0.1, 0.11, 0.1])[0])
    said = looks_words(LOOKS)
    assert "after 3 and 6 seeds" in said
    assert "a chance of 2.07 % and 2.93 %, 5 % in all" in said


def test_a_row_for_each_look_and_one_for_what_is_open() -> None:
    assert look_rows(sequential(6, 0.1, 0.0), LOOKS) == [
        ("1", "3", "2.07 %", "0 → 1 (helped)"),
        ("2", "6", "2.93 %", "–"),
        ("none", "–", "–", "0 → 2"),
    ]
    assert look_rows(sequential(3, 0.1), LOOKS)[1:] == [("2", "6", "2.93 %", "–")]


def best_of(**accuracies: Sequence[float]) -> Best:
    records = [it for name, each in accuracies.items() for it in runs(name, each)]
    best = find_best(list(accuracies), records)
    assert best is not None
    return best


def test_the_best_is_named_with_its_rivals() -> None:
    noise = [0.001, 0.002, 0.003, 0.002, 0.001]
    much = {"a": [0.5 + it for it in noise], "b": [0.5 + it for it in noise[1:] + noise[:1]]}
    rivals = best_of(**much, c=[0.4 + it for it in noise])
    assert best_words(rivals) == "a, not told from b"
    assert best_basis(rivals) == (
        "Highest mean validation accuracy, over the 5 seeds that all have. Told apart: 1 trial, "
        "each beaten by another in a one-sided paired t test at 0.05/3."
    )
    assert [standing(name, rivals) for name in "abc"] == ["among the best", "among the best", ""]
    alone = best_of(a=much["a"], c=[0.4 + it for it in noise], d=[0.9])
    assert best_words(alone) == "a"
    assert best_basis(alone).endswith(" Not compared, having fewer than 3 seeds: d.")
    assert [standing(name, alone) for name in "acd"] == ["best", "", ""]
    assert standing("a", None) == ""


def test_few_seeds_and_single_trials_have_a_best_without_pretence() -> None:
    two = best_of(a=[0.5, 0.6], b=[0.4, 0.4])
    assert best_words(two) == "a, not told from b"
    assert best_basis(two).endswith(
        ", over the 2 seeds that all have: too few to tell trials apart, which takes 3."
    )
    assert standing("a", two) == ""
    assert "without a seed that all have: too few" in best_basis(replace(two, seeds=()))
    assert (best_words(one := best_of(a=[0.5])), best_basis(one)) == (
        "a", "Nothing to compare it with.",
    )  # fmt: skip
    many = best_of(**{f"t{i}": [0.5 - i / 1000] for i in range(12)})
    assert best_words(many) == "t0, not told from any of the 11 others"


def planned(seeds: int, changes: int, looks: bool = False, margin: float = 0.1) -> Plan:
    trials = (trial("0"), *(trial(f"{i}", "0", i / 100) for i in range(1, changes + 1)))
    numbers = tuple(range(seeds))
    book = Book(name="b", title="", seeds=numbers, trials=trials, margin=margin)
    schedule = plan_looks() if looks else ()
    return Plan(book=book, data=INFO, engine="native", device="cpu", looks=schedule)


def test_what_is_possible_is_said_before_training() -> None:
    # the figures are those of the table in docs/statistics.md
    assert prospects_words(planned(5, 5)) == (
        "5 seeds, 5 changes: differences of 0.35 points or more will be found four times in five; "
        "equivalent (within ±0.1) is out of reach (if seeds differ as on MNIST)"
    )
    assert "; no effect is found equivalent (within ±0.1) in 48 % of" in prospects_words(
        planned(20, 5)
    )
    assert "(within ±0.5)" in prospects_words(planned(20, 1, margin=0.5))
    assert prospects_words(planned(2, 1)) == (
        "2 seeds, 1 change: too few seeds for verdicts, which need 3"
    )
    assert prospects_words(planned(5, 0)) == ""


def test_with_looks_it_is_what_the_last_look_can_say() -> None:
    said, last = prospects_words(planned(5, 5, looks=True)), plan_looks()[-1]
    it = prospects(40, 5, 0.001, 10_000, level=last.level)
    assert it.detectable is not None
    assert said.startswith(
        f"40 seeds at most, 5 changes: differences of {100 * it.detectable:.2f} points or more"
    )
    assert f"in {100 * it.chance:.0f} % of cases" in said
