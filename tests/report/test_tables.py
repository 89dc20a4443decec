"""Exports: runs as CSV with the dtypes that the docs state, tables in Markdown and LaTeX."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from mnistlab.book.trial import Augment, Book, Conv, Trial
from mnistlab.report.tables import (
    COLUMNS,
    EXPORTS,
    as_latex,
    to_csv,
    to_latex,
    to_markdown,
    trial_table,
    verdict_table,
)
from mnistlab.results.plan import Plan
from mnistlab.results.store import StoredRun
from mnistlab.results.summary import Results
from mnistlab.training.record import RunRecord
from tests.made_up import INFO, record, trial

PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text("utf-8")


def made_up(
    trials: Sequence[Trial], records: Sequence[RunRecord], title: str = "Made up", data: str = "d"
) -> Results:
    book = Book(name="made-up", title=title, seeds=(0,), trials=tuple(trials))
    info = INFO.model_copy(update={"name": data})
    plan = Plan(book=book, data=info, engine="native", device="cpu")
    stored = [StoredRun(it, Path(f"{it.trial}-{it.seed}")) for it in records]
    done = tuple(run for run in stored if run.record.status != "failed")
    return Results(plan, done, tuple(it for it in records if it.status == "failed"))


def three_runs() -> Results:
    trials = [trial("NA"), trial("01", "NA", 0.0005)]
    augment = trials[1].training.model_copy(update={"augment": Augment(rotate=10)})
    trials[1] = trials[1].model_copy(update={"training": augment})
    records = [record("NA", 3, 1 / 3, cpu_seconds=1.5), record("NA", 4, 0.5)]
    return made_up(trials, [*records, record("01", 3, status="failed")], data="mine, not yours")


def csv_rows(results: Results) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(results), newline="")))


def documented_dtypes() -> dict[str, str]:
    """Column → pandas dtype, from the table in the docs."""
    rows = re.findall(r"^\| (`.+`) \| `(\w+)` \|", PAGE, re.MULTILINE)
    return {column: dtype for columns, dtype in rows for column in re.findall(r"`(.+?)`", columns)}


def test_a_row_for_each_run_part_and_metric() -> None:
    rows = csv_rows(three_runs())
    parts, metrics = ["train", "validation", "test"], ["accuracy", "loss", "auroc"]
    metrics += ["f1_micro", "f1_macro"]
    assert [(row["trial"], row["seed"], row["part"], row["metric"]) for row in rows] == [
        (name, seed, part, metric)
        for name, seed in (("NA", "3"), ("NA", "4"), ("01", "3"))
        for part in parts
        for metric in metrics
    ]


def test_a_row_says_all_of_its_run_and_its_trial() -> None:
    row = csv_rows(three_runs())[5]
    layers = json.loads(row.pop("conv"))
    assert [Conv(**layer) for layer in layers] == [Conv(out=16, kernel=7, stride=3, padding=1)]
    augment = {key: row.pop(key) for key in list(row) if key.startswith("augment.")}
    assert augment == {f"augment.{key}": "0.0" for key in Augment.model_fields}
    assert float(row.pop("value")) == 1 / 3  # every digit
    assert row == {
        "book": "made-up", "data": "mine, not yours", "trial": "NA", "parent": "", "seed": "3",
        "status": "done", "engine": "none", "device": "cpu", "epoch": "8", "seconds": "2.0",
        "cpu_seconds": "1.5", "part": "validation", "metric": "accuracy",
        "head": "flatten", "hidden": "[]", "activation": "relu", "dropout": "0.0", "module": "",
        "batch_size": "32", "learning_rate": "0.001", "weight_decay": "0.0",
        "optimizer": "adam", "momentum": "0.0", "schedule": "constant",
        "label_smoothing": "0.0", "epochs": "8", "patience": "0",
    }  # fmt: skip


def test_what_is_undefined_is_empty() -> None:
    rows = csv_rows(three_runs())
    assert (rows[2]["metric"], rows[2]["value"]) == ("auroc", "")
    lost = [row for row in rows if row["status"] == "failed"]
    assert len(lost) == 15
    assert {(row["epoch"], row["value"], row["parent"]) for row in lost} == {("", "", "NA")}
    assert {row["augment.rotate"] for row in lost} == {"10.0"}


def test_without_runs_there_is_a_header() -> None:
    header, *rows = to_csv(made_up([trial("1")], [])).split("\n")
    assert header.startswith(",".join(COLUMNS))
    assert rows == [""]
    assert "\r" not in header


def test_every_column_has_the_dtype_that_the_docs_state() -> None:
    dtypes, rows = documented_dtypes(), csv_rows(three_runs())
    assert list(dtypes) == list(rows[0])
    read = {"string": str, "Int64": int, "Float64": float}
    for row in rows:
        for column, dtype in dtypes.items():
            assert not row[column] or read[dtype](row[column]) is not None
    assert all(row["seed"] and row["trial"] and row["seconds"] for row in rows)


def test_pandas_reads_it_as_the_docs_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "runs.csv").write_text(to_csv(three_runs()), "utf-8", newline="")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    runs = names["runs"]
    dtypes = {column: str(dtype) for column, dtype in runs.dtypes.items()}
    assert dtypes == documented_dtypes()
    assert list(runs.trial.unique()) == ["NA", "01"]
    assert runs.parent.isna().sum() == 30
    means = names["means"]
    assert means["NA"] == pytest.approx((1 / 3 + 0.5) / 2)


def changes() -> Results:
    """Differences of 0.02, 0.02 and 0.01, and of 0 and 0."""
    trials = [trial("a_1"), trial("b--2 _x_", "a_1", 0.0005), trial("c.3", "a_1", 0.25)]
    accuracies = {"a_1": (0.9, 0.9, 0.9), "b--2 _x_": (0.92, 0.92, 0.91), "c.3": (0.9, 0.9)}
    records = [
        record(name, seed, accuracy)
        for name, each in accuracies.items()
        for seed, accuracy in enumerate(each)
    ]
    return made_up(trials, records, "50 % | *of_it*", "ünï漢")


def test_the_table_of_trials() -> None:
    table = trial_table(changes())
    assert list(table.columns) == [
        "trial", "change", "n", "val. accuracy", "test accuracy", "test loss",
    ]  # fmt: skip
    # s = √(1/30000), so half an interval is 4.302653 s / √3 = 0.01434
    assert table.rows[1] == [
        "b--2 _x_", "from a_1: learning rate 0.001 → 0.0005", "3", "0.9167 ± 0.0143", "0.9700",
        "0.0600",
    ]  # fmt: skip
    assert table.caption.startswith("50 % | *of_it*, data: ünï漢. ")


def test_the_table_of_verdicts_says_what_the_verdicts_say() -> None:
    results = changes()
    rows, verdicts = verdict_table(results).rows, results.verdicts()
    assert [row[:2] for row in rows] == [["a_1", "b--2 _x_"], ["a_1", "c.3"]]
    assert rows[0][2:5] == ["learning rate 0.001 → 0.0005", "3", "+1.67 [0.23, 3.10]"]
    assert [row[-1] for row in rows] == [verdict.verdict_text for verdict in verdicts]
    assert verdicts[0].p_holm
    assert rows[0][5] == f"{verdicts[0].p_holm:.4f}"
    assert rows[1][3:6] == ["2", rows[1][4], "–"]


def test_a_tiny_p_is_not_printed_as_0() -> None:
    records = [record("1", seed, 0.5) for seed in range(3)]
    records += [record("2", seed, 0.9 + seed / 1000) for seed in range(3)]
    ((*_, p, verdict),) = verdict_table(made_up([trial("1"), trial("2", "1", 1)], records)).rows
    assert (p, verdict) == ("< 0.0001", "helped")


def test_intervals_of_several_looks_are_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    results = changes()
    assert "its 95 % interval" in verdict_table(results).caption
    later = [replace(verdict, look=2) for verdict in results.verdicts()]
    monkeypatch.setattr(Results, "verdicts", lambda _: later)
    assert "its repeated confidence interval" in verdict_table(results).caption


def test_markdown_shows_every_cell_as_it_is() -> None:
    results = changes()
    tokens = MarkdownIt().enable("table").parse(to_markdown(results))
    cells = [
        "".join(each.content for each in after.children or [] if each.type != "softbreak")
        for token, after in pairwise(tokens)
        if token.type in ("th_open", "td_open")
    ]
    tables = trial_table(results), verdict_table(results)
    paragraphs = [after for it, after in pairwise(tokens) if it.type == "paragraph_open"]
    shown = ["".join(each.content for each in it.children or []) for it in paragraphs]
    assert shown == [table.caption for table in tables]
    assert cells == [cell for each in tables for row in (each.columns, *each.rows) for cell in row]


def test_latex_has_a_row_per_trial_and_per_change_and_as_many_cells_as_columns() -> None:
    text = to_latex(changes())
    for table, alignments in re.findall(r"(\\begin\{tabular\}\{(.*)\}\n(?s:.*?)\\end)", text):
        rows = [row for row in table.splitlines() if row.endswith(r"\tabularnewline")]
        columns = len(re.sub(r"\{.*?\}", "", alignments))
        assert [len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows] == [columns] * len(rows)
    assert text.count(r"\tabularnewline") == 4 + 3
    assert text.count(r"\raggedright ") == 4 + 2 * 3  # what may take several lines
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"\caption{50 \% $|$ *of\_it*, data: ünï\texttt{U+6F22}. Means" in text
    assert r"a\_1 & b{-}{-}2 \_x\_ & \raggedright learning rate 0.001 $\to$ 0.0005 & 3" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:"):
        assert text.count(rule) == 2


def test_a_book_without_changes_has_one_table() -> None:
    results = made_up([trial("1")], [record("1", 0)])
    assert to_latex(results).count(r"\begin{table}") == 1
    assert to_markdown(results).count("| --- |") == 1


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a_b & 50 %", r"a\_b \& 50 \%"),
        ("#1 $x$ {y}", r"\#1 \$x\$ \{y\}"),
        ("a\\b ~ ^", r"a\textbackslash{}b \textasciitilde{} \textasciicircum{}"),
        ("a--b", "a{-}{-}b"),
        ("<x>|?`", r"$<$x$>$$|$?\textasciigrave{}"),
        ("0.9 ± 0.1, −1 → 2 × 3", r"0.9 $\pm$ 0.1, $-$1 $\to$ 2 $\times$ 3"),
        ("Ærø, Žižek, Łódź", "Ærø, Žižek, Łódź"),
        ("漢 ą 🙂", r"\texttt{U+6F22} \texttt{U+0105} \texttt{U+1F642}"),
        ("two\nlines\x1b", r"two lines\textbackslash{}x1b"),
    ],
)
def test_any_text_is_text_in_latex(text: str, latex: str) -> None:
    assert as_latex(text) == latex


def test_each_kind_of_export() -> None:
    assert list(EXPORTS) == ["csv", "latex", "json", "markdown"]
    assert json.loads(EXPORTS["json"](changes()))["schema"] == 2
