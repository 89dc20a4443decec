"""The engine on PyTorch, on CPU or CUDA: its layers, autograd and optimizers.

Needs the extra `torch`. Every random number comes from outside: nothing here draws any.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import numpy.typing as npt

# Each would change the weights of a run, which only the processor may. PyTorch reads them once it
# computes, and a worker loads it here.
os.environ.pop("ATEN_CPU_CAPABILITY", None)
os.environ.pop("DNNL_DEFAULT_FPMATH_MODE", None)
os.environ.pop("DNNL_MAX_CPU_ISA", None)
os.environ.pop("MKL_CBWR", None)
os.environ.pop("MKL_ENABLE_INSTRUCTIONS", None)
os.environ.pop("ONEDNN_DEFAULT_FPMATH_MODE", None)
os.environ.pop("ONEDNN_MAX_CPU_ISA", None)

import torch
from torch import Tensor, nn

from mnistlab.book.module import Module
from mnistlab.book.trial import GREY_DIGITS, Network, Training
from mnistlab.errors import EngineError
from mnistlab.images import Bytes, Task
from mnistlab.model import Weights
from mnistlab.training.batches import Batch, Batches, Rows

SCORING_BATCH = 1000
WHITE = 255.0  # the value of a pixel full of ink


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU,
}  # fmt: skip


class ConvNet(nn.Module):
    """(n, 28, 28) or (n, 28, 28, 3) pixels from 0 to 255 → (n, classes) logits.

    Its layers are named as in the files it is saved to; `dtype` is that of weights and activations.
    """

    def __init__(
        self, network: Network, task: Task = GREY_DIGITS, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.network, self.dtype, self.dropped = network, dtype, network.dropped(task)
        layers, channels = OrderedDict[str, nn.Module](), task.channels
        for number, conv in enumerate(network.conv, 1):
            layers[f"conv{number}"] = nn.utils.skip_init(
                nn.Conv2d, channels, conv.out, conv.kernel, conv.stride, conv.padding, dtype=dtype
            )
            if conv.norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(conv.out, dtype=dtype)
            layers[f"conv{number}_activation"] = ACTIVATIONS[network.activation]()
            if conv.pool > 1:
                pool = nn.MaxPool2d if conv.pool_by == "max" else nn.AvgPool2d
                layers[f"pool{number}"] = pool(conv.pool)
            channels = conv.out
        if network.head == "average":
            layers["average"] = nn.AdaptiveAvgPool2d(1)
        for name, (inputs, outputs) in network.linear(task).items():
            layers[name] = nn.utils.skip_init(nn.Linear, inputs, outputs, dtype=dtype)
            if name != "linear":
                layers[f"{name}_activation"] = ACTIVATIONS[network.activation]()
        self.layers = nn.Sequential(layers)

    def forward(self, pixels: Tensor, kept: Tensor | None = None) -> Tensor:
        """`kept` (n, features) is what dropout leaves, as `Batch` has it; None: all."""
        values, first = _channels_first(pixels).to(self.dtype).div(WHITE), 0
        for name, layer in self.layers.named_children():
            if kept is not None and name in self.dropped:
                last = first + self.dropped[name]
                values, first = self._drop(values, kept[:, first:last]), last
            values = layer(values.flatten(1) if isinstance(layer, nn.Linear) else values)
        return values

    def _drop(self, values: Tensor, kept: Tensor) -> Tensor:
        if values.dim() == 4:
            n, channels, side, _ = values.shape
            kept = kept.reshape(n, side, side, channels).permute(0, 3, 1, 2)
        return values * kept / (1 - self.network.dropout)


class ModuleNet(nn.Module):
    """A module from a book, fed as ConvNet is: pixels from 0 to 255 → (n, classes) logits."""

    def __init__(self, layers: nn.Module, module: Module, task: Task) -> None:
        super().__init__()
        self.layers, self.name, self.classes = layers, str(module), task.classes

    def forward(self, pixels: Tensor, kept: Tensor | None = None) -> Tensor:
        """`kept` is None: what a module drops it drops itself. Raises EngineError."""
        logits = self.layers(_channels_first(pixels).div(WHITE).contiguous())
        found, wanted = type(logits).__name__, f"torch.float32 {(len(pixels), self.classes)}"
        if isinstance(logits, Tensor):
            found = f"{logits.dtype} {tuple(map(int, logits.shape))}"
        if found != wanted:
            raise EngineError(f"{self.name}: gives {found}, not {wanted}; correct the file")
        return cast(Tensor, logits)


class TorchEngine:
    """A network being trained; see `fit.Engine` for what its methods promise."""

    def __init__(
        self,
        batches: Batches,
        initial: Weights,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        own: ModuleNet | None = None,
    ) -> None:
        """`own` takes the place of the network that `batches` are for."""
        self.network, self.batches, self.device = batches.network, batches, torch.device(device)
        self.model = (own or ConvNet(self.network, batches.task, dtype)).to(self.device)
        if len(self.network.conv) > 1:  # over several channels half again as fast with these last
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = _optimizer(self.model, batches.training)
        self.resident: tuple[Tensor, Tensor] | None = None  # all images and labels, on the device
        self.load(initial)

    def train_epoch(self, order: Rows, learning_rate: float) -> tuple[float, float]:
        """Figures are summed on the device, which nothing waits for before the epoch's end."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        losses, right, digits = torch.zeros(3, dtype=torch.float64, device=self.device).unbind()
        for batch in self.batches.epoch(order):
            pixels, labels = self._on_device(batch)
            all_rows = torch.from_numpy(batch.rows).to(self.device)
            for rows in all_rows.split(self.batches.training.batch_size):
                logits = self._logits(pixels[rows], batch.kept)
                loss = _loss(logits, labels[rows], self.batches.training.label_smoothing)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()
                losses += loss.detach() * len(rows)
                right += (logits.argmax(1) == labels[rows]).sum()
                digits += (labels[rows] >= 0).sum()
        return losses.item() / len(order), (right / digits.clamp(min=1)).item()

    @torch.inference_mode()
    def logits(self, pixels: Bytes) -> npt.NDArray[np.float32]:
        self.model.eval()
        batches = torch.tensor(pixels).split(SCORING_BATCH)
        found = [self.model(batch.to(self.device)).float() for batch in batches]
        return torch.cat(found).cpu().numpy()

    def weights(self) -> Weights:
        state = self.model.layers.state_dict().items()
        floats = {name: value for name, value in state if value.is_floating_point()}
        return {name: value.cpu().numpy().copy() for name, value in floats.items()}

    def load(self, weights: Weights) -> None:
        new = {name: torch.from_numpy(value) for name, value in weights.items()}
        self.model.layers.load_state_dict(self.model.layers.state_dict() | new)

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch's pixels and labels; the training images themselves are sent once."""
        if batch.pixels is self.batches.pixels and self.resident:
            return self.resident
        pixels = torch.from_numpy(batch.pixels).to(self.device)
        sent = pixels, torch.from_numpy(batch.labels).to(self.device, torch.int64)
        if batch.pixels is self.batches.pixels:
            self.resident = sent
        return sent

    def _logits(self, pixels: Tensor, kept: Bytes | None) -> Tensor:
        mask = None if kept is None else torch.from_numpy(kept).to(self.device)
        logits: Tensor = self.model(pixels, mask)
        return logits


