"""The spine: a book and its data in; every run on disk and a report out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import loky

from mnistlab.book.trial import Book
from mnistlab.data.catalog import Progress, cache_folder
from mnistlab.data.drawings import add_drawings
from mnistlab.data.split import DataInfo, split
from mnistlab.errors import BookError
from mnistlab.images import DataSet
from mnistlab.results.store import Plan, Store
from mnistlab.results.summary import Results
from mnistlab.training.engines import choose_engine, see_that_it_can_augment
from mnistlab.training.local import LocalTrainer
from mnistlab.training.record import Epoch, Job, Run, RunRecord
from mnistlab.training.trainer import AlreadyStored, Failure, Message


def run_book(
    book: Book,
    data: DataSet,
    out: str | Path | None = None,
    *,
    only: Sequence[str] = (),
    jobs: int | None = None,
    engine: str = "auto",
    device: str = "auto",
    fresh: bool = False,
    progress: Progress | None = None,
    on_start: Callable[[Plan], None] | None = None,
    on_epoch: Callable[[Job, Epoch], None] | None = None,
    on_run: Callable[[RunRecord, bool], None] | None = None,
) -> Results:
    """Train every trial of the book with every seed, store each run as it finishes, and write the
    report.

    What is stored already is not trained again unless `fresh`. `out` is `results/<book>` by
    default, `jobs` the number of cores, `only` the names of the trials to train (all). `engine` is
    `native`, `torch` or `auto`, `device` `cpu`, `cuda` or `auto`. `progress` shows downloads,
    `on_start` hears what will be run when nothing can be refused any more, `on_epoch` of every
    epoch, `on_run` of every run and whether it was found stored. Raises LabError.
    """
    names = _known(only, book)
    parts = add_drawings(split(data, book.validation), book.extra, progress)
    plan = _plan(book, parts.info, engine, device)
    store = Store(Path(out) if out else Path("results") / book.name)
    store.prepare(plan, parts.test)
    if on_start:
        on_start(plan)

    def find(job: Job) -> RunRecord | None:
        """The record of a finished run, under the name that this book gives its trial."""
        found = None if fresh else store.find(plan.identity(job.trial, job.seed))
        return found.record.model_copy(update={"trial": job.trial.name}) if found else None

    wanted = [
        plan.job(trial, seed) for trial in book.trials if trial.name in names for seed in book.seeds
    ]
    missing = [job for job in wanted if find(job) is None]
    tell = on_run or (lambda record, stored: None)
    for record in filter(None, map(find, wanted)):
        tell(record, True)
    failures = []
    if missing:
        train = LocalTrainer(
            jobs or loky.cpu_count(), cache_folder(), lambda job: find(job) is not None
        )
        with closing(train(missing, parts)) as messages:
            _get_ready_to_report()
            for record, stored in _stored(messages, store, plan, fresh, on_epoch):
                failures += [record] if record.status == "failed" else []
                tell(record, stored)
    return _report(store, plan, failures)


def _report(store: Store, plan: Plan, failures: list[RunRecord]) -> Results:
    """Write the report of all that is stored, again if another lab stored more meanwhile."""
    from mnistlab.report.pages import write_report

    while True:
        results = Results(plan, tuple(store.runs(plan)), tuple(failures))
        write_report(store, results)
        if len(store.runs(plan)) == len(results.runs):  # else another lab stored more meanwhile
            return results


def _stored(
    messages: Iterable[tuple[Job, Message]],
    store: Store,
    plan: Plan,
    fresh: bool,
    on_epoch: Callable[[Job, Epoch], None] | None,
) -> Iterator[tuple[RunRecord, bool]]:
    """Store each run as it finishes; its record, and whether it was found stored. A failure has a
    record, no folder.
    """
    for job, message in messages:
        identity = plan.identity(job.trial, job.seed)
        if isinstance(message, Run):
            yield store.write(identity, message, replace=fresh).record, False
        elif isinstance(message, Failure):
            yield _failed(job, message, plan), False
        elif isinstance(message, AlreadyStored):
            if found := store.find(identity):
                yield found.record.model_copy(update={"trial": job.trial.name}), True
        elif on_epoch:
            on_epoch(job, message)


def _plan(book: Book, data: DataInfo, engine: str, device: str) -> Plan:
    """What is to be run, and by which engine. Raises EngineError."""
    if any(trial.training.augment.active for trial in book.trials):
        see_that_it_can_augment()
    chosen = choose_engine(engine, device)
    return Plan(book=book, data=data, engine=chosen.name, device=chosen.device)


def _get_ready_to_report() -> None:
    """Import what the report needs, half a second of it, while the workers start."""
    import matplotlib.figure  # noqa: F401

    import mnistlab.report.pages  # noqa: F401


def _known(only: Sequence[str], book: Book) -> set[str]:
    names = {trial.name for trial in book.trials}
    if unknown := [name for name in only if name not in names]:
        raise BookError(
            f"--only {unknown[0]}: no such trial in {book.name}; it has {', '.join(sorted(names))}"
        )
    return set(only) or names


def _failed(job: Job, failure: Failure, plan: Plan) -> RunRecord:
    return RunRecord(
        trial=job.trial.name,
        seed=job.seed,
        status="failed",
        reason=failure.reason,
        engine=job.engine,
        device=job.device,
        network=job.trial.network,
        training=job.trial.training,
        data=plan.data,
    )
