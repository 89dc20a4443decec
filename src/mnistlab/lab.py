"""The spine: a book and its data in; every run on disk and a report out."""

import logging
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import loky

from mnistlab.book.reading import read_book
from mnistlab.book.trial import MAX_SEEDS, Book, Trial
from mnistlab.data.catalog import Progress, cache_folder, load_data
from mnistlab.data.drawings import add_drawings
from mnistlab.data.split import DataInfo, Split, split
from mnistlab.errors import BookError, StoreError, store_errors_as_unfinished
from mnistlab.images import DataSet
from mnistlab.report.words import is_own_data
from mnistlab.results.compare import seeds_needed
from mnistlab.results.judging import FEWEST
from mnistlab.results.looks import plan_looks
from mnistlab.results.plan import Plan
from mnistlab.results.store import Store
from mnistlab.results.summary import Results
from mnistlab.training.engines import choose_engine, require_augmentation, require_torch_for
from mnistlab.training.identity import identity
from mnistlab.training.local import LocalTrainer
from mnistlab.training.record import Epoch, Job, RunRecord
from mnistlab.training.trainer import AlreadyStored, Failure, Message, Trainer

OnJobEpoch = Callable[[Job, Epoch], None]


def run_book(
    book: Book | str | Path,
    data: DataSet | str | Path,
    out: str | Path | None = None,
    *,
    only: Sequence[str] = (),
    jobs: int | None = None,
    engine: str = "auto",
    device: str = "auto",
    trust_modules: bool = False,
    fresh: bool = False,
    max_seeds: int | None = None,
    progress: Progress | None = None,
    on_start: Callable[[Plan], None] = lambda plan: None,
    on_jobs: Callable[[Sequence[Job]], None] = lambda jobs: None,
    on_epoch: OnJobEpoch = lambda job, epoch: None,
    on_run: Callable[[RunRecord, bool], None] = lambda record, stored: None,
) -> Results:
    """Train each trial of the book with each seed, store each run, and write the report.

    A book or data that is named, or is a path, is read as `read_book` and `load_data` do.
    A run that is stored is not trained again unless `fresh`, or its files are damaged, which is
    logged. `out` is `default_folder` if not given, `jobs` the number of cores, `only` the names of
    all trials. `engine` is `native`, `torch` or `auto`, `device` `cpu`, `cuda` or `auto`. A trial
    with a module runs the code of a file, and is refused unless `trust_modules`. With `max_seeds`
    changes that are still open get more seeds, so many at most (see `results.looks`).

    `progress` shows downloads; `on_start` is called once nothing can be refused any more, `on_jobs`
    with the runs that are due, `on_epoch` after each epoch, `on_run` with each run and whether it
    was stored before. The traceback of a run that failed is in `logs/` of the results folder.
    Raises UnfinishedError if storing or reporting fails midway, else LabError.
    """
    book = book if isinstance(book, Book) else read_book(book)
    data = data if isinstance(data, DataSet) else load_data(data, progress)
    trials = _chosen(book, only, trust_modules)
    parts = add_drawings(split(data, book.validation), book.extra, progress)
    plan = _with_looks(_plan(book, trials, parts.info, engine, device), max_seeds, only)
    store = Store(Path(out) if out else default_folder(book, data.name))
    store.prepare(plan, parts.test)
    on_start(plan)
    train = _trainer(store, plan, loky.cpu_count() if jobs is None else jobs, fresh)
    records: list[RunRecord] = []
    while due := _due(plan, trials, records):
        on_jobs(due)
        with closing(_done(due, parts, train, store, plan, fresh, on_epoch)) as done:
            for record, known in done:
                records.append(record)
                on_run(record, known)
    with store_errors_as_unfinished():
        return _report(store, plan, [record for record in records if record.status == "failed"])


def default_folder(book: Book, data: str) -> Path:
    """Return `results/BOOK`, and in its name what else changes results.

    That is a data set which is not the book's own, and the options `--epochs` and `--strokes`.
    """
    other = [] if is_own_data(book, data) else [data]
    options = [option for option in book.options if not option.startswith("--seeds")]
    added = [re.sub(r"[^\w.]+", "-", each).strip("-") for each in (*other, *options)]
    return Path("results", "-".join([book.name, *added]))


def _trainer(store: Store, plan: Plan, processes: int, fresh: bool) -> Trainer:
    """What trains here; it leaves out what another lab has stored when its turn comes."""

    def is_stored(job: Job) -> bool:
        return not fresh and store.has_intact(identity(job, plan.data))

    return LocalTrainer(processes, cache_folder(), is_stored)


def _with_looks(plan: Plan, most: int | None, only: Sequence[str]) -> Plan:
    """The plan with looks, the first after the book's seeds, if so many seeds may be added.

    Raises BookError.
    """
    if most is None:
        return plan
    if only:
        raise BookError("--only: every trial is needed until all is decided; leave it out")
    if not FEWEST <= len(plan.book.seeds) <= most <= MAX_SEEDS:
        given = f"--max-seeds {most}, --seeds {len(plan.book.seeds)}"
        most_of = f"seeds at the first look, at most {MAX_SEEDS} at the last"
        raise BookError(f"{given}: give at least {FEWEST} {most_of}")
    return plan.model_copy(update={"looks": plan_looks(len(plan.book.seeds), most)})