def _channels_first(pixels: Tensor) -> Tensor:
    """Pixels (n, 28, 28) or (n, 28, 28, 3) as PyTorch has them: (n, channels, 28, 28)."""
    return pixels.unsqueeze(1) if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)


def _loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy; every class has a share of `smoothing` of a target, all of label -1."""
    chances = logits.log_softmax(1)
    own, equal = chances.gather(1, labels.clamp(min=0)[:, None])[:, 0], chances.mean(1)
    return -torch.where(labels < 0, equal, (1 - smoothing) * own + smoothing * equal).mean()


def _optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    parameters, rate, decay = model.parameters(), training.learning_rate, training.weight_decay
    if training.optimizer == "sgd":
        momentum = training.momentum
        return torch.optim.SGD(parameters, rate, momentum, weight_decay=decay, fused=True)
    kind = torch.optim.Adam if training.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, rate, weight_decay=decay, fused=True)


def version() -> str:
    """PyTorch's version and the instructions that it picked for this processor."""
    return f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"


def has_cuda() -> bool:
    """Whether PyTorch finds a CUDA device."""
    return bool(torch.cuda.is_available())


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread and denormals flushed to zero, as before afterwards.

    One thread because sums are then always added in the same order, and these networks are too
    small for more. Denormals because L2 on pixels that are always 0 drives their weights there,
    where arithmetic is many times slower.
    """
    threads = torch.get_num_threads()
    flushed = not torch.tensor([1e-40], dtype=torch.float32).mul(0.5).item()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(threads)
