"""What the report of a results folder says: one object, from which Markdown and HTML are made (see
`pages`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnistlab.book.reading import shipped_books
from mnistlab.book.trial import Conv, Reference, Trial
from mnistlab.data.catalog import NAMES
from mnistlab.data.split import PARTS
from mnistlab.images import Images
from mnistlab.report.charts import Chart, Row, Tick, Whisker, chain, learning_charts, whiskers
from mnistlab.report.words import (
    METRIC_NAMES,
    NOTHING,
    change_words,
    other_metrics,
    p_words,
    remarks,
    sentence,
    show,
    value_words,
)
from mnistlab.results.compare import Comparison
from mnistlab.results.mistakes import (
    Mistakes,
    TestPredictions,
    Trade,
    load_predictions,
    study,
    trade,
)
from mnistlab.results.summary import Results, TrialSummary
from mnistlab.training.record import RunRecord
from mnistlab.training.scores import METRICS

OVERVIEW = {
    "train acc": ("train", "accuracy"), "val acc": ("validation", "accuracy"),
    "val loss": ("validation", "loss"),
    "test acc": ("test", "accuracy"), "test loss": ("test", "loss"), "test AUROC": ("test",
    "auroc"),
    "test F1 (macro)": ("test", "f1_macro"),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A cell of the table of all trials, and the number to sort it by; None sorts last."""

    text: str
    value: float | None


@dataclass(frozen=True)
class Verdict:
    """What the report says of one change."""

    comparison: Comparison
    sentence: str
    p: str
    remarks: list[str]
    others: list[tuple[str, str]]  # the other measures: name, then before → after with its interval
    whisker: Whisker | None
    trade: Trade | None


@dataclass(frozen=True)
class TrialSection:
    """What the report says of one trial."""

    trial: Trial
    changes: str
    several: bool  # more than one setting changed at once
    configuration: str
    epoch: str
    seeds: int
    seconds: str
    troubles: list[str]
    rows: list[tuple[str, list[str]]]  # split, then a cell a metric
    published: list[tuple[str, list[str]]]
    charts: list[Chart]
    mistakes: Mistakes | None
    runs: list[tuple[int, str]]  # seed, and the run's folder

    @property
    def plot(self) -> str:
        """Where the trial's learning curves are in the results folder."""
        return f"plots/{self.trial.name}.png"


@dataclass(frozen=True)
class Best:
    """The trial with the lowest mean validation loss."""

    name: str
    seeds: int
    validation_loss: str
    validation_accuracy: str
    test_accuracy: str
    test_f1: str


@dataclass(frozen=True)
class Report:
    """What the report says."""

    title: str
    data: str
    sizes: Mapping[str, int]
    sha256: str
    metrics: list[str]
    best: Best | None
    verdicts: list[Verdict]
    scale: list[Tick]  # of the verdicts' whiskers
    chain: list[Row]
    header: list[str]
    table: list[list[Cell]]
    sections: list[TrialSection]
    environment: list[str]
    command: str

    def section(self, name: str) -> TrialSection | None:
        """What it says of the trial of that name, if it has runs."""
        return next((section for section in self.sections if section.trial.name == name), None)

    def verdict(self, name: str) -> Verdict | None:
        """What it says of the change that made the trial of that name."""
        return next(
            (verdict for verdict in self.verdicts if verdict.comparison.trial.name == name), None
        )


def compose(results: Results, test: Images) -> Report:
    """Everything the report says, from the stored runs and the test images alone. Raises
    StoreError.
    """
    plan, summaries = results.plan, results.summaries()
    reads = {
        s.trial.name: load_predictions(
            [r for r in results.runs if r.record.trial == s.trial.name], test
        )
        for s in summaries
    }
    verdicts, scale = _verdicts(results.comparisons(), reads, test)
    curves = learning_charts({summary.trial.name: summary.records for summary in summaries})
    folders = {(run.record.trial, run.record.seed): run.folder.name for run in results.runs}
    return Report(
        title=plan.book.title,
        data=plan.data.name,
        sizes=plan.data.sizes,
        sha256=plan.data.sha256,
        metrics=list(METRIC_NAMES.values()),
        best=_best(results.best()),
        verdicts=verdicts,
        scale=scale,
        chain=chain([summary.trial for summary in summaries]),
        header=["trial", "change", "verdict", "n", "epoch", "s/run", *OVERVIEW],
        table=[_overview(summary, verdicts, place) for place, summary in enumerate(summaries)],
        sections=[
            _section(
                s, plan.book.data, curves.get(s.trial.name, []), reads[s.trial.name], test, folders
            )
            for s in summaries
        ],
        environment=_environments(results.records),
        command=_command(results),
    )


