"""The native engine as Python calls it: memory, the order of weights, and functions of engine.c."""

import ctypes
from collections.abc import Collection
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.book.trial import Network
from mnistlab.images import Bytes, Task
from mnistlab.model import Weights
from mnistlab.training.batches import Batches, Rows
from mnistlab.training.native.library import load

LANES = 16  # inner channels are padded with zeros to whole vectors
ACTIVATIONS = ("identity", "relu", "leaky_relu", "tanh", "gelu", "silu")  # likewise
OPTIMIZERS = ("adam", "adamw", "sgd", "none")  # as engine.c counts them; none: only a gradient

Floats = npt.NDArray[np.float32]
Address = ctypes.c_void_p


def _fields(kind: Any, names: str) -> list[tuple[str, Any]]:
    return [(name, kind) for name in names.split()]


class _Layer(ctypes.Structure):
    """`Layer` of engine.c, which says what each field means."""

    _fields_ = [
        *_fields(ctypes.c_int32, "linear channels side padding kernel stride filters norm"),
        *_fields(ctypes.c_int32, "activation pool pool_mean average dropout frozen"),
        *_fields(ctypes.c_int32, "width out after"),
        *_fields(ctypes.c_int64, "weight bias gamma beta end mean variance dropped"),
        *_fields(ctypes.c_int64, "row image z_image"),
        *_fields(Address, "input z d_input d_z turned moments taps places spots weight_rows outs"),
    ]


class _Engine(ctypes.Structure):
    """`Engine` of engine.c."""

    _fields_ = [
        ("layers", ctypes.POINTER(_Layer)),
        *_fields(ctypes.c_int64, "count batch parameters statistics work dropped"),
        *_fields(Address, "weight gradient first second running memory"),
        *_fields(ctypes.c_int32, "optimizer fixed_norm"),
        *_fields(ctypes.c_float, "rate decay momentum smoothing kept"),
        *_fields(ctypes.c_double, "beta1_power beta2_power"),
    ]


class NativeEngine:
    """A network being trained on one core; see `fit.Engine` for what its methods promise.

    `frozen` names layers (`conv1`, `linear`) that keep their weights, batch-norm's among them; with
    `fixed_norm` batch-norm works with its running means, as in inference, and leaves them as they
    are. `optimizer` other than the trial's: `none` computes gradients and changes nothing.
    """

    def __init__(
        self, batches: Batches, initial: Weights, *,
        frozen: Collection[str] = (), fixed_norm: bool = False, optimizer: str | None = None,
    ) -> None:  # fmt: skip
        training, self.network, self.batches = batches.training, batches.network, batches
        self.task = batches.task
        self.c, self.layers = _functions(), _layers(self.network, self.task, frozen)
        self.state = _Engine(
            layers=self.layers, count=len(self.layers),
            batch=min(training.batch_size, len(batches.labels)),
            optimizer=OPTIMIZERS.index(optimizer or training.optimizer), fixed_norm=fixed_norm,
            decay=training.weight_decay, momentum=training.momentum,
            smoothing=training.label_smoothing, kept=1 - self.network.dropout,
            beta1_power=1, beta2_power=1,
        )  # fmt: skip
        self.c.engine_plan(self.state)
        sizes = dict.fromkeys(("weight", "gradient", "first", "second"), self.state.parameters)
        sizes |= {"running": self.state.statistics, "memory": self.state.work}
        self.arrays = {name: _zeros(size) for name, size in sizes.items()}
        for name, array in self.arrays.items():
            setattr(self.state, name, array.ctypes.data)
        self.c.engine_place(self.state)
        self.load(initial)
        if batches.labels.max(initial=0) >= self.task.classes:
            raise ValueError(f"label {batches.labels.max()} of {self.task.classes} classes")

    def train_epoch(self, order: Rows, learning_rate: float) -> tuple[float, float]:
        self.state.rate = learning_rate
        loss, digits, right, hits = 0.0, 0, 0, ctypes.c_int64()
        for batch in self.batches.epoch(order):
            _check(self.task, batch.pixels, batch.rows)
            kept = None if batch.kept is None else _padded(batch.kept, self.network, self.task)
            loss += self.c.engine_train(
                self.state, batch.pixels, batch.labels, batch.rows, len(batch.rows),
                kept if kept is None else kept.ctypes.data, hits,
            )  # fmt: skip
            right += hits.value
            digits += int((batch.labels[batch.rows] >= 0).sum())
        return loss / len(order), right / digits if digits else 0.0

    def logits(self, pixels: Bytes) -> Floats:
        _check(self.task, pixels)
        found = np.empty((len(pixels), self.task.classes), np.float32)
        self.c.engine_score(self.state, np.ascontiguousarray(pixels), len(pixels), found)
        return found

    def weights(self) -> Weights:
        return _copies(self._views("weight"))

    def load(self, weights: Weights) -> None:
        for name, view in self._views("weight").items():
            view[...] = weights[name].reshape(view.shape)

    def gradient(self) -> Weights:
        """The gradient of the last batch's mean loss, by the names of the weights it belongs to."""
        views = self._views("gradient").items()
        return _copies({name: view for name, view in views if "running" not in name})

    def _views(self, row: str) -> dict[str, Floats]:
        """The parameters in that array by name, as PyTorch orders their axes, without the padding.

        A filter is (kernel, kernel, channels, width) in memory, a linear layer (output, row,
        column, channel).
        """
        memory, running = self.arrays[row], self.arrays["running"]
        views: dict[str, Floats] = {}
        channels = self.task.channels
        for number, (conv, layer) in enumerate(
            zip(self.network.conv, self.layers, strict=False), 1
        ):
            shape = (conv.kernel, conv.kernel, -1, layer.width)
            filters = memory[layer.weight : layer.bias].reshape(shape)[:, :, :channels, : conv.out]
            views[f"conv{number}.weight"] = filters.transpose(3, 2, 0, 1)
            views[f"conv{number}.bias"] = memory[layer.bias :][: conv.out]
            if conv.norm:
                views[f"norm{number}.weight"] = memory[layer.gamma :][: conv.out]
                views[f"norm{number}.bias"] = memory[layer.beta :][: conv.out]
                views[f"norm{number}.running_mean"] = running[layer.mean :][: conv.out]
                views[f"norm{number}.running_var"] = running[layer.variance :][: conv.out]
            channels = conv.out
        side, linear = self.network.last_side(), self.layers[len(self.network.conv) :]
        sizes = self.network.linear(self.task).items()
        for (name, (_, outputs)), layer in zip(sizes, linear, strict=True):
            rows = memory[layer.weight : layer.bias].reshape(outputs, side, side, -1)
            views[f"{name}.weight"] = rows[..., :channels].transpose(0, 3, 1, 2)
            views[f"{name}.bias"] = memory[layer.bias :][:outputs]
            side, channels = 1, outputs
        return views


