"""What `training.py` compares: each trains one epoch when asked to, in a process of its own.

A process is told on its standard input `build TRIAL` and `epoch`, and answers each with a line of JSON.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from mnistlab.training.autograd import AutogradEngine
from mnistlab.training.direct import DirectEngine
from mnistlab.training.patches import open_patches, share_patches
from numpy import matmul
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from mnistlab.book.reading import read_book
from mnistlab.book.trial import SIDE, Trial
from mnistlab.data.catalog import load_data
from mnistlab.data.images import Images
from mnistlab.data.split import Split, open_split, share_split, split
from mnistlab.training.fit import generator

Epoch = Callable[[], Any]


def main() -> None:
    """Serve one contender: NAME DATA."""
    name, data = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a framework prints is not an answer
    torch.set_flush_denormal("unflushed" not in name)
    with tempfile.TemporaryDirectory() as cache:
        folder = share_split(split(load_data(data)), Path(cache))
        parts = open_split(folder)
        epoch: Epoch | None = None
        for line in sys.stdin:
            command, *words = line.split()
            if command == "build":
                epoch = CONTENDERS[name](read_book("six-trials").trial(words[0]), parts, folder)
                answer = {}
            else:
                assert epoch is not None, "build first"
                wall, cpu = time.perf_counter(), time.process_time()
                epoch()
                answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "bytes": held()}
            print(json.dumps(answer), file=answers, flush=True)


def held() -> int:
    """Bytes of memory this process holds, pages shared with others counted in proportion where the system tells."""
    memory = psutil.Process().memory_full_info()
    return int(getattr(memory, "pss", memory.rss))


def module(trial: Trial) -> nn.Sequential:
    """The network as a tutorial writes it."""
    conv = trial.network.conv[0]
    return nn.Sequential(
        nn.Conv2d(1, conv.out, conv.kernel, conv.stride, conv.padding),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(trial.network.features(), 10),
    )


def tensors(images: Images) -> tuple[Tensor, Tensor]:
    """Pixels in [0, 1] (n, 1, 28, 28) and labels (n,)."""
    return torch.from_numpy(images.pixels).float().div(255).unsqueeze(1), torch.from_numpy(images.labels).long()


def adam(trial: Trial, model: nn.Module) -> torch.optim.Adam:
    """The optimizer as a tutorial calls it."""
    training = trial.training
    return torch.optim.Adam(model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay)


def tutorial(trial: Trial, parts: Split, _: Path, *, validate: bool = False) -> Epoch:
    """The loop of any PyTorch tutorial, with the running loss and accuracy that they print."""
    model, criterion = module(trial), nn.CrossEntropyLoss()
    optimizer = adam(trial, model)
    train = DataLoader(TensorDataset(*tensors(parts.train)), trial.training.batch_size, shuffle=True)
    validation = DataLoader(TensorDataset(*tensors(parts.validation)), 1000)

    def epoch() -> tuple[float, int]:
        running_loss, correct = 0.0, 0
        model.train()
        for inputs, labels in train:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * len(labels)
            correct += int((outputs.argmax(1) == labels).sum().item())
        if validate:
            model.eval()
            with torch.no_grad():
                for inputs, labels in validation:
                    outputs = model(inputs)
                    running_loss += criterion(outputs, labels).item()
                    correct += int((outputs.argmax(1) == labels).sum().item())
        return running_loss, correct

    return epoch


def validating(trial: Trial, parts: Split, folder: Path) -> Epoch:
    """The same, with loss and accuracy on the validation images after each epoch, as a whole run needs them."""
    return tutorial(trial, parts, folder, validate=True)


def autograd(trial: Trial, parts: Split, _: Path) -> Epoch:
    """Our engine for any network."""
    torch.set_num_threads(1)
    initial, order, augment = (generator(0, purpose) for purpose in ("weights", "order", "augment"))
    engine = AutogradEngine(trial.network, trial.training, parts.train, initial, augment, "cpu")
    return lambda: engine.train_epoch(torch.randperm(len(parts.train), generator=order), trial.training.learning_rate)


def direct(trial: Trial, parts: Split, folder: Path) -> Epoch:
    """Our engine without autograd, its patches mapped as the lab's workers map them."""
    engine, order = _direct(trial, parts, folder), generator(0, "order")
    return lambda: engine.train_epoch(torch.randperm(len(parts.train), generator=order), trial.training.learning_rate)