def _verdicts(
    comparisons: Sequence[Comparison], reads: Mapping[str, TestPredictions | None], test: Images
) -> tuple[list[Verdict], list[Tick]]:
    judgements = [comparison.judgement for comparison in comparisons]
    drawn, scale = whiskers([(judged.difference, judged.low, judged.high) for judged in judgements])
    verdicts = []
    for comparison, whisker in zip(comparisons, drawn, strict=True):
        before, after = reads.get(comparison.parent.name), reads.get(comparison.trial.name)
        traded = trade(before, after, test.labels) if before and after else None
        verdicts.append(
            Verdict(
                comparison=comparison,
                sentence=sentence(comparison),
                p=p_words(comparison.judgement),
                remarks=remarks(comparison),
                others=other_metrics(comparison),
                whisker=whisker,
                trade=traded,
            )
        )
    return verdicts, scale


def _best(summary: TrialSummary | None) -> Best | None:
    if summary is None:
        return None
    return Best(
        summary.trial.name,
        len(summary.done),
        show(summary.figure("validation", "loss")),
        show(summary.figure("validation", "accuracy")),
        show(summary.figure("test", "accuracy")),
        show(summary.figure("test", "f1_macro")),
    )


def _overview(summary: TrialSummary, verdicts: Sequence[Verdict], place: int) -> list[Cell]:
    """A trial's line in the table of all trials; the book's order stands for its name and for its
    change.
    """
    judged = next(
        (v.comparison.judgement for v in verdicts if v.comparison.trial.name == summary.trial.name),
        None,
    )
    count = len(summary.done)
    figures = [summary.figure(part, metric) for part, metric in OVERVIEW.values()]
    return [
        Cell(summary.trial.name, place),
        Cell(change_words(summary), place),
        Cell(judged.verdict_text, judged.difference) if judged else Cell(NOTHING, None),
        Cell(str(count), count),
        Cell(show(summary.epoch(), 1), summary.epoch().mean),
        Cell(show(summary.seconds(), 1), summary.seconds().mean),
        *(Cell(show(figure), figure.mean) for figure in figures),
    ]


def _section(
    summary: TrialSummary, book_data: str, curves: list[Chart], read: TestPredictions | None,
    test: Images,
    folders: Mapping[tuple[str, int], str],
) -> TrialSection:  # fmt: skip
    trial = summary.trial
    return TrialSection(
        trial=trial,
        changes=change_words(summary),
        several=len(summary.changes) > 1,
        configuration=_configuration(trial),
        epoch=show(summary.epoch(), 1),
        seeds=len(summary.done),
        seconds=show(summary.seconds(), 1),
        troubles=[
            f"seed {record.seed} {record.status}: {record.reason}" for record in summary.troubled
        ],
        rows=[(part, [show(summary.figure(part, metric)) for metric in METRICS]) for part in PARTS],
        published=_published(trial.reference, book_data) if trial.reference else [],
        charts=curves,
        mistakes=study(read, test.labels) if read else None,
        runs=[
            (r.seed, folders[trial.name, r.seed])
            for r in summary.done
            if (trial.name, r.seed) in folders
        ],
    )


def _published(reference: Reference, data: str) -> list[tuple[str, list[str]]]:
    rows = []
    for part in PARTS:
        figures = getattr(reference, part).model_dump()
        if any(value is not None for value in figures.values()):
            cells = [
                NOTHING if figures[metric] is None else f"{figures[metric]:.4f}"
                for metric in METRICS
            ]
            rows.append((f"{part}, published on {data}", cells))
    return rows


def _configuration(trial: Trial) -> str:
    network, training = trial.network, trial.training
    layers = [_layer(layer) for layer in network.conv]
    dropout = [f"dropout {network.dropout:g}"] if network.dropout else []
    learns = [
        f"{training.optimizer}, learning rate {training.learning_rate:g}",
        *([f"momentum {training.momentum:g}"] if training.momentum else []),
        f"weight decay {training.weight_decay:g}, batch size {training.batch_size}",
        *([f"{training.schedule} schedule"] if training.schedule != "constant" else []),
        *(
            [f"images varied by {value_words(training.augment.model_dump())}"]
            if training.augment.active
            else []
        ),
        f"{training.epochs} epochs at most"
        + (f", patience {training.patience}" if training.patience else ""),
    ]
    structure = " → ".join([*layers, *dropout, "linear"])
    return f"{structure} ({network.parameters():,} parameters); {', '.join(learns)}"


def _layer(layer: Conv) -> str:
    size = f"{layer.kernel}×{layer.kernel}, stride {layer.stride}, padding {layer.padding}"
    norm, pool = ", batch-norm" * layer.norm, f", max-pool {layer.pool}" * (layer.pool > 1)
    return f"conv {layer.out} of {size}{norm}, ReLU{pool}"


def _environments(records: Sequence[RunRecord]) -> list[str]:
    """The distinct machines and versions the runs were made with."""
    said = {
        ", ".join(f"{key} {value}" for key, value in record.environment.items())
        for record in records
    }
    return sorted(said - {""})


def _command(results: Results) -> str:
    """How to run it again, wherever: a folder of data has a place on this machine that nobody else
    needs to know.
    """
    book, data = results.plan.book, results.plan.data.name.split(" + ")[0]
    name = book.name if book.name in shipped_books() else f"{book.name}.toml"
    return (
        f"mnistlab run {name} --data {data if data in NAMES else 'DIR'} --seeds {len(book.seeds)}"
    )
