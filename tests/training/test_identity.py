"""What names a run's folder: golden names, and what does and does not change them."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from mnistlab.book.module import Module
from mnistlab.book.trial import Augment, Conv, Network, Training, Trial
from mnistlab.data.split import DataInfo
from mnistlab.training import identity as module
from mnistlab.training.identity import DEFAULTS, identity
from mnistlab.training.record import FORMAT, Job

DATA = DataInfo(name="d", sha256="ab" * 32, sizes={"train": 50, "validation": 10, "test": 10})
PLAIN = Training(batch_size=32, learning_rate=0.001, epochs=20)
NETWORK = Network(conv=(Conv(out=16, kernel=7, stride=3, padding=1), Conv(out=8, kernel=3)))
FULL = Training(
    batch_size=64, learning_rate=0.1, weight_decay=0.01, optimizer="sgd", momentum=0.9,
    schedule="cosine", epochs=5, patience=2, augment=Augment(rotate=10, nothing=0.1),
)  # fmt: skip


def job(network: Network = NETWORK, training: Training = PLAIN, seed: int = 0) -> Job:
    return Job(Trial(name="t", network=network, training=training), seed, "native")


def test_names_that_never_change() -> None:
    """Stored runs bear them: another name here means that everyone trains everything again."""
    assert identity(job(), DATA) == "f9b2a0a201ce9c6c"
    deep = Network(conv=(Conv(out=4, kernel=3, pool=2, norm=True),), dropout=0.5)
    assert identity(job(deep, FULL, 7), DATA) == "72dadd10d01bf5b1"


@pytest.mark.parametrize("model", [Network, Conv, Training, Augment])
def test_every_default_of_a_book_is_frozen_here(model: type[BaseModel]) -> None:
    fields = model.model_fields.items()
    defaults = {name: field.default for name, field in fields if not field.is_required()}
    defaults = {
        name: {} if isinstance(value, BaseModel) else [] if value == () else value
        for name, value in defaults.items()
    }
    assert defaults == {name: DEFAULTS[name] for name in defaults}


def test_a_new_key_renames_no_run_that_leaves_it_at_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NewNetwork(Network):
        gate: str = "open"

    old = identity(job(), DATA)
    monkeypatch.setitem(module.DEFAULTS, "gate", "open")
    new, other = NewNetwork(conv=NETWORK.conv), NewNetwork(conv=NETWORK.conv, gate="shut")
    assert identity(job(new), DATA) == old != identity(job(other), DATA)


def test_everything_that_decides_a_result_changes_the_name() -> None:
    network: list[dict[str, Any]] = [
        {"conv": NETWORK.conv[::-1]}, {"conv": NETWORK.conv[:1]}, {"conv": ()}, {"dropout": 0.1},
    ]  # fmt: skip
    first, second = NETWORK.conv
    layers: list[dict[str, Any]] = [
        {"out": 17}, {"kernel": 5}, {"stride": 2}, {"padding": 2}, {"pool": 2}, {"norm": True},
    ]  # fmt: skip
    network += [{"conv": (first.model_copy(update=change), second)} for change in layers]
    training: list[dict[str, Any]] = [
        {"batch_size": 33}, {"learning_rate": 0.002}, {"weight_decay": 0.1}, {"optimizer": "adamw"},
        {"optimizer": "sgd"}, {"optimizer": "sgd", "momentum": 0.5}, {"schedule": "cosine"},
        {"epochs": 21}, {"patience": 1},
    ]  # fmt: skip
    training += [{"augment": Augment(**{name: 0.5})} for name in Augment.model_fields]
    plain = job()
    found = [
        *(identity(job(NETWORK.model_copy(update=change)), DATA) for change in network),
        *(identity(job(training=PLAIN.model_copy(update=change)), DATA) for change in training),
        identity(plain, DATA),
        identity(job(seed=1), DATA),
        identity(replace(plain, engine="torch"), DATA),
        identity(replace(plain, engine="native-v2"), DATA),
        identity(replace(plain, device="cuda"), DATA),
        identity(plain, DATA.model_copy(update={"sha256": "ba" * 32})),
        identity(plain, DATA.model_copy(update={"sizes": DATA.sizes | {"validation": 11}})),
    ]
    assert len(set(found)) == len(found) == 4 + 6 + 9 + 7 + 7


def test_of_a_module_its_text_and_its_callable_count_and_its_files_name_does_not() -> None:
    def name(**change: str) -> str:
        module = Module(**{"file": "nets.py", "name": "Net", "source": "x = 1\n"} | change)
        return identity(replace(job(Network(conv=(), module=module)), engine="torch"), DATA)

    without = identity(replace(job(Network(conv=())), engine="torch"), DATA)
    assert len({without, name(), name(name="Other"), name(source="x = 2\n")}) == 4
    assert name(file="moved/other.py") == name() == "38f9da68bc4eab66"


def test_words_change_no_name() -> None:
    trial = job().trial.model_copy(update={"name": "u", "why": "?", "note": "!", "parent": "t"})
    assert identity(Job(trial, 0, "native"), DATA) == identity(job(), DATA)
    assert identity(job(), DATA.model_copy(update={"name": "e"})) == identity(job(), DATA)


def test_the_format_changes_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(job(), DATA)
    monkeypatch.setattr(module, "FORMAT", FORMAT + 1)
    assert identity(job(), DATA) != before
