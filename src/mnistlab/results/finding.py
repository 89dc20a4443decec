"""Results by name: a trial's run in a results folder, and the results folders that are there."""

from collections.abc import Iterator
from pathlib import Path

from mnistlab.errors import StoreError, one_line
from mnistlab.results.models import by_loss
from mnistlab.results.plan import Plan
from mnistlab.results.store import Store
from mnistlab.results.summary import read_results


def run_folder(out: Path, trial: str | None, seed: int | None = None) -> Path:
    """Return the folder of a trial's run with that seed, or with the lowest validation loss.

    Without a trial `out` is taken for that folder. Raises StoreError, naming those that are there.
    """
    here = one_line(out)
    if trial is None and (out / "book.json").is_file():
        names = ", ".join(it.name for it in Store(out).plan().book.trials)
        raise StoreError(f"{here}: a results folder; add the name of a trial: {names}")
    if trial is None and seed is not None:
        raise StoreError(f"{here}: --seed is for OUT TRIAL; give both, or leave it out")
    if trial is None:
        return out
    runs = read_results(Store(out)).runs
    own = {run.record.seed: run for run in runs if run.record.trial == trial}
    if not own:
        names = ", ".join(dict.fromkeys(run.record.trial for run in runs))
        raise StoreError(f"{here}: no run of trial {one_line(trial)}; it has {names or 'none yet'}")
    if seed is not None and seed not in own:
        raise StoreError(
            f"{here}: no seed {seed} of trial {trial}; it has {', '.join(map(str, own))}"
        )
    return min([own[seed]] if seed is not None else own.values(), key=by_loss).folder


def results_folders(place: Path) -> Iterator[tuple[Path, Plan | None]]:
    """Results folders at most two levels below `place`, and their plans; None of a damaged one."""
    for path in sorted({*place.glob("*/book.json"), *place.glob("*/*/book.json")}):
        try:
            yield path.parent, Store(path.parent).plan()
        except StoreError:
            yield path.parent, None
