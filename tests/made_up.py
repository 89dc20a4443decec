"""Made-up runs whose every figure is known."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from mnistlab.book.trial import Conv, Network, Training, Trial
from mnistlab.data.split import DataInfo
from mnistlab.results.compare import Verdict, compare
from mnistlab.training.record import Epoch, RunRecord
from mnistlab.training.scores import Scores

INFO = DataInfo(
    name="made-up", sha256="0" * 64, sizes={"train": 50_000, "validation": 10_000, "test": 10_000}
)


def trial(name: str, parent: str | None = None, rate: float = 0.001) -> Trial:
    network = Network(conv=(Conv(out=16, kernel=7, stride=3, padding=1),))
    return Trial(
        name=name,
        parent=parent,
        network=network,
        training=Training(batch_size=32, learning_rate=rate, epochs=8),
    )


def record(
    name: str,
    seed: int,
    validation: float = 0.98,
    test: float = 0.97,
    loss: float = 0.05,
    status: Literal["done", "diverged", "failed", "pruned"] = "done",
    seconds: float = 2.0,
    cpu_seconds: float = 0.0,
    environment: Mapping[str, str] = MappingProxyType({}),
    losses: Sequence[float | None] = (0.9, 0.5, 0.3, 0.2, 0.10, 0.12, 0.09, 0.10),
) -> RunRecord:
    figures = {"train": (0.99, 0.03), "validation": (validation, loss), "test": (test, 0.06)}
    scores = {
        part: Scores(accuracy=accuracy, loss=loss, auroc=None, f1_micro=accuracy, f1_macro=accuracy)
        for part, (accuracy, loss) in figures.items()
    }
    history = tuple(
        Epoch(
            epoch=i,
            train_loss=0.1,
            train_accuracy=0.9,
            validation_loss=loss,
            validation_accuracy=0.9,
            seconds=0.1,
        )
        for i, loss in enumerate(losses, 1)
    )
    epoch = len(losses) if status == "done" else None
    return RunRecord(
        trial=name, seed=seed, status=status, reason=None if status == "done" else "made so",
        epoch=epoch,
        scores=scores if status == "done" else {}, history=history,
        seconds=seconds, cpu_seconds=cpu_seconds, environment=dict(environment),
        engine="none", device="cpu",
        network=trial("x").network, training=trial("x").training, data=INFO,
    )  # fmt: skip


def runs(name: str, accuracies: Sequence[float]) -> list[RunRecord]:
    return [record(name, seed, accuracy) for seed, accuracy in enumerate(accuracies)]


def verdicts(*changes: Sequence[float]) -> list[Verdict]:
    """The verdicts of a book whose changes make these differences in accuracy, seed by seed."""
    trials = [trial("0"), *(trial(str(i), "0", i / 1000) for i in range(2, len(changes) + 2))]
    records = runs("0", [0.5] * max(map(len, changes)))
    for each, differences in zip(trials[1:], changes, strict=True):
        records += runs(each.name, [0.5 + difference for difference in differences])
        if not differences:
            records.append(record(each.name, 0, status="diverged"))
    return compare(trials, records)
