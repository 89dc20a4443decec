"""Changes over several data sets, against scipy and values worked by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mnistlab.book.trial import Book
from mnistlab.errors import DataError, LabError, StoreError
from mnistlab.images import Images
from mnistlab.results.across import (
    Across,
    ChangeAcross,
    check_sets,
    is_across,
    read_across,
    write_sets,
)
from mnistlab.results.judging import EQUIVALENT, HELPED, HURT, TOO_FEW, UNCLEAR
from mnistlab.results.looks import plan_looks
from mnistlab.results.plan import Plan
from mnistlab.results.store import Store, StoredRun
from mnistlab.results.summary import Results
from mnistlab.training.record import RunRecord
from tests.made_up import INFO, record, runs, trial

TRIALS = (trial("1"), trial("2", "1", 0.002), trial("3", "1", 0.003))
BOOK = Book(name="made-up", seeds=(0, 1, 2), trials=TRIALS)


def results(records: Sequence[RunRecord], **plan: Any) -> Results:
    made = Plan(book=BOOK, data=INFO, engine="none", device="cpu", **plan)
    return Results(made, tuple(StoredRun(each, Path(f"{i}")) for i, each in enumerate(records)))


def across(*sets: Sequence[Sequence[float]]) -> Across:
    """Sets a, b, … of which each gives the differences of trials 2 and 3, seed by seed."""
    made = {}
    for name, changes in zip("abc", sets, strict=False):
        records = runs("1", [0.9] * 20)
        for number, each in enumerate(changes, 2):
            records += runs(str(number), [0.9 + difference for difference in each])
        made[name] = results(records)
    return Across(made)


def one(*sets: Sequence[float]) -> ChangeAcross:
    """One change by its differences on each set."""
    (change,) = across(*([each] for each in sets)).changes()
    return change


def test_over_all_is_the_paired_test_of_each_seeds_mean_over_the_sets() -> None:
    generator = np.random.default_rng(3)
    made = generator.normal(0.001, 0.002, (3, 2, 8)) * np.array([1, 3, 9])[:, None, None]
    changes = across(*made.tolist()).changes()
    found = [stats.ttest_1samp(made[:, i].mean(axis=0), 0) for i in range(2)]
    for change, theirs in zip(changes, found, strict=True):
        it = change.over_all
        assert it.p == pytest.approx(theirs.pvalue)
        assert [it.low, it.high] == pytest.approx(list(theirs.confidence_interval()))
        assert (it.n, it.tested) == (8, 2)
    smaller = min(theirs.pvalue for theirs in found)
    assert min(change.over_all.p_holm or 0 for change in changes) == pytest.approx(2 * smaller)


def test_what_the_sets_owe_to_the_seed_does_not_make_the_interval_narrower() -> None:
    """A set taken twice says no more than once, and two sets that vary oppositely cancel out."""
    seeds = [0.001, 0.004, 0.003, -0.002, 0.002]
    once, twice = one(seeds).over_all, one(seeds, seeds).over_all
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    opposite = one(seeds, [0.004 - each for each in seeds]).over_all
    assert opposite.verdict == HELPED
    assert opposite.difference == pytest.approx(0.002)


def test_sets_weigh_equally_however_they_vary() -> None:
    # means 0.004 and 0.002, and seed by seed 0.003, 0.004, 0.002
    it = one([0.004, 0.006, 0.002], [0.002, 0.002, 0.002]).over_all
    assert it.difference == pytest.approx(0.003)
    # s = 0.001, t(0.975, 2) = 4.302653: 4.302653·0.001/√3
    assert it.high == pytest.approx(0.003 + 0.0024841, abs=1e-7)


def test_opposite_effects_may_be_equivalent_over_all_and_are_said_to_differ() -> None:
    up = [0.01 + each / 10_000 for each in (1, 2, 3, 1, 2, 3)]
    change = one(up, [-each for each in up])
    assert [it.verdict for it in change.on.values()] == [HELPED, HURT]
    assert change.over_all.verdict == EQUIVALENT
    assert change.apart == ("a", "b")
    assert one([-each for each in up], up).apart == ("b", "a")
    assert one(up, up).apart is None
    assert one([0.01], [-0.01]).apart is None  # no intervals


@pytest.mark.parametrize("missing", [3, 5])
def test_only_seeds_of_all_sets_count_and_the_others_are_named(missing: int) -> None:
    seeds = [0.01, 0.012, 0.011, 0.013, 0.009, 0.01]
    it = one(seeds, seeds[:-missing]).over_all
    assert it.n == 6 - missing
    assert it.verdict == (HELPED if missing == 3 else TOO_FEW)
    assert it.left_out == {("2 on b", "has no pair"): list(range(6 - missing, 6))}


def test_a_set_without_runs_of_a_trial_leaves_it_open_and_the_others_uncorrected_for_it() -> None:
    seeds = [0.01, 0.012, 0.011]
    first, second = across([seeds, seeds], [seeds]).changes()
    assert (first.over_all.verdict, first.over_all.tested) == (HELPED, 1)
    assert (second.over_all.verdict, second.over_all.n, list(second.on)) == (TOO_FEW, 0, ["a"])
    assert second.over_all.difference is None


def test_a_run_that_diverged_on_one_set_takes_its_seed_from_all() -> None:
    made = across([[0.01, 0.012, 0.011, 0.05]], [[0.01, 0.012, 0.011]])
    lost = results([*made.results["b"].records, record("2", 3, status="diverged")])
    (change,) = Across({"a": made.results["a"], "b": lost}).changes()
    assert change.over_all.n == 3
    assert change.over_all.difference == pytest.approx(0.011)


def test_equal_differences_take_the_least_spread_of_the_sets() -> None:
    # √½ images of 10,000 and of 1,000, on average 5.5 times that of 10,000
    made = across([[0.0] * 4], [[0.0] * 4])
    small = INFO.model_copy(update={"sizes": {**INFO.sizes, "validation": 1000}})
    plan = made.results["b"].plan.model_copy(update={"data": small})
    mixed = {"a": made.results["a"], "b": Results(plan, made.results["b"].runs)}
    (change,) = Across(mixed).changes()
    assert change.over_all.high == pytest.approx(3.182446 / 2 * 5.5 * 0.5**0.5 / 10_000, rel=1e-3)
    assert change.over_all.verdict == EQUIVALENT
    assert one([0.0, 0.01, -0.01]).over_all.verdict == UNCLEAR


def stored(folder: Path, changed: Mapping[str, Any] | None = None, **plan: Any) -> None:
    book = BOOK.model_copy(update=changed or {})
    images = Images(np.zeros((10, 28, 28), np.uint8), np.arange(10, dtype=np.uint8))
    data = INFO.model_copy(update={"sizes": {**INFO.sizes, "test": 10}})
    Store(folder).prepare(Plan(book=book, data=data, engine="none", device="cpu", **plan), images)


def test_a_folder_of_several_sets_tells_itself_and_their_order(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        stored(tmp_path / name)
    assert not is_across(tmp_path)  # whatever its sub-folders are
    write_sets(tmp_path, ["b", "a"])
    assert is_across(tmp_path)
    assert list(read_across(tmp_path).results) == ["b", "a"]
    assert read_across(tmp_path).changes() == []
    (tmp_path / "sets.json").write_text((tmp_path / "sets.json").read_text().replace("b", "c"))
    with pytest.raises(StoreError, match=r"sets\.json: damaged"):
        read_across(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trials": TRIALS[:2]}, "b: its book has other trials than that of the first set"),
        ({"margin": 0.5}, "other margin"),
        ({"validation": 100}, "other validation"),
        ({"seeds": (0, 1), "title": "another"}, None),
    ],
)
def test_sets_of_another_book_are_refused(
    changed: dict[str, Any], said: str | None, tmp_path: Path
) -> None:
    stored(tmp_path / "a")
    stored(tmp_path / "b", changed)
    write_sets(tmp_path, ["a", "b"])
    if said is None:
        read_across(tmp_path)
        return
    with pytest.raises(StoreError, match=said):
        read_across(tmp_path)


def test_sets_with_looks_are_refused(tmp_path: Path) -> None:
    stored(tmp_path / "a", looks=plan_looks(5, 10))
    write_sets(tmp_path, ["a"])
    with pytest.raises(StoreError, match="a: seeds were added until all was decided"):
        read_across(tmp_path)


def test_names_that_cannot_be_sub_folders_are_refused(tmp_path: Path) -> None:
    check_sets(tmp_path, ["mnist", "my data"])
    with pytest.raises(DataError, match="two data sets are called MNIST; rename or leave out one"):
        check_sets(tmp_path, ["mnist", "MNIST"])
    for name in ("..", "a/b", "con"):
        with pytest.raises(LabError, match="--data: "):
            check_sets(tmp_path, [name])
    stored(tmp_path)
    with pytest.raises(StoreError, match="the results of one data set; give another --out"):
        check_sets(tmp_path, ["mnist"])
    assert not is_across(tmp_path)
