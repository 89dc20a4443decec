"""What the benchmarks compare: each contender trains an epoch when asked to, in its own process.

A process is given a task or told to train an epoch, a line of JSON each on its standard input, and
answers each with a line of JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Augment, Trial
from mnistlab.data.catalog import load_data
from mnistlab.data.split import Split, split
from mnistlab.images import Images
from mnistlab.model import Weights
from mnistlab.model.network import initial_weights
from mnistlab.randomness import Purpose, generator
from mnistlab.training.batches import Batches
from mnistlab.training.fit import Engine
from mnistlab.training.native.engine import NativeEngine
from mnistlab.training.native.library import FORCE

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = {"native-avx2": {FORCE: "v3"}, "keras-jax": {"KERAS_BACKEND": "jax"}}
EPOCH = "epoch"

Epoch = Callable[[], object]
Answer = dict[str, float]


class Task(NamedTuple):
    """A trial of a shipped book, and how many images its epoch has at most."""

    book: str
    trial: str
    images: int = 50_000

    def read(self) -> Trial:
        """The trial without augmentation, which every framework does differently or not at all."""
        trial = read_book(self.book).trial(self.trial)
        training = trial.training.model_copy(update={"augment": Augment()})
        return trial.model_copy(update={"training": training})


class Process:
    """A contender as the benchmarks see it. Raises SystemExit when it has ended."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.command = name, " ".join(map(str, command))
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(more or {})},
        )

    def tell(self, message: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Answer:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended; see why, and type a task: {self.command}")
        answer: Answer = json.loads(line)
        return answer

    def ask(self, message: object) -> Answer:
        self.tell(message)
        return self.answer()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def start(name: str, data: str, more: Mapping[str, str] | None = None) -> Process:
    """Start a contender by its name; `more` is added to its environment."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.contenders", name, data]
    return Process(name, command, {**ENVIRONMENTS.get(name, {}), **(more or {})})


def held(process: psutil.Process) -> int:
    """Bytes of memory a process holds, shared pages in proportion where the system tells."""
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.rss))


def main() -> None:
    """Serve one contender: NAME DATA."""
    name, data = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a framework prints is not an answer
    build, images = find(name), split(load_data(data))
    epoch: Epoch | None = None
    for line in sys.stdin:
        message = json.loads(line)
        if message == EPOCH:
            assert epoch is not None, "give a task first"
            answer = timed(epoch)
        else:
            task = Task(*message)
            train = images.train[np.arange(min(task.images, len(images.train)))]
            epoch = build(task.read(), Split(images.info, train, images.validation, images.test))
            answer = {"images": len(train)}
        print(json.dumps(answer), file=answers, flush=True)


def timed(epoch: Epoch) -> Answer:
    """Train an epoch: seconds by the clock and of the processor, and bytes held after it."""
    wall, cpu = time.perf_counter(), time.process_time()
    epoch()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall, "cpu": cpu, "bytes": held(psutil.Process())}


def find(name: str) -> Callable[[Trial, Split], Epoch]:
    """What makes a contender's epochs; frameworks are loaded only by those that use them."""
    if name in ("native", "native-avx2"):
        return native
    if name == "torch":
        return torch
    from benchmarks.peers import PEERS

    return PEERS[name]


def native(trial: Trial, images: Split) -> Epoch:
    """Our engine, as the lab makes it."""
    return ours(NativeEngine, trial, images.train)


def torch(trial: Trial, images: Split) -> Epoch:
    """Our engine on PyTorch, as the lab makes it."""
    from mnistlab.training.torch import TorchEngine, one_thread

    epoch = ours(TorchEngine, trial, images.train)

    def on_one_thread() -> object:
        with one_thread():
            return epoch()

    return on_one_thread


def ours(engine: Callable[[Batches, Weights], Engine], trial: Trial, train: Images) -> Epoch:
    """Epochs of either engine with seed 0."""
    initial = initial_weights(trial.network, generator(0, Purpose.weights))
    learner = engine(Batches(trial.network, trial.training, train, 0), initial)
    order, rate = generator(0, Purpose.order), trial.training.learning_rate
    return lambda: learner.train_epoch(order.permutation(len(train)).astype(np.int64), rate)


if __name__ == "__main__":
    main()
