"""What a results folder is about: a book, its data, and what trains."""

import json

from pydantic import BaseModel, ConfigDict

from mnistlab.book.trial import Book, Trial
from mnistlab.data.split import PARTS, DataInfo
from mnistlab.errors import printable
from mnistlab.images import DIGITS
from mnistlab.results.looks import Look
from mnistlab.results.sealing import sha256_of
from mnistlab.training.identity import identity
from mnistlab.training.record import Job

MAX_NAMES = 60  # letters of classes' names in an error


class Plan(BaseModel):
    """What a results folder is about."""

    model_config = ConfigDict(frozen=True)

    book: Book
    data: DataInfo
    engine: str
    device: str
    looks: tuple[Look, ...] = ()  # where seeds are added until every change is decided

    def job(self, trial: Trial, seed: int) -> Job:
        """Return one of the runs that this is about; a module trains with PyTorch."""
        engine = "torch" if trial.network.module else self.engine
        return Job(trial, seed, engine, self.device)

    def identity(self, trial: Trial, seed: int) -> str:
        """Return the name of that run's folder."""
        return identity(self.job(trial, seed), self.data)


def about(plan: Plan) -> tuple[str, ...]:
    """What all runs of a folder have in common: texts that differ whenever it does."""
    sizes = ", ".join(f"{part} {plan.data.sizes[part]:,}" for part in PARTS)
    epochs = [option for option in plan.book.options if option.startswith("--epochs")]
    way = " ".join(epochs) or "the book's own epochs"
    kind = f"{_class_words(plan.data.classes)}, {sizes}"
    looks = f"judged at looks after {', '.join(str(look.seeds) for look in plan.looks)} seeds"
    judged = looks if plan.looks else "judged once"
    return f"made with {way}", f"of images {plan.data.sha256[:8]} ({kind})", judged


def _class_words(classes: tuple[str, ...]) -> str:
    """How many classes, and their names unless they are the digits, the first of many."""
    count, names = f"{len(classes)} classes", printable(json.dumps(classes, ensure_ascii=False))
    if len(names) > MAX_NAMES:
        names = f"{names[:MAX_NAMES]}… {sha256_of(names.encode())[:8]}]"
    return count if classes == DIGITS else f"{count} {names}"
