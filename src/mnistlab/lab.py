"""The spine: a book and its data in; every run on disk and a report out."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from mnistlab.book.trial import Book
from mnistlab.data.catalog import Progress, cache_folder
from mnistlab.data.drawn import add_drawings
from mnistlab.data.images import DataSet
from mnistlab.data.split import share_split, split
from mnistlab.errors import BookError, LabError
from mnistlab.results.pages import write_report
from mnistlab.results.store import Plan, Store
from mnistlab.results.summary import Results
from mnistlab.training.record import Epoch, Run, RunRecord, engine_for
from mnistlab.training.schedule import Failure, Job, train_all

OnEpoch = Callable[[Job, Epoch], None]
OnRun = Callable[[RunRecord, bool], None]


def run_book(
    book: Book,
    data: DataSet,
    out: str | Path | None = None,
    *,
    only: Sequence[str] = (),
    jobs: int | None = None,
    device: str = "auto",
    fresh: bool = False,
    progress: Progress | None = None,
    on_epoch: OnEpoch | None = None,
    on_run: OnRun | None = None,
) -> Results:
    """Train every trial of the book with every seed, store each run as it finishes, and write the report.

    What is stored already is not trained again unless `fresh`. `out` is `results/<book>` by default, `jobs` the number
    of cores, `only` the names of the trials to train (all). `progress` shows downloads, `on_epoch` hears of every
    epoch, `on_run` of every run and whether it was found stored. Raises LabError.
    """
    parts = add_drawings(split(data, book.validation), book.extra, progress)
    plan = Plan(book=book, data=parts.info, device=choose_device(device))
    names = _known(only, book)
    store = Store(Path(out) if out else Path("results") / book.name)
    store.prepare(plan, parts.test)
    missing = []
    for job in [Job(trial, seed) for trial in book.trials if trial.name in names for seed in book.seeds]:
        stored = None if fresh else store.find(plan.identity(job.trial, job.seed))
        if stored is None:
            missing.append(job)
        elif on_run:
            on_run(stored.record.model_copy(update={"trial": job.trial.name}), True)
    failures = []
    if missing:
        folder = share_split(parts, cache_folder())
        with closing(train_all(missing, folder, jobs or os.cpu_count() or 1, plan.device)) as news:
            for record in _stored(news, store, plan, fresh, on_epoch):
                failures += [record] if record.status == "failed" else []
                if on_run:
                    on_run(record, False)
    results = Results(plan, tuple(store.runs(plan)), tuple(failures))
    write_report(store, results)
    return results


def _stored(
    news: Iterable[tuple[Job, Epoch | Run | Failure]], store: Store, plan: Plan, fresh: bool, on_epoch: OnEpoch | None
) -> Iterator[RunRecord]:
    """Store each run as it finishes and give its record; a failure has a record and no folder."""
    for job, item in news:
        if isinstance(item, Run):
            identity = plan.identity(job.trial, job.seed)
            if fresh:
                store.forget(identity)
            yield store.write(identity, item).record
        elif isinstance(item, Failure):
            yield _failed(job, item, plan)
        elif on_epoch:
            on_epoch(job, item)


def choose_device(device: str) -> str:
    """`cpu` or `cuda`; `auto` takes CUDA where there is a device. Raises LabError."""
    if device == "cpu" or (device == "auto" and not shutil.which("nvidia-smi")):
        return "cpu"  # told without torch, which takes a second to import
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "auto":
        return "cpu"
    raise LabError("--device cuda: PyTorch finds no CUDA device here; use --device cpu")


def _known(only: Sequence[str], book: Book) -> set[str]:
    names = {trial.name for trial in book.trials}
    if unknown := [name for name in only if name not in names]:
        raise BookError(f"--only {unknown[0]}: no such trial in {book.name}; it has {', '.join(sorted(names))}")
    return set(only) or names


def _failed(job: Job, failure: Failure, plan: Plan) -> RunRecord:
    return RunRecord(
        trial=job.trial.name,
        seed=job.seed,
        status="failed",
        reason=failure.reason,
        engine=engine_for(job.trial, plan.device),
        device=plan.device,
        network=job.trial.network,
        training=job.trial.training,
        data=plan.data,
    )
