"""Results for other programs and for papers: runs as CSV, trials and verdicts as tables.

Each function takes results and returns a text; `EXPORTS` names them as `mnistlab export` does.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mnistlab.book.trial import Trial
from mnistlab.data.split import PARTS
from mnistlab.errors import one_line
from mnistlab.report.export import to_json
from mnistlab.report.pages import as_text
from mnistlab.report.trial_words import change_words, list_changes
from mnistlab.report.verdict_words import margin_words
from mnistlab.report.words import difference_words, show
from mnistlab.results.statistics import Interval
from mnistlab.results.summary import Results
from mnistlab.training.scores import METRICS

RUN = ("seed", "status", "engine", "device", "epoch", "seconds", "cpu_seconds")
COLUMNS = ("book", "data", "trial", "parent", *RUN, "part", "metric", "value")  # then settings
FIGURES = {
    "val. accuracy": ("validation", "accuracy"), "test accuracy": ("test", "accuracy"),
    "test loss": ("test", "loss"),
}  # fmt: skip
SMALLEST_P = 0.0001  # that is printed as it is

# what LaTeX reads as mark-up, joins to another character, or has in its mathematics only
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}", '"': "''", "-": "{-}", "<": "$<$", ">": "$>$", "|": "$|$",
    "±": r"$\pm$", "×": r"$\times$", "−": "$-$", "→": r"$\to$", "–": "--",
}  # fmt: skip
NOT_IN_LATEX = "ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲų"  # of À to ž, its default font lacks these letters


@dataclass(frozen=True)
class Table:
    """A table of texts. A column's alignment is LaTeX's: l, r, or p with the width of a text."""

    name: str
    caption: str
    columns: Mapping[str, str]  # title → alignment
    rows: Sequence[Sequence[str]]


def to_csv(results: Results) -> str:
    """Return the runs in long form, a row for each run, part and metric; empty: undefined."""
    file = io.StringIO()
    columns = [*COLUMNS, *_settings(results.plan.book.trials[0])]
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(results))
    return file.getvalue()


def _rows(results: Results) -> Iterator[dict[str, object]]:
    book, data = results.plan.book.name, results.plan.data.name
    for summary in results.summaries():
        names = {"trial": summary.trial.name, "parent": summary.trial.parent}
        fixed = {"book": book, "data": data, **names, **_settings(summary.trial)}
        for record in summary.records:
            run = fixed | record.model_dump(include=set(RUN))
            for part in PARTS:
                scores = record.scores[part].model_dump() if part in record.scores else {}
                for metric in METRICS:
                    yield run | {"part": part, "metric": metric, "value": scores.get(metric)}


def _settings(trial: Trial) -> dict[str, object]:
    """Every setting by its key in a book; lists of layers as JSON, a module by its name."""
    settings = trial.network.model_dump() | trial.training.model_dump()
    layers = {key: json.dumps(settings[key]) for key in ("conv", "hidden")}
    layers["module"] = str(trial.network.module or "")
    augment = {f"augment.{key}": value for key, value in settings.pop("augment").items()}
    return settings | layers | augment


def trial_table(results: Results) -> Table:
    """Return each trial with its figures: mean ± half a 95 % interval over the seeds."""
    book = results.plan.book
    rows = [
        [
            summary.trial.name, change_words(summary), str(len(summary.done)),
            *(show(summary.figure(part, metric)) for part, metric in FIGURES.values()),
        ]
        for summary in results.summaries()
    ]  # fmt: skip
    return Table(
        "trials",
        f"{book.title or book.name}, data: {results.plan.data.name}. Means over n seeds ± half a "
        "95 % interval, at the epoch with the lowest validation loss.",
        {"trial": "l", "change": r"p{0.22\textwidth}", "n": "r", **dict.fromkeys(FIGURES, "r")},
        rows,
    )


def verdict_table(results: Results) -> Table:
    """Return each change with its difference in validation accuracy and its verdict."""
    verdicts = results.verdicts()
    kind = "repeated confidence" if any(it.look for it in verdicts) else "95 %"
    rows = [
        [
            it.parent.name, it.trial.name, list_changes(it.changed), str(it.n),
            difference_words(Interval(it.n, it.difference, it.low, it.high), 100, 2),
            _p(it.p_holm), it.verdict_text,
        ]
        for it in verdicts
    ]  # fmt: skip
    return Table(
        "verdicts",
        "What each change did to validation accuracy: the mean difference over n paired seeds, in "
        f"points, with its {kind} interval; p is corrected for all changes (Holm); equivalent: "
        f"within {margin_words(results.margin)} points.",
        {
            "from": "l", "to": "l", "change": r"p{0.24\textwidth}", "n": "r",
            "difference": "r", "p": "r", "verdict": r"p{0.18\textwidth}",
        },
        rows,
    )  # fmt: skip


def _p(p: float | None) -> str:
    return f"< {SMALLEST_P}" if p is not None and p < SMALLEST_P else show(p)


def to_markdown(results: Results) -> str:
    """Return the tables of trials and of verdicts in Markdown."""
    return "\n".join(_markdown(table) for table in _tables(results))


def _markdown(table: Table) -> str:
    rules = ["---:" if alignment == "r" else "---" for alignment in table.columns.values()]
    rows = ([as_text(cell) for cell in row] for row in table.rows)
    lines = ["| " + " | ".join(row) + " |" for row in (table.columns, rules, *rows)]
    return "\n".join([as_text(table.caption), "", *lines, ""])


def to_latex(results: Results) -> str:
    r"""Return the tables of trials and of verdicts in LaTeX, for a paper with `booktabs`."""
    tables = [_latex(table) for table in _tables(results)]
    return "\n".join([r"% the preamble needs \usepackage{booktabs}", *tables])


def _latex(table: Table) -> str:
    alignments = list(table.columns.values())
    rows = [
        " & ".join(
            r"\raggedright " * (alignment[0] == "p") + as_latex(cell)
            for cell, alignment in zip(row, alignments, strict=True)
        )
        for row in (list(table.columns), *table.rows)
    ]
    head, *body = (rf"{row} \tabularnewline" for row in rows)
    return "\n".join([
        r"\begin{table}", r"\centering\small\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{as_latex(table.caption)}}}\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{''.join(alignments)}}}",
        r"\toprule", head, r"\midrule", *body, r"\bottomrule",
        r"\end{tabular}", r"\end{table}", "",
    ])  # fmt: skip


def as_latex(text: str) -> str:
    """Return a text that pdfLaTeX sets as it is, whatever is in it.

    Of other letters it keeps those of Western and Central Europe; the rest become their code.
    """
    return "".join(LATEX.get(each) or _known(each) for each in one_line(text))


def _known(character: str) -> str:
    european = "À" <= character <= "ž" and character not in NOT_IN_LATEX
    return character if character.isascii() or european else rf"\texttt{{U+{ord(character):04X}}}"


def _tables(results: Results) -> list[Table]:
    return [table for table in (trial_table(results), verdict_table(results)) if table.rows]


EXPORTS: dict[str, Callable[[Results], str]] = {
    "csv": to_csv, "latex": to_latex, "json": to_json, "markdown": to_markdown,
}  # fmt: skip
