"""What a record refuses, however it got its values; and what it says of the machine."""

import platform
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mnistlab.training.record import RunRecord, environment
from tests.made_up import record


def test_a_record_survives_its_file() -> None:
    for status in ("done", "diverged", "failed"):
        made = record("a", 0, status=status)
        assert RunRecord.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    "edit",
    [
        {"scores": {}},
        {"epoch": 99},
        {"epoch": 0},
        {"epoch": None},
        {"history": ()},
        {"history": record("a", 0).model_dump()["history"][1:]},
        {"seconds": 1e308},
        {"cpu_seconds": -1.0},
        {"unsure_below": 1.5},
        {"status": "finished"},
    ],
)
def test_a_record_that_contradicts_itself_is_refused(edit: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RunRecord.model_validate(record("a", 0).model_dump() | edit)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("scores", "test", "accuracy"), 1.01),
        (("scores", "test", "loss"), 1e308),
        (("history", 0, "validation_loss"), 1e308),
        (("history", 0, "train_accuracy"), -0.1),
    ],
)
def test_a_figure_that_cannot_be_is_refused(place: tuple[Any, ...], value: float) -> None:
    made = record("a", 0).model_dump()
    inner: Any = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ValidationError):
        RunRecord.model_validate(made)


def test_the_environment_names_versions_and_what_computes() -> None:
    found = environment("native")
    assert found["numpy"] == np.__version__
    assert found["python"] == platform.python_version()
    assert found["engine"].startswith("native ")
    assert found["processor"]
    torch = pytest.importorskip("torch")
    told = environment("torch")["engine"]
    assert torch.__version__ in told
    assert torch.backends.cpu.get_cpu_capability() in told