def _due(plan: Plan, trials: Sequence[Trial], records: Sequence[RunRecord]) -> list[Job]:
    """The runs that are asked for and have no record; with looks, those of the next one."""
    seeds = dict.fromkeys((trial.name for trial in trials), plan.book.seeds)
    if plan.looks:
        margin = plan.book.margin / 100
        needed = seeds_needed(plan.book.trials, records, plan.looks, margin)
        seeds = {name: tuple(range(count)) for name, count in needed.items()}
    known = {(record.trial, record.seed) for record in records}
    asked = [(trial, seed) for trial in trials for seed in seeds[trial.name]]
    return [plan.job(trial, seed) for trial, seed in asked if (trial.name, seed) not in known]


def _done(
    due: Sequence[Job], parts: Split, train: Trainer, store: Store, plan: Plan, fresh: bool,
    on_epoch: OnJobEpoch,
) -> Generator[tuple[RunRecord, bool]]:  # fmt: skip
    """The record of each of these runs, and whether it was stored before; the others are trained.

    Raises UnfinishedError if storing fails midway.
    """
    missing = []
    for job in due:
        if not fresh and (record := _find(store, plan, job)):
            yield record, True
        else:
            missing.append(job)
    if missing:
        with closing(train(missing, parts)) as messages, store_errors_as_unfinished():
            _get_ready_to_report()
            yield from _stored(messages, store, plan, fresh, on_epoch)


def _find(store: Store, plan: Plan, job: Job) -> RunRecord | None:
    """The record of a stored run as this book names it; None if it is to be trained."""
    try:
        found = store.find(identity(job, plan.data))
    except StoreError as error:
        run = f"trial {job.trial.name}, seed {job.seed}"
        logging.getLogger(__name__).warning("%s: training again %s", error, run)
        return None
    return found.with_trial_name(job.trial.name).record if found else None


def _stored(
    messages: Iterable[tuple[Job, Message]],
    store: Store,
    plan: Plan,
    fresh: bool,
    on_epoch: OnJobEpoch,
) -> Iterator[tuple[RunRecord, bool]]:
    """Store each run as it finishes; give its record, and whether it was stored before.

    Failed and pruned runs have a record and no folder.
    """
    for job, message in messages:
        name = identity(job, plan.data)
        if isinstance(message, Epoch):
            on_epoch(job, message)
        elif isinstance(message, AlreadyStored):
            record = _find(store, plan, job)
            gone = Failure("another lab stored it, and it is damaged or gone")
            yield (record, True) if record else (_failed(job, gone, plan), False)
        elif isinstance(message, Failure):
            if message.traceback:
                log = message.traceback.encode(errors="backslashreplace")
                store.write_file(f"logs/{name}.log", log)
            yield _failed(job, message, plan), False
        elif message.record.status == "pruned":
            yield message.record, False
        else:
            yield store.write(name, message, replace=fresh).record, False


def _report(store: Store, plan: Plan, failures: list[RunRecord]) -> Results:
    """Write the report of all that is stored, again if another lab stored more meanwhile."""
    from mnistlab.report.pages import write_report

    while True:
        results = Results(plan, tuple(store.runs(plan)), tuple(failures))
        write_report(store, results)
        if len(store.runs(plan)) == len(results.runs):
            return results


def _plan(book: Book, trials: Sequence[Trial], data: DataInfo, engine: str, device: str) -> Plan:
    """What is to be run, and by which engine. Raises BookError, EngineError."""
    _refuse_nothing_in_colour(trials, data)
    if any(trial.training.augment.active for trial in book.trials):
        require_augmentation()
    chosen = choose_engine(engine, device)
    return Plan(book=book, data=data, engine=chosen.name, device=chosen.device)


def _refuse_nothing_in_colour(trials: Sequence[Trial], data: DataInfo) -> None:
    """Raise BookError for pictures of no digit, which are grey, among RGB images."""
    for trial in trials:
        if data.channels != 1 and trial.training.augment.nothing:
            reason = f"pictures of no digit are grey, the images of {data.name} RGB"
            raise BookError(f'trial "{trial.name}": augment nothing: {reason}; set nothing = 0')


def _get_ready_to_report() -> None:
    """Import what the report needs, half a second of it, while the workers start."""
    import mnistlab.report.pages  # noqa: F401, I001  it tells matplotlib where to write

    import matplotlib.figure  # noqa: F401


def _chosen(book: Book, only: Sequence[str], trusted: bool) -> list[Trial]:
    """The trials of those names, all if there are none. Raises BookError, EngineError."""
    names = {trial.name for trial in book.trials}
    if unknown := [name for name in only if name not in names]:
        there = f"no such trial in {book.name}; it has {', '.join(sorted(names))}"
        raise BookError(f"--only {unknown[0]}: {there}")
    trials = [trial for trial in book.trials if not only or trial.name in only]
    _check_modules(trials, trusted)
    return trials


def _check_modules(trials: Sequence[Trial], trusted: bool) -> None:
    """Refuse modules that nobody has said to trust, or that nothing can run. Raises LabError."""
    for trial in trials:
        if (module := trial.network.module) and not trusted:
            what = f"{module} is code that this book would run as you; read it, and if you trust it"
            remedy = "give --trust-modules (from Python: trust_modules=True)"
            raise BookError(f'trial "{trial.name}": {what} {remedy}')
        if module:
            require_torch_for(str(module))


def _failed(job: Job, failure: Failure, plan: Plan) -> RunRecord:
    return RunRecord(
        trial=job.trial.name, seed=job.seed, status="failed", reason=failure.reason,
        engine=job.engine, device=job.device, network=job.trial.network,
        training=job.trial.training, data=plan.data,
    )  # fmt: skip
