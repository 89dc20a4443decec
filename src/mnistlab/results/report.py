"""The report of a results folder: one object with everything in words, then the files made from it."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mnistlab.book.trial import Reference, Trial
from mnistlab.data.split import PARTS
from mnistlab.results.plots import learning_curves
from mnistlab.results.statistics import Interval
from mnistlab.results.store import Store
from mnistlab.results.summary import Results, TrialSummary
from mnistlab.training.record import RunRecord
from mnistlab.training.scores import METRICS

METRIC_NAMES = {
    "accuracy": "accuracy", "loss": "loss", "auroc": "AUROC", "f1_micro": "F1 (micro)", "f1_macro": "F1 (macro)",
}  # fmt: skip
OVERVIEW = [
    "trial", "change", "n", "epoch", "train acc", "val acc", "val loss", "test acc", "test loss", "test AUROC",
    "test F1 (macro)",
]  # fmt: skip
NOTHING = "–"


@dataclass(frozen=True)
class TrialSection:
    """What the report says of one trial."""

    name: str
    why: str
    note: str
    changes: str
    several: bool  # more than one setting changed at once
    configuration: str
    epoch: str
    seeds: int
    seconds: str
    troubles: list[str]
    rows: list[tuple[str, list[str]]]  # split, then a cell a metric
    published: list[tuple[str, list[str]]]
    plot: str | None


@dataclass(frozen=True)
class Report:
    """What the report says."""

    title: str
    data: str
    sizes: dict[str, int]
    sha256: str
    metrics: list[str]
    sections: list[TrialSection]
    header: list[str]
    table: list[list[str]]
    environment: list[str]
    command: str


def write_report(store: Store, results: Results) -> None:
    """Write `results.json`, `plots/*.png` and `report.md` into the results folder. Raises StoreError."""
    store.write_file("results.json", results.to_json().encode())
    summaries = results.summaries()
    for summary in summaries:
        if drawable := [record for record in summary.records if record.history]:
            store.write_file(plot_file(summary.trial), learning_curves(f"Trial {summary.trial.name}", drawable))
    store.write_file("report.md", to_markdown(compose(results)).encode())


def compose(results: Results) -> Report:
    """Everything the report says, from the results alone."""
    plan = results.plan
    summaries = results.summaries()
    return Report(
        title=plan.book.title,
        data=plan.data.name,
        sizes=plan.data.sizes,
        sha256=plan.data.sha256,
        metrics=list(METRIC_NAMES.values()),
        sections=[_section(summary, plan.book.data) for summary in summaries],
        header=OVERVIEW,
        table=[overview_row(summary) for summary in summaries],
        environment=_environments(results.records),
        command=f"mnistlab run {plan.book.name} --data {plan.data.name}",
    )


def to_markdown(report: Report) -> str:
    """The report as Markdown; whatever the book says appears as text."""
    environment = Environment(
        loader=PackageLoader("mnistlab.results"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=False,  # Markdown, not HTML: `text` escapes what users wrote
    )  # fmt: skip
    environment.filters["text"] = as_text
    return environment.get_template("report.md.jinja").render(report=report)


def as_text(value: str) -> str:
    """A user's words in Markdown: one line, and no mark-up in them works."""
    line = " ".join(value.split())
    return re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", html.escape(line, quote=False))


def overview_row(summary: TrialSummary) -> list[str]:
    """A trial's line in the table of all trials: name, change, seeds, epoch, then figures with intervals."""
    figures = [
        show(summary.figure(part, metric))
        for part, metric in (
            ("train", "accuracy"), ("validation", "accuracy"), ("validation", "loss"),
            ("test", "accuracy"), ("test", "loss"), ("test", "auroc"), ("test", "f1_macro"),
        )
    ]  # fmt: skip
    return [summary.trial.name, change_words(summary), str(len(summary.done)), show(summary.epoch(), 1), *figures]


def change_words(summary: TrialSummary) -> str:
    """What changed, from what to what."""
    if summary.parent is None:
        return "start"
    changes = [f"{setting} {_value(before)} → {_value(after)}" for setting, (before, after) in summary.changes.items()]
    return f"from {summary.parent.name}: {', '.join(changes) or 'nothing'}"


def show(figure: Interval, digits: int = 4) -> str:
    """A mean, with ± half its interval where there is one."""
    if figure.mean is None:
        return NOTHING
    mean = f"{figure.mean:.{digits}f}"
    return mean if figure.half is None else f"{mean} ± {figure.half:.{digits}f}"


def plot_file(trial: Trial) -> str:
    """Where a trial's learning curves are in the results folder."""
    return f"plots/{trial.name}.png"


def _section(summary: TrialSummary, book_data: str) -> TrialSection:
    trial = summary.trial
    return TrialSection(
        name=trial.name,
        why=trial.why,
        note=trial.note,
        changes=change_words(summary),
        several=len(summary.changes) > 1,
        configuration=_configuration(trial),
        epoch=show(summary.epoch(), 1),
        seeds=len(summary.done),
        seconds=show(summary.seconds(), 1),
        troubles=[f"seed {record.seed} {record.status}: {record.reason}" for record in summary.troubled],
        rows=[(part, [show(summary.figure(part, metric)) for metric in METRICS]) for part in PARTS],
        published=_published(trial.reference, book_data) if trial.reference else [],
        plot=plot_file(trial).replace(" ", "%20") if any(record.history for record in summary.records) else None,
    )


def _published(reference: Reference, data: str) -> list[tuple[str, list[str]]]:
    rows = []
    for part in PARTS:
        figures = getattr(reference, part).model_dump()
        if any(value is not None for value in figures.values()):
            cells = [NOTHING if figures[metric] is None else f"{figures[metric]:.4f}" for metric in METRICS]
            rows.append((f"{part}, published on {data}", cells))
    return rows


def _configuration(trial: Trial) -> str:
    network, training = trial.network, trial.training
    layers = [
        f"conv {layer.out} of {layer.kernel}×{layer.kernel}, stride {layer.stride}, padding {layer.padding}"
        + (", batch-norm" if layer.norm else "") + ", ReLU" + (f", max-pool {layer.pool}" if layer.pool > 1 else "")
        for layer in network.conv
    ]  # fmt: skip
    dropout = [f"dropout {network.dropout:g}"] if network.dropout else []
    learns = [
        f"{training.optimizer}, learning rate {training.learning_rate:g}",
        *([f"momentum {training.momentum:g}"] if training.momentum else []),
        f"weight decay {training.weight_decay:g}, batch size {training.batch_size}",
        *([f"{training.schedule} schedule"] if training.schedule != "constant" else []),
        f"{training.epochs} epochs at most" + (f", patience {training.patience}" if training.patience else ""),
    ]
    structure = " → ".join([*layers, *dropout, "linear"])
    return f"{structure} ({network.parameters():,} parameters); {', '.join(learns)}"


def _environments(records: Sequence[RunRecord]) -> list[str]:
    """The distinct machines and versions the runs were made with."""
    said = {", ".join(f"{key} {value}" for key, value in record.environment.items()) for record in records}
    return sorted(said - {""})


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return f"{len(value)} layers"
    return str(value)
