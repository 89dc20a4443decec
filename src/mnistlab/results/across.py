"""One book on several data sets: what each change did on each of them, and over all.

`sets.json` of a folder names its sub-folders, each the results folder of one data set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, harmonic_mean

from pydantic import BaseModel

from mnistlab.book.checking import validated
from mnistlab.book.names import BookName
from mnistlab.book.trial import Book
from mnistlab.errors import DataError, StoreError
from mnistlab.results.compare import Verdict, differences_by_seed
from mnistlab.results.judging import Judgement, judge
from mnistlab.results.plan import Plan
from mnistlab.results.sealing import reading, sealed, unsealed
from mnistlab.results.store import SETS, Store
from mnistlab.results.summary import Results, read_results

Differences = Mapping[str, Mapping[int, float]]  # data set → seed → in validation accuracy


class _Sets(BaseModel):
    names: tuple[BookName, ...]


@dataclass(frozen=True)
class ChangeAcross:
    """One change on every data set, and over all of them."""

    over_all: Verdict  # on validation accuracy alone; `n` are the seeds that all sets share
    on: Mapping[str, Verdict]  # data set → its own verdict; none where the trial has no run

    @property
    def apart(self) -> tuple[str, str] | None:
        """The sets of the highest and the lowest interval, if these exclude each other."""
        ends = [(it.low, it.high, name) for name, it in self.on.items()]
        known = [(low, high, name) for low, high, name in ends if low is not None is not high]
        if not known:
            return None
        highest, lowest = max(known), min(known, key=lambda it: it[1])
        return (highest[2], lowest[2]) if highest[0] > lowest[1] else None


@dataclass(frozen=True)
class Across:
    """The results of one book on several data sets, by their names."""

    results: Mapping[str, Results]

    @property
    def book(self) -> Book:
        """The book, which all sets share but for its seeds."""
        return next(iter(self.results.values())).plan.book

    def changes(self) -> list[ChangeAcross]:
        """What each change that has runs came to, in the book's order.

        Over all means: of each seed the mean difference over the sets, each weighing the same, and
        these judged as on a single set. So whatever the runs of one seed on several sets have in
        common does no harm, and neither do sets of unlike spread. It is about these sets, not about
        others. Seeds that a set lacks are left out.
        """
        verdicts = [
            (name, it.trial.name, it) for name, own in self.results.items() for it in own.verdicts()
        ]
        names = [trial.name for trial in self.book.trials]
        changes = [{name: it for name, own, it in verdicts if own == trial} for trial in names]
        there = [on for on in changes if on]
        differences = [differences_by_set(self.results, on) for on in there]
        means = [
            [fmean(own[seed] for own in each.values()) for seed in common_seeds(each)]
            for each in differences
        ]
        sizes = [it.plan.data.sizes["validation"] for it in self.results.values()]
        judged = judge(means, self.book.margin / 100, int(harmonic_mean(sizes)))
        return [
            ChangeAcross(_over_all(on, it, each), on)
            for on, it, each in zip(there, judged, differences, strict=True)
        ]


def differences_by_set(sets: Mapping[str, Results], on: Mapping[str, Verdict]) -> Differences:
    """What the change that these verdicts are about made of validation accuracy, seed by seed."""
    one = next(iter(on.values()))
    tried = {
        name: differences_by_seed((one.parent, one.trial), it.records) for name, it in sets.items()
    }
    return {
        name: {seed: value for seed, value in each.items() if value is not None}
        for name, each in tried.items()
    }


def common_seeds(differences: Differences) -> list[int]:
    """The seeds that every set has."""
    return sorted(set.intersection(*(set(each) for each in differences.values())))


def _over_all(on: Mapping[str, Verdict], it: Judgement, differences: Differences) -> Verdict:
    """The judgement on the seeds that all sets share, as a verdict."""
    one, mean = next(iter(on.values())), it.interval
    seeds = set().union(*differences.values())
    lacking = {
        (f"{one.trial.name} on {name}", "has no pair"): sorted(seeds - each.keys())
        for name, each in differences.items()
    }
    return replace(
        one, n=mean.n, difference=mean.mean, low=mean.low, high=mean.high,
        p=it.p, p_holm=it.p_holm, tested=it.tested, detectable=it.detectable, verdict=it.verdict,
        also={}, left_out={place: few for place, few in lacking.items() if few}, differ_in=[],
    )  # fmt: skip


def is_across(folder: Path) -> bool:
    """Whether a folder is about several data sets."""
    return (folder / SETS).is_file()


def check_sets(folder: Path, names: Sequence[str]) -> None:
    """Refuse data sets that cannot be sub-folders of a folder. Raises LabError."""
    for name in names:
        validated(BookName, name, "--data")
    small = [name.lower() for name in names]
    if twice := [name for name in names if small.count(name.lower()) > 1]:
        raise DataError(f"--data: two data sets are called {twice[-1]}; rename or leave out one")
    if (folder / "book.json").is_file():
        raise StoreError(f"{folder}: the results of one data set; give another --out")


def write_sets(folder: Path, names: Sequence[str]) -> None:
    """Note which data sets a folder is about. Raises StoreError."""
    Store(folder).write_file(SETS, sealed(_Sets(names=tuple(names)), {}))


def read_across(folder: Path) -> Across:
    """What a folder of several data sets holds, from stored runs alone. Raises StoreError."""
    with reading(folder / SETS):
        names = _Sets.model_validate_json(unsealed(folder / SETS)[0]).names
    across = Across({name: read_results(Store(folder / name)) for name in names})
    for name, it in across.results.items():
        _refuse_another(folder / name, it.plan, across.book)
    return across


def _refuse_another(folder: Path, plan: Plan, book: Book) -> None:
    """Raise StoreError for what cannot be judged together with the other sets."""
    keys = ("trials", "margin", "validation", "extra")
    other = [key for key in keys if getattr(plan.book, key) != getattr(book, key)]
    if other:
        what = f"its book has other {other[0]} than that of the first set"
        raise StoreError(f"{folder}: {what}; run the book again with --out {folder.parent}")
    if plan.looks:
        what = "seeds were added until all was decided, which cannot be judged over several sets"
        raise StoreError(f"{folder}: {what}; give --seeds, and another --out")
