"""Two trials compared, of one results folder or of two that are about the same images."""

from dataclasses import dataclass
from pathlib import Path

from mnistlab.book.trial import Trial
from mnistlab.errors import BookError, StoreError, one_line
from mnistlab.results.compare import Verdict, compare_pairs
from mnistlab.results.judging import EQUIVALENT, HELPED, HURT
from mnistlab.results.mistakes import GainsAndLosses, find_gains_and_losses, load_predictions
from mnistlab.results.store import Store, StoredRun
from mnistlab.results.summary import Results, read_results

EXPECTATIONS = ("helped", "not-hurt", "equivalent")


@dataclass(frozen=True)
class Comparison:
    """What going from one trial to another does, in accuracy and in test images."""

    verdict: Verdict
    images: GainsAndLosses | None
    in_book: bool  # whether it is a change of the book, whose p is corrected for the others


def compare_within(out: Path, before: str, after: str) -> Comparison:
    """Compare two trials of a results folder. Raises LabError."""
    results = read_results(Store(out))
    verdict = results.verdict(before, after)
    images = _images(_Side(out, results, before), _Side(out, results, after))
    return Comparison(verdict, images, verdict.trial.parent == before)


def compare_between(before: Path, after: Path) -> Comparison:
    """Compare trials by their places, `OUT/TRIAL`, or `OUT` where there is but one.

    Raises LabError, also where the folders are not about the same data and split.
    """
    then, now = _side(before), _side(after)
    if then.out.resolve() == now.out.resolve():
        if then.trial == now.trial:
            raise BookError(f"{one_line(after)}: the same trial twice; give another")
        return compare_within(then.out, then.trial, now.trial)
    _check_same(then, now)
    names = [then.trial, now.trial]
    if then.trial == now.trial:
        names = [f"{side.trial} of {one_line(side.out)}" for side in (then, now)]
    trials = [side.named(name) for side, name in zip((then, now), names, strict=True)]
    records = [
        run.record.model_copy(update={"trial": name})
        for side, name in zip((then, now), names, strict=True)
        for run in side.runs
    ]
    margin = min(then.results.margin, now.results.margin)
    (verdict,) = compare_pairs([(trials[0], trials[1])], records, margin)
    return Comparison(verdict, _images(then, now), False)


def meets(verdict: Verdict, expectation: str) -> bool:
    """Whether a verdict is what was expected: one of `EXPECTATIONS`.

    Not hurt is what helped, is equivalent, or has its whole interval above −margin; so what too few
    seeds leave open is not.
    """
    if expectation == "not-hurt":
        above = verdict.low is not None and verdict.low > -verdict.margin
        surely = above and verdict.p is not None and verdict.verdict != HURT
        return verdict.verdict in (HELPED, EQUIVALENT) or surely
    return verdict.verdict == expectation


@dataclass(frozen=True)
class _Side:
    """A trial where it is stored."""

    out: Path
    results: Results
    trial: str

    @property
    def runs(self) -> list[StoredRun]:
        return [run for run in self.results.runs if run.record.trial == self.trial]

    def named(self, name: str) -> Trial:
        """The trial under another name."""
        return self.results.plan.book.trial(self.trial).model_copy(update={"name": name})


def _side(place: Path) -> _Side:
    whole = (place / "book.json").is_file()
    out = place if whole else place.parent
    results = read_results(Store(out))
    names = [trial.name for trial in results.plan.book.trials]
    trial = names[0] if whole and len(names) == 1 else "" if whole else place.name
    if trial not in names:
        remedy = f"give {out}/TRIAL, with one of its trials: {', '.join(names)}"
        raise BookError(f"{one_line(place)}: not one trial; {remedy}")
    return _Side(out, results, trial)


def _check_same(then: _Side, now: _Side) -> None:
    """Raise StoreError unless two folders are about the same images, split the same way."""
    for key, what in (("sha256", "images"), ("sizes", "split"), ("classes", "classes")):
        one, two = (getattr(side.results.plan.data, key) for side in (then, now))
        if one != two:
            apart = f"{one_line(then.out)} and {one_line(now.out)}: not the same {what}"
            raise StoreError(f"{apart} ({_short(one)}; {_short(two)}); compare runs on the same")


def _short(value: object) -> str:
    return one_line(value)[:60]


def _images(then: _Side, now: _Side) -> GainsAndLosses | None:
    known = [load_predictions(side.runs, Store(side.out).test()) for side in (then, now)]
    return find_gains_and_losses(known[0], known[1]) if known[0] and known[1] else None