def _layers(network: Network, task: Task, frozen: Collection[str]) -> "ctypes.Array[_Layer]":
    """What engine.c needs to know of each layer, the linear ones last."""
    layers, stored = [], task.channels  # as they lie in memory
    activation, last = ACTIVATIONS.index(network.activation), len(network.conv)
    for number, (conv, (_, side)) in enumerate(
        zip(network.conv, network.shapes(task), strict=False), 1
    ):
        layer = _Layer(
            channels=stored, side=side, padding=conv.padding, kernel=conv.kernel,
            stride=conv.stride, filters=conv.out, norm=conv.norm, activation=activation,
            pool=conv.pool, pool_mean=conv.pool_by == "mean",
            average=network.head == "average" and number == last, frozen=f"conv{number}" in frozen,
        )  # fmt: skip
        layers.append(layer)
        stored = _whole(conv.out)
    inputs = network.last_side() ** 2 * stored
    dropped = network.dropped(task)
    for name, (_, outputs) in network.linear(task).items():
        layer = _Layer(
            linear=1, channels=inputs, side=1, kernel=1, stride=1, filters=outputs, pool=1,
            activation=0 if name == "linear" else activation, dropout=name in dropped,
            frozen=name in frozen,
        )  # fmt: skip
        layers.append(layer)
        inputs = _whole(outputs)
    return (_Layer * len(layers))(*layers)


def _padded(kept: Bytes, network: Network, task: Task) -> Bytes:
    """What dropout leaves (n, features) with the channels padded as they are in memory."""
    parts: list[Bytes] = []
    first = 0
    if not network.conv and not network.hidden:
        return np.ascontiguousarray(kept)  # pixels, whose channels are not padded
    for inputs in network.dropped(task).values():
        channels = network.shapes(task)[-1][0] if network.conv and not parts else inputs
        part = kept[:, first : first + inputs].reshape(len(kept), -1, channels)
        missing = _whole(channels) - channels
        parts.append(np.pad(part, ((0, 0), (0, 0), (0, missing))).reshape(len(kept), -1))
        first += inputs
    return np.concatenate(parts, axis=1)


def _copies(views: dict[str, Floats]) -> Weights:
    """Copies of all views, a linear layer's features in one row as PyTorch has them."""
    copies = {name: np.array(view, order="C") for name, view in views.items()}
    linear = [name for name in copies if name.startswith(("hidden", "linear"))]
    flat = {
        name: copies[name].reshape(len(copies[name]), -1) for name in linear if "weight" in name
    }
    return copies | flat


def _check(task: Task, pixels: Bytes, rows: Rows | None = None) -> None:
    """Raise ValueError or IndexError where C would leave the images' memory."""
    if pixels.shape[1:] != task.picture():
        raise ValueError(f"images of {pixels.shape[1:]} pixels, not {task.picture()}")
    if rows is not None and len(rows) and not 0 <= rows.min() <= rows.max() < len(pixels):
        raise IndexError(f"row {rows.min()} or {rows.max()} of {len(pixels)} images")


def _whole(channels: int) -> int:
    return -(-channels // LANES) * LANES


def _zeros(count: int) -> Floats:
    """Zeros (count,) that begin on a cache line: no vector of 64 bytes then lies across two."""
    memory = np.zeros(count + LANES, np.float32)
    first = -memory.ctypes.data % 64 // 4
    return memory[first : first + count]


@cache
def _functions() -> ctypes.CDLL:
    """The library with the types of its functions."""
    library, array = load(), np.ctypeslib.ndpointer
    engine, count = ctypes.POINTER(_Engine), ctypes.c_int64
    pixels, labels = array(np.uint8, flags="C"), array(np.int32, 1, flags="C")
    rows, logits = array(np.int64, 1, flags="C"), array(np.float32, 2, flags="C")
    library.engine_plan.argtypes = library.engine_place.argtypes = [engine]
    library.engine_train.argtypes = [
        engine, pixels, labels, rows, count, Address, ctypes.POINTER(count),
    ]  # fmt: skip
    library.engine_train.restype = ctypes.c_double
    library.engine_score.argtypes = [engine, pixels, count, logits]
    return library
