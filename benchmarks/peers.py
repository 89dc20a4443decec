"""The other contenders: a tutorial's PyTorch loop, and frameworks, on a shipped book's trials."""

import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.contenders import Epoch
from mnistlab.book.trial import Training, Trial
from mnistlab.data.split import Split
from mnistlab.images import DIGITS, SIDE, Images

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}

torch.set_flush_denormal(True)  # else weights that L2 drives there slow everybody but us


def module(trial: Trial) -> nn.Sequential:
    """The network as a tutorial writes it."""
    network, layers = trial.network, list[nn.Module]()
    for conv, ((channels, _), _) in zip(network.conv, pairwise(network.shapes()), strict=True):
        layers.append(nn.Conv2d(channels, conv.out, conv.kernel, conv.stride, conv.padding))
        layers += [nn.BatchNorm2d(conv.out)] if conv.norm else []
        layers.append(nn.ReLU())
        layers += [nn.MaxPool2d(conv.pool)] if conv.pool > 1 else []
    layers.append(nn.Flatten())
    layers += [nn.Dropout(network.dropout)] if network.dropout else []
    return nn.Sequential(*layers, nn.Linear(network.features(), len(DIGITS)))


def optimizer(training: Training, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer as a tutorial calls it."""
    made: Any = OPTIMIZERS[training.optimizer]
    found: torch.optim.Optimizer = made(
        model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    return found


def tensors(images: Images) -> tuple[Tensor, Tensor]:
    """Pixels in [0, 1] (n, 1, 28, 28) and labels (n,)."""
    pixels = torch.from_numpy(images.pixels).float().div(255).unsqueeze(1)
    return pixels, torch.from_numpy(images.labels).long()


def batches(images: Images, trial: Trial) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(*tensors(images)), trial.training.batch_size, shuffle=True)


def tutorial(trial: Trial, images: Split, *, validate: bool = False) -> Epoch:
    """The loop of any PyTorch tutorial, with the running loss and accuracy that they print."""
    model, criterion = module(trial), nn.CrossEntropyLoss()
    steps = optimizer(trial.training, model)
    train = batches(images.train, trial)
    validation = DataLoader(TensorDataset(*tensors(images.validation)), 1000)

    def epoch() -> tuple[float, int]:
        running_loss, correct = 0.0, 0
        model.train()
        for inputs, labels in train:
            steps.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            steps.step()
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


def validating(trial: Trial, images: Split) -> Epoch:
    """The same, with the validation images after each epoch, as a whole run needs them."""
    return tutorial(trial, images, validate=True)


def keras_on_jax(trial: Trial, images: Split) -> Epoch:
    """Keras 3; Adam's L2 as a regulariser, because Keras knows decoupled weight decay only."""
    import keras

    training = trial.training
    model = keras.Sequential([keras.layers.Input((SIDE, SIDE, 1)), *keras_layers(trial)])
    decay = {"weight_decay": training.weight_decay} if training.optimizer == "adamw" else {}
    made = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[training.optimizer]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(made(training.learning_rate, **decay), loss, metrics=["accuracy"])
    pixels = np.float32(images.train.pixels[..., None]) / np.float32(255)
    return lambda: model.fit(pixels, images.train.labels, training.batch_size, epochs=1, verbose=0)


def keras_layers(trial: Trial) -> list[Any]:
    """The network in Keras's words; batch-norm as PyTorch's, whose momentum is 1 − Keras's."""
    from keras import layers, regularizers

    network, training, made = trial.network, trial.training, list[Any]()
    l2 = regularizers.L2(training.weight_decay / 2) if training.optimizer == "adam" else None
    decay = {"kernel_regularizer": l2, "bias_regularizer": l2}
    norm = {"beta_regularizer": l2, "gamma_regularizer": l2, "momentum": 0.9, "epsilon": 1e-5}
    for conv in network.conv:
        made.append(layers.ZeroPadding2D(conv.padding))
        made.append(layers.Conv2D(conv.out, conv.kernel, conv.stride, **decay))
        made += [layers.BatchNormalization(**norm)] if conv.norm else []
        made.append(layers.ReLU())
        made += [layers.MaxPooling2D(conv.pool)] if conv.pool > 1 else []
    made.append(layers.Flatten())
    made += [layers.Dropout(network.dropout)] if network.dropout else []
    return [*made, layers.Dense(len(DIGITS), **decay)]


def skorch(trial: Trial, images: Split) -> Epoch:
    """skorch's classifier, without a split of its own."""
    from skorch import NeuralNetClassifier

    training = trial.training
    net = NeuralNetClassifier(
        module(trial), criterion=nn.CrossEntropyLoss, optimizer=OPTIMIZERS[training.optimizer],
        lr=training.learning_rate, optimizer__weight_decay=training.weight_decay,
        batch_size=training.batch_size, iterator_train__shuffle=True, train_split=None,
        max_epochs=1, verbose=0,
    )  # fmt: skip
    pixels, labels = tensors(images.train)
    return lambda: net.partial_fit(pixels, labels)


def lightning(trial: Trial, images: Split) -> Epoch:
    """Lightning's trainer in its bare-bones mode."""
    import lightning as pl

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Lit(pl.LightningModule):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model = module(trial)

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return optimizer(trial.training, self)

    lit = Lit()
    train = batches(images.train, trial)
    return lambda: pl.Trainer(max_epochs=1, accelerator="cpu", barebones=True).fit(lit, train)


PEERS: dict[str, Callable[[Trial, Split], Epoch]] = {
    "tutorial": tutorial,
    "tutorial-validating": validating,
    "keras-jax": keras_on_jax,
    "skorch": skorch,
    "lightning": lightning,
}
