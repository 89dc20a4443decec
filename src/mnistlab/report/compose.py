"""What a report is made of: one object, which the templates put into words (see `pages`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mnistlab.book.reading import shipped_books
from mnistlab.data.catalog import NAMES
from mnistlab.images import Images
from mnistlab.report.charts import Chart, Differences, Row, chain, learning_charts, whiskers
from mnistlab.report.front import Front, front
from mnistlab.report.plots import Curves, learning_curves
from mnistlab.report.words import is_own_data
from mnistlab.results.best import Best
from mnistlab.results.compare import Verdict
from mnistlab.results.mistakes import (
    GainsAndLosses,
    Mistakes,
    find_gains_and_losses,
    find_mistakes,
    load_predictions,
)
from mnistlab.results.plan import Plan
from mnistlab.results.summary import Results, TrialSummary
from mnistlab.training.record import RunRecord


@dataclass(frozen=True)
class Report:
    """What a report is made of. Of a trial, or of the change that made it, by the trial's name."""

    results: Results
    best: Best | None
    summaries: dict[str, TrialSummary]
    verdicts: dict[str, Verdict]
    mistakes: dict[str, Mistakes]
    gains_and_losses: dict[str, GainsAndLosses]
    curves: dict[str, list[Curves]]
    charts: dict[str, list[Chart]]
    differences: Differences
    chain: list[Row]
    front: Front | None  # None where all trials have as many weights
    environments: list[dict[str, str]]
    command: str


def compose(results: Results, test: Images) -> Report:
    """Everything a report says, from stored runs and test images alone. Raises StoreError."""
    summaries = {summary.trial.name: summary for summary in results.summaries()}
    verdicts = {verdict.trial.name: verdict for verdict in results.verdicts()}
    runs = {name: [run for run in results.runs if run.record.trial == name] for name in summaries}
    loaded = {name: load_predictions(own, test) for name, own in runs.items()}
    predictions = {name: known for name, known in loaded.items() if known}
    gains_and_losses = {
        name: find_gains_and_losses(predictions[verdict.parent.name], predictions[name])
        for name, verdict in verdicts.items()
        if name in predictions and verdict.parent.name in predictions
    }
    drawn = {name: learning_curves(summary.records) for name, summary in summaries.items()}
    curves = {name: each for name, each in drawn.items() if each}
    sized = {
        name: (weights, summary.figure("validation", "accuracy"))
        for name, summary in summaries.items()
        if (weights := summary.parameters)
    }
    return Report(
        results=results,
        best=results.best(),
        summaries=summaries,
        verdicts=verdicts,
        mistakes={name: find_mistakes(known) for name, known in predictions.items()},
        gains_and_losses={name: images for name, images in gains_and_losses.items() if images},
        curves=curves,
        charts=learning_charts(curves),
        differences=whiskers(list(verdicts.values()), results.margin),
        front=front(sized),
        chain=chain([summary.trial for summary in summaries.values()]),
        environments=_environments(results.records),
        command=_command(results.plan),
    )


def _environments(records: Sequence[RunRecord]) -> list[dict[str, str]]:
    """The machines and versions that the runs were made with, each once."""
    known = [record.environment for record in records if record.environment]
    return sorted({frozenset(each.items()): each for each in known}.values(), key=str)


def _command(plan: Plan) -> str:
    """How to run it again, wherever: where a folder of data lies on this machine is left out."""
    book, data = plan.book, plan.data.name.split(" + ")[0]
    name = book.name if book.name in shipped_books() else f"{book.name}.toml"
    known = data if data in NAMES else "" if is_own_data(book, data) else "PATH"
    words = ["mnistlab run", name, *(["--data", known] if known else []), *book.options]
    if plan.engine == "torch":
        words.append("--engine torch")
    if plan.device != "cpu":
        words.append(f"--device {plan.device}")
    if any(trial.network.module for trial in book.trials):
        words.append("--trust-modules")
    return " ".join(words)
