"""Trials compared across results folders, and what is expected of a comparison."""

from dataclasses import replace
from pathlib import Path

import pytest

from mnistlab.book.reading import parse_book
from mnistlab.errors import BookError, StoreError
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.results.between import compare_between, compare_within, meets
from mnistlab.results.compare import Verdict
from tests.conftest import BASE, random_images
from tests.made_up import record, trial

ONE = '[[trial]]\nname = "a"\n'


@pytest.fixture(scope="module")
def tiny() -> DataSet:
    return DataSet("tiny", random_images(360), random_images(60, seed=1))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, tiny: DataSet) -> Path:
    """`old` and `new`, each about a trial `a`, of another rate; `both` has the two side by side."""
    place = tmp_path_factory.mktemp("between")
    other = BASE.replace("0.003", "0.000001")
    both = ONE + '[[trial]]\nname = "b"\nfrom = "a"\nlearning_rate = 0.000001\n'
    for name, text in (("old", BASE + ONE), ("new", other + ONE), ("both", BASE + both)):
        book = parse_book("seeds = 3\nvalidation = 60\n" + text, name, f"{name}.toml")
        run_book(book, tiny, place / name, jobs=1)
    return place


def test_two_folders_give_what_one_would(folders: Path) -> None:
    one = compare_within(folders / "both", "a", "b")
    assert compare_between(folders / "both/a", folders / "both/b") == one
    for old, new in (("old", "new"), ("old/a", "new/a")):
        two = compare_between(folders / old, folders / new)
        assert (two.verdict.n, two.verdict.p) == (3, one.verdict.p)
        assert two.verdict.difference == one.verdict.difference
        assert two.verdict.changed == {"learning_rate": (0.003, 0.000001)}
        assert two.images is not None
        assert one.images is not None
        assert two.images.gained == one.images.gained
        assert not two.in_book
    assert one.in_book
    assert compare_between(folders / "old", folders / "new").verdict.trial.name == "a of " + str(
        folders / "new"
    )


def test_what_cannot_be_compared_is_said(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"both: not one trial; give .*both/TRIAL, .* a, b"):
        compare_between(folders / "both", folders / "new")
    with pytest.raises(BookError, match="both/a: the same trial twice"):
        compare_between(folders / "both/a", folders / "both/a")
    with pytest.raises(BookError, match="both/c: not one trial"):
        compare_between(folders / "both/c", folders / "new")
    with pytest.raises(StoreError, match="not a results folder"):
        compare_between(tmp_path / "nothing/a", folders / "new")
    other = DataSet("other", random_images(360, seed=3), random_images(60, seed=1))
    book = parse_book("seeds = 1\nvalidation = 60\n" + BASE + ONE, "x", "x.toml")
    run_book(book, other, tmp_path / "other", jobs=1)
    with pytest.raises(StoreError, match="not the same images"):
        compare_between(folders / "old", tmp_path / "other")


def verdict(differences: list[float], margin: float = 0.001) -> Verdict:
    from mnistlab.results.compare import compare_pairs

    before, after = trial("a"), trial("b", "a", rate=0.01)
    records = [record("a", seed, validation=0.9) for seed in range(len(differences))]
    records += [record("b", i, validation=0.9 + it) for i, it in enumerate(differences)]
    return compare_pairs([(before, after)], records, margin)[0]


@pytest.mark.parametrize(
    ("differences", "met"),
    [
        ([0.01, 0.011, 0.012, 0.009], {"helped", "not-hurt"}),
        ([-0.01, -0.011, -0.012, -0.009], set()),
        ([0.0001, -0.0001, 0.0, 0.0001, -0.0001, 0.0], {"equivalent", "not-hurt"}),
        ([0.0001, 0.004, -0.0005, 0.006], set()),  # too wide to say
        ([0.0005, 0.003, 0.0001, 0.001, 0.002, 0.0002, 0.0001, 0.0012], {"not-hurt"}),
        ([0.01, 0.01], set()),  # too few seeds
    ],
)
def test_expectations(differences: list[float], met: set[str]) -> None:
    found = verdict(differences)
    told = {each for each in ("helped", "not-hurt", "equivalent") if meets(found, each)}
    assert told == met or (told == met | {"helped"} and found.verdict == "helped"), found


def test_a_wide_margin_forgives_a_small_loss() -> None:
    loss = verdict([-0.0012, 0.0003, -0.0015, 0.0, -0.0005])
    assert not meets(loss, "not-hurt")
    assert meets(replace(loss, margin=0.01), "not-hurt")
