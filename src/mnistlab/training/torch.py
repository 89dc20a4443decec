"""The engine on PyTorch, on CPU or CUDA: its layers, autograd and optimizers, images in memory as
bytes.

Needs the extra `torch`. Every random number comes from outside: nothing here draws any.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mnistlab.book.trial import Network, Training
from mnistlab.images import CLASSES, Bytes, Images
from mnistlab.model import Weights
from mnistlab.training.batches import Batch, Batches

SCORING_BATCH = 1000
WHITE = 255.0  # the value of a pixel full of ink


class ConvNet(nn.Module):
    """(n, 28, 28) pixels from 0 to 255 → (n, 10) logits, without dropout: that is `features`'
    affair.

    Its layers are named as in the files it is saved to; `dtype` is that of weights and activations.
    """

    def __init__(self, network: Network, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels, self.dtype = 1, dtype
        for number, conv in enumerate(network.conv, 1):
            layers[f"conv{number}"] = nn.utils.skip_init(
                nn.Conv2d, channels, conv.out, conv.kernel, conv.stride, conv.padding, dtype=dtype
            )
            if conv.norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(conv.out, dtype=dtype)
            layers[f"relu{number}"] = nn.ReLU()
            if conv.pool > 1:
                layers[f"pool{number}"] = nn.MaxPool2d(conv.pool)
            channels = conv.out
        layers["linear"] = nn.utils.skip_init(nn.Linear, network.features(), CLASSES, dtype=dtype)
        self.layers = nn.Sequential(layers)

    def features(self, pixels: Tensor) -> Tensor:
        """What enters the linear layer: (n, channels, side, side)."""
        features: Tensor = self.layers[:-1](pixels.to(self.dtype).div(WHITE).unsqueeze(1))
        return features

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.layers[-1](self.features(pixels).flatten(1))
        return logits


class TorchEngine:
    """A network being trained; see `fit.Engine` for what its methods promise."""

    def __init__(
        self,
        network: Network,
        training: Training,
        train: Images,
        initial: Weights,
        batches: Batches,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.network, self.device, self.batches = network, torch.device(device), batches
        self.model = ConvNet(network, dtype).to(self.device)
        if (
            len(network.conv) > 1
        ):  # convolutions over several channels are half again as fast with channels last
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = _optimizer(self.model, training)
        self.batch_size = training.batch_size
        self.pixels, self.labels = train.pixels, train.labels.astype(np.int32)
        self.resident: tuple[Tensor, Tensor] | None = (
            None  # the training images, where they are trained on
        )
        self.load(initial)

    def train_epoch(
        self, order: npt.NDArray[np.int64], learning_rate: float
    ) -> tuple[float, float]:
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        losses, right, digits = torch.zeros(3, dtype=torch.float64, device=self.device).unbind()
        for batch in self.batches.of(self.pixels, self.labels, order):
            pixels, labels = self._on_device(batch)
            for rows in torch.from_numpy(batch.rows).to(self.device).split(self.batch_size):
                logits = self._logits(pixels[rows], batch.kept)
                loss = _loss(logits, labels[rows])
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()
                losses += loss.detach() * len(rows)
                right += (logits.argmax(1) == labels[rows]).sum()
                digits += (labels[rows] >= 0).sum()
        return losses.item() / len(order), (right / digits.clamp(min=1)).item()

    def gradient(self, batch: Batch) -> Weights:
        """The gradient of a batch's mean loss, by the names of the weights; nothing is learned."""
        self.model.train()
        pixels, labels = self._on_device(batch)
        rows = torch.from_numpy(batch.rows)
        self.optimizer.zero_grad(set_to_none=True)
        _loss(self._logits(pixels[rows], batch.kept), labels[rows]).backward()
        named = self.model.layers.named_parameters()
        return {
            name: parameter.grad.numpy() for name, parameter in named if parameter.grad is not None
        }

    @torch.inference_mode()
    def logits(self, pixels: Bytes) -> npt.NDArray[np.float32]:
        self.model.eval()
        batches = torch.tensor(pixels).split(SCORING_BATCH)
        return torch.cat(
            [self.model(batch.to(self.device)).float().cpu() for batch in batches]
        ).numpy()

    def weights(self) -> Weights:
        state = self.model.layers.state_dict()
        return {
            name: value.cpu().numpy().copy()
            for name, value in state.items()
            if value.is_floating_point()
        }

    def load(self, weights: Weights) -> None:
        new = {name: torch.from_numpy(value) for name, value in weights.items()}
        self.model.layers.load_state_dict(self.model.layers.state_dict() | new)

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A batch's pixels and labels; the training images themselves are sent once."""
        if batch.pixels is not self.pixels:
            return torch.from_numpy(batch.pixels).to(self.device), _classes(
                batch.labels, self.device
            )
        if self.resident is None:
            self.resident = (
                torch.from_numpy(self.pixels).to(self.device),
                _classes(self.labels, self.device),
            )
        return self.resident

    def _logits(self, pixels: Tensor, kept: Bytes | None) -> Tensor:
        features = self.model.features(pixels)
        if kept is not None:
            n, channels, side, _ = features.shape
            mask = (
                torch.from_numpy(kept)
                .to(self.device)
                .reshape(n, side, side, channels)
                .permute(0, 3, 1, 2)
            )
            features = features * mask / (1 - self.network.dropout)
        logits: Tensor = self.model.layers[-1](features.flatten(1))
        return logits


def _classes(labels: npt.NDArray[np.int32], device: torch.device) -> Tensor:
    return torch.from_numpy(labels).to(device, torch.int64)


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy; where the label is -1, every class has an equal share."""
    chances = logits.log_softmax(1)
    own = chances.gather(1, labels.clamp(min=0)[:, None])[:, 0]
    return -torch.where(labels < 0, chances.mean(1), own).mean()


def _optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    parameters, rate, decay = model.parameters(), training.learning_rate, training.weight_decay
    match training.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(
                parameters, rate, weight_decay=decay, momentum=training.momentum, fused=True
            )


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