def floor(trial: Trial, parts: Split, folder: Path) -> Epoch:
    """The five matrix products of the direct engine and nothing else, on the same shapes and memory."""
    engine, size = _direct(trial, parts, folder), trial.training.batch_size
    engine.train_epoch(torch.arange(size), trial.training.learning_rate)
    batch = engine.batches[size]

    def epoch() -> None:
        for _ in range(0, len(parts.train), size):
            matmul(batch.X, engine.W_255, out=batch.H)
            matmul(batch.V, batch.H_G.swapaxes(1, 2), out=batch.Z)
            matmul(batch.DZ, batch.H_G, out=batch.DV)
            matmul(batch.DZ.T, batch.V, out=batch.DH_G)
            matmul(batch.X.T, batch.DH, out=engine.DW)

    return epoch


def _direct(trial: Trial, parts: Split, folder: Path) -> DirectEngine:
    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")
    conv = trial.network.conv[0]
    patches = open_patches(share_patches(folder, conv), parts, conv)
    return DirectEngine(trial.network, trial.training, parts.train, generator(0, "weights"), patches)


def keras_on_jax(trial: Trial, parts: Split, _: Path) -> Epoch:
    """Keras 3 with its JAX back end; L2 as a regulariser, because its Adam knows decoupled weight decay only."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    conv, training = trial.network.conv[0], trial.training
    decay = {f"{part}_regularizer": keras.regularizers.L2(training.weight_decay / 2) for part in ("kernel", "bias")}
    model = keras.Sequential(
        [
            keras.layers.Input((SIDE, SIDE, 1)),
            keras.layers.ZeroPadding2D(conv.padding),
            keras.layers.Conv2D(conv.out, conv.kernel, conv.stride, activation="relu", **decay),
            keras.layers.Flatten(),
            keras.layers.Dense(10, **decay),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(training.learning_rate), loss, metrics=["accuracy"])
    pixels = np.float32(parts.train.pixels[..., None]) / np.float32(255)
    return lambda: model.fit(pixels, parts.train.labels, training.batch_size, epochs=1, verbose=0)


def skorch(trial: Trial, parts: Split, _: Path) -> Epoch:
    """skorch's classifier, without a split of its own."""
    from skorch import NeuralNetClassifier

    training = trial.training
    net = NeuralNetClassifier(
        module(trial), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=training.learning_rate,
        optimizer__weight_decay=training.weight_decay, batch_size=training.batch_size, iterator_train__shuffle=True,
        train_split=None, max_epochs=1, verbose=0,
    )  # fmt: skip
    pixels, labels = tensors(parts.train)
    return lambda: net.partial_fit(pixels, labels)


def lightning(trial: Trial, parts: Split, _: Path) -> Epoch:
    """Lightning's trainer with everything switched off that can be."""
    import logging

    import lightning as pl

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Lit(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = module(trial)

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Adam:
            return adam(trial, self)

    lit = Lit()
    train = DataLoader(TensorDataset(*tensors(parts.train)), trial.training.batch_size, shuffle=True)
    off = {"logger": False, "barebones": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return lambda: pl.Trainer(max_epochs=1, accelerator="cpu", enable_model_summary=False, **off).fit(lit, train)


CONTENDERS: dict[str, Callable[[Trial, Split, Path], Epoch]] = {
    "tutorial": tutorial,
    "tutorial-unflushed": tutorial,
    "tutorial-validating": validating,
    "autograd": autograd,
    "direct": direct,
    "floor": floor,
    "keras-jax": keras_on_jax,
    "skorch": skorch,
    "lightning": lightning,
}

if __name__ == "__main__":
    main()
