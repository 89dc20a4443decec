import json

import pytest
from scipy import stats

from mnistlab.book.trial import Book
from mnistlab.data.split import DataInfo
from mnistlab.report.export import to_json
from mnistlab.results.statistics import interval
from mnistlab.results.store import Plan
from mnistlab.results.summary import Results
from mnistlab.training.record import Epoch, RunRecord
from mnistlab.training.scores import METRICS, Scores


def record(
    book: Book, trial: str, seed: int, accuracy: float = 0.9, status: str = "done"
) -> RunRecord:
    settings = book.trial(trial)
    scores = Scores(accuracy=accuracy, loss=0.5, auroc=None, f1_micro=accuracy, f1_macro=0.8)
    epoch = Epoch(
        epoch=1,
        train_loss=0.6,
        train_accuracy=0.8,
        validation_loss=0.7,
        validation_accuracy=0.8,
        seconds=1,
    )
    return RunRecord.model_validate({
        "trial": trial, "seed": seed, "status": status,
        "reason": None if status == "done" else "why not",
        "epoch": 1 if status == "done" else None, "history": (epoch,),
        "scores": dict.fromkeys(("train", "validation", "test"),
        scores) if status == "done" else {},
        "engine": "autograd", "device": "cpu", "network": settings.network,
        "training": settings.training,
        "data": plan(book).data,
    })  # fmt: skip


def plan(book: Book) -> Plan:
    sizes = {"train": 240, "validation": 60, "test": 60}
    return Plan(
        book=book,
        data=DataInfo(name="tiny", sha256="00", sizes=sizes),
        engine="native",
        device="cpu",
    )


def test_an_interval_worked_by_hand() -> None:
    # mean 3, s = √2.5 = 1.5811, t(0.975, 4) = 2.7764: 3 ± 2.7764 · 1.5811 / √5
    found = interval([1, 2, 3, 4, 5])
    assert (found.n, found.mean) == (5, 3)
    assert found.half == pytest.approx(1.9632, abs=1e-4)
    low, high = stats.t.interval(0.95, 4, loc=3, scale=stats.sem([1, 2, 3, 4, 5]))
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)


def test_few_values_have_defined_intervals() -> None:
    assert interval([]) == interval([None])
    assert (interval([]).n, interval([]).mean, interval([]).half) == (0, None, None)
    assert (interval([0.5]).mean, interval([0.5]).low, interval([0.5]).half) == (0.5, None, None)
    assert interval([0.1, 0.1, 0.1]).half == pytest.approx(0, abs=1e-15)
    assert interval([0.2, None, 0.4]).n == 2


def test_results_json_keeps_the_contract(tiny_book: Book) -> None:
    failures = (
        record(tiny_book, "b", 1, status="diverged"),
        record(tiny_book, "a", 0),
        record(tiny_book, "b", 0),
    )
    contract = json.loads(to_json(Results(plan(tiny_book), (), failures)))
    assert contract["schema"] == 2
    assert contract["book"] == "tiny"
    assert set(contract["data"]) == {"name", "sha256", "sizes"}
    assert [(run["trial"], run["parent"], run["seed"],
    run["status"]) for run in contract["runs"]] == [
        ("a", None, 0, "done"), ("b", "a", 0, "done"), ("b", "a", 1, "diverged"),
    ]  # fmt: skip
    done, diverged = contract["runs"][0], contract["runs"][2]
    assert done["scores"]["test"]["auroc"] is None
    assert done["scores"]["test"]["accuracy"] == 0.9
    assert diverged["scores"]["test"] == dict.fromkeys(METRICS)
    assert (done["engine"], diverged["epoch"]) == ("autograd", None)


def test_a_summary_leaves_out_what_has_no_figures_and_names_it(tiny_book: Book) -> None:
    records = (
        record(tiny_book, "b", 0, 0.8),
        record(tiny_book, "b", 1, 0.9),
        record(tiny_book, "b", 2, status="failed"),
    )
    (summary,) = Results(plan(tiny_book), (), records).summaries()
    assert summary.figure("test", "accuracy").n == 2
    assert summary.figure("test", "accuracy").mean == pytest.approx(0.85)
    assert [found.seed for found in summary.troubled] == [2]
    assert summary.changes == {"learning_rate": (0.003, 0.001)}
