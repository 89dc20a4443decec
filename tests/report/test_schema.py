"""The published JSON Schema of `results.json`: takes what is written, and nothing less."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistlab.book.trial import Book
from mnistlab.data.split import split
from mnistlab.images import DataSet
from mnistlab.report.export import SCHEMA, to_json
from mnistlab.results.judging import UNCLEAR
from mnistlab.results.plan import Plan
from mnistlab.results.store import StoredRun
from mnistlab.results.summary import Results
from mnistlab.training.fit import run
from tests.report.test_export import exported, sequential

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).parents[2]
PUBLISHED = json.loads((ROOT / "src/mnistlab/report/results.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(PUBLISHED)
Place = tuple[str | int, ...]  # keys and indices from the top


def errors(contract: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(contract)]


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Every key in a contract, of the first element of each list."""
    for key, inner in value.items():
        yield (*above, key)
        if isinstance(inner, dict):
            yield from places(inner, (*above, key))
        elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield from places(inner[0], (*above, key, 0))


def around(contract: Any, place: Place) -> Any:
    """What holds the key at a place."""
    for key in place[:-1]:
        contract = contract[key]
    return contract


PROMISED = [place for place in places(exported()) if place[-2:-1] != ("changed",)]


def test_it_is_a_schema_of_the_version_that_is_written() -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)
    assert PUBLISHED["properties"]["schema"]["const"] == SCHEMA


def test_made_up_results_with_a_failed_run_are_valid() -> None:
    assert errors(exported()) == []


def test_those_with_looks_are_valid_and_these_must_be_whole() -> None:
    contract = sequential()
    assert errors(contract) == []
    for key in ("seeds", "level"):
        shortened = sequential()
        del shortened["looks"][0][key]
        assert errors(shortened)


def test_real_results_are_valid(tiny_book: Book, tiny: DataSet) -> None:
    images = split(tiny, tiny_book.validation)
    plan = Plan(book=tiny_book, data=images.info, engine="native", device="cpu")
    done = [run(plan.job(trial, seed), images) for trial in tiny_book.trials for seed in (0, 1)]
    stored = tuple(StoredRun(each.record, Path(f"run-{i}")) for i, each in enumerate(done))
    contract = json.loads(to_json(Results(plan, stored)))
    assert len(contract["runs"]) == 4
    assert errors(contract) == []


def test_results_in_the_docs_are_valid() -> None:
    files = [json.loads(file.read_text("utf-8")) for file in ROOT.glob("docs/**/results.json")]
    assert files
    for contract in files:
        assert contract["schema"] < SCHEMA or errors(contract) == []


@pytest.mark.parametrize("place", PROMISED, ids=str)
def test_a_promised_key_is_needed_and_has_a_type(place: Place) -> None:
    wrong: object
    for wrong in ([[]], True):
        contract = exported()
        around(contract, place)[place[-1]] = wrong
        assert errors(contract), wrong
    del around(contract, place)[place[-1]]
    assert errors(contract)


@pytest.mark.parametrize("place", [(), *PROMISED], ids=str)
def test_another_key_may_be_added_anywhere(place: Place) -> None:
    contract = exported()
    inner = around(contract, (*place, "new"))
    if isinstance(inner, dict) and place[-1:] != ("changed",):
        inner["new"] = {"n": 0, "low": None, "high": None}
    assert errors(contract) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), 1),
        (("data", "sha256"), "0" * 63),
        (("data", "sizes", "test"), 1.5),
        (("runs", 0, "status"), "running"),
        (("runs", 0, "seed"), -1),
        (("runs", 0, "epoch"), 0),
        (("runs", 0, "epoch"), None),
        (("runs", 0, "reason"), "a done run has none"),
        (("runs", -1, "epoch"), 3),
        (("runs", 0, "scores", "test", "accuracy"), 97.0),
        (("verdicts", 0, "verdict"), "better"),
        (("verdicts", 0, "p"), 1.5),
        (("verdicts", 0, "direction"), "up"),
        (("verdicts", 0, "look"), 0),
        (("verdicts", 0, "level"), 0.1),
        (("margin",), 0),
        (("looks",), [{"seeds": 0, "level": 0.01}]),
        (("not_told_from_best",), [1]),
        (("best_seeds",), [-1]),
        (("verdicts", 0, "changed", "learning_rate"), [0.1]),
        (("verdicts", 0, "also", "time", "ratio"), -1),
    ],
    ids=str,
)
def test_values_that_cannot_be(place: Place, value: object) -> None:
    contract = exported()
    around(contract, place)[place[-1]] = value
    assert errors(contract)


def test_every_kind_of_verdict_is_known() -> None:
    for verdict in ("helped", "hurt", "equivalent", UNCLEAR, "too few seeds"):
        contract = exported()
        contract["verdicts"][0]["verdict"] = verdict
        assert errors(contract) == []
