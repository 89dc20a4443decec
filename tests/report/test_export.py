"""The contract of `results.json`, schema 2: later versions may only add keys."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mnistlab.book.trial import Book
from mnistlab.report.export import to_json
from mnistlab.results.looks import Look, plan_looks
from mnistlab.results.plan import Plan
from mnistlab.results.store import StoredRun
from mnistlab.results.summary import Results
from mnistlab.training.record import RunRecord
from tests.made_up import INFO, record, trial

NONE = dict.fromkeys(("accuracy", "loss", "auroc", "f1_micro", "f1_macro"))


def scores(accuracy: float, loss: float) -> dict[str, float | None]:
    return {
        "accuracy": accuracy, "loss": loss, "auroc": None,
        "f1_micro": accuracy, "f1_macro": accuracy,
    }  # fmt: skip


def exported() -> Any:
    accuracies = {"1": [0.5, 0.5, 0.5], "2": [0.75, 0.75, 0.625], "3": [0.25]}
    return contract_of(accuracies, 3, lost=(record("3", 1, status="failed"),))


def sequential() -> Any:
    """A change that the first look decides, and one that the last does not."""
    noise = [0.001, -0.001, 0.002, -0.002, 0.001]
    better, much_alike = [0.6 + it for it in noise], [0.601 + 2 * it for it in reversed(noise)]
    return contract_of({"1": [0.5] * 5, "2": better, "3": much_alike}, 5, looks=plan_looks(3, 5))


def contract_of(
    accuracies: Mapping[str, Sequence[float]],
    seeds: int,
    looks: tuple[Look, ...] = (),
    lost: tuple[RunRecord, ...] = (),
) -> Any:
    """`results.json` of runs with these accuracies, by trial, on the first so many seeds."""
    trials = (trial("1"), trial("2", "1", 0.0005), trial("3", "2", 0.25))
    book = Book(name="made-up", title="Made up", seeds=(0, 1, 2), trials=trials)
    plan = Plan(book=book, data=INFO, engine="native", device="cpu", looks=looks)
    done = [
        record(name, seed, accuracy, cpu_seconds=1.5)
        for name, each in accuracies.items()
        for seed, accuracy in enumerate(each[:seeds])
    ]
    stored = tuple(StoredRun(each, Path(f"{each.trial}{each.seed}")) for each in done)
    return json.loads(to_json(Results(plan, stored, lost)))


def test_the_keys_at_the_top() -> None:
    contract = exported()
    runs, verdicts = contract.pop("runs"), contract.pop("verdicts")
    assert contract == {
        "schema": 2,
        "book": "made-up",
        "title": "Made up",
        "data": {
            "name": "made-up",
            "sha256": "0" * 64,
            "sizes": {"train": 50_000, "validation": 10_000, "test": 10_000},
            "classes": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            "channels": 1,
        },
        "engine": "native",
        "device": "cpu",
        "margin": 0.001,
        "looks": [],
        "best": "2",  # 3 has a single seed, too few to compare
        "not_told_from_best": [],
        "best_seeds": [0, 1, 2],
    }
    assert [(run["trial"], run["seed"]) for run in runs] == [
        ("1", 0), ("1", 1), ("1", 2), ("2", 0), ("2", 1), ("2", 2), ("3", 0), ("3", 1),
    ]  # fmt: skip
    assert [(each["parent"], each["trial"]) for each in verdicts] == [("1", "2"), ("2", "3")]


def test_a_run() -> None:
    assert exported()["runs"][5] == {
        "trial": "2",
        "parent": "1",
        "seed": 2,
        "status": "done",
        "reason": None,
        "epoch": 8,
        "scores": {
            "train": scores(0.99, 0.03),
            "validation": scores(0.625, 0.05),
            "test": scores(0.97, 0.06),
        },
        "seconds": 2.0,
        "cpu_seconds": 1.5,
        "engine": "none",
        "device": "cpu",
        "parameters": None,
        "folder": "22",
    }


def test_a_run_without_figures_has_the_same_keys() -> None:
    first, lost = exported()["runs"][0], exported()["runs"][-1]
    assert lost.keys() == first.keys()
    assert (lost["status"], lost["reason"], lost["epoch"], lost["folder"]) == (
        "failed", "made so", None, None,
    )  # fmt: skip
    assert lost["scores"] == {"train": NONE, "validation": NONE, "test": NONE}


def test_a_verdict() -> None:
    verdict = exported()["verdicts"][0]
    # differences 2 2 1 eighths of 0.125: mean 5/24, s = √(1/192), √s²/3 = 1/24, so t = 5 with 2
    # degrees of freedom: p = 1 - 5/√27; t(0.975, 2) = 4.302653, t(0.8, 2) = 1.060660
    figures = {name: round(verdict.pop(name), 5) for name in ("difference", "low", "high", "p")}
    assert figures == {"difference": 0.20833, "low": 0.02906, "high": 0.38761, "p": 0.03775}
    assert round(verdict.pop("p_holm"), 5) == 0.03775
    assert round(verdict.pop("detectable"), 5) == 0.22347
    equal = {"n": 3, "difference": 0.0, "low": None, "high": None}
    assert verdict == {
        "trial": "2",
        "parent": "1",
        "changed": {"learning_rate": [0.001, 0.0005]},
        "metric": "validation accuracy",
        "n": 3,
        "margin": 0.001,
        "level": 0.05,
        "look": None,
        "verdict": "helped",
        "direction": "helped",
        "verdict_text": "helped",
        "also": {
            "validation loss": equal,
            "test accuracy": equal,
            "test loss": equal,
            "overfitting": equal,
            "smoothness": equal,
            "time": {"n": 3, "ratio": 1.0, "low": None, "high": None},
        },
    }


def test_what_has_no_answer_is_null() -> None:
    few = exported()["verdicts"][1]
    assert (few["n"], few["difference"], few["verdict"]) == (1, -0.5, "too few seeds")
    unknown = ("low", "high", "p", "p_holm", "detectable", "look", "direction")
    assert [few[name] for name in unknown] == [None] * 7


def test_looks_and_rivals() -> None:
    contract = sequential()
    assert [look["seeds"] for look in contract["looks"]] == [3, 5]
    # levels in proportion to √3 and √5 that add up to 0.05
    assert [round(look["level"], 5) for look in contract["looks"]] == [0.02182, 0.02818]
    decided, open_ = contract["verdicts"]
    assert (decided["verdict"], decided["look"], decided["n"]) == ("helped", 1, 3)
    assert (open_["verdict"], open_["look"], open_["n"]) == ("no clear difference", 2, 5)
    assert [each["level"] for each in contract["verdicts"]] == [
        look["level"] for look in contract["looks"]
    ]
    assert (contract["best"], contract["not_told_from_best"]) == ("3", ["2"])
    assert contract["best_seeds"] == [0, 1, 2, 3, 4]


def test_without_a_finished_run_nothing_is_best() -> None:
    contract = contract_of({"1": [0.5]}, 0)
    assert (contract["best"], contract["not_told_from_best"], contract["best_seeds"]) == (
        None, [], [],
    )  # fmt: skip


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text("utf-8")
    contract = exported()
    run, verdict = contract["runs"][0], contract["verdicts"][0]
    for key in {*contract, *contract["data"], *run, *run["scores"]["test"], *verdict}:
        assert f"`{key}`" in page, key
