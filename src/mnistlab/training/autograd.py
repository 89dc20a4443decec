"""The engine for any network, on CPU or CUDA: torch's layers, autograd and optimizers, data in memory as bytes."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mnistlab.book.trial import Network, Training
from mnistlab.data.images import Bytes, Images
from mnistlab.model import Weights
from mnistlab.model.network import build, load_weights, weights_of
from mnistlab.training.augment import Augmenter

SCORING_BATCH = 1000


class AutogradEngine:
    """A network being trained on `train`; see `fit.Engine` for what its methods promise."""

    def __init__(
        self,
        network: Network,
        training: Training,
        train: Images,
        initial: torch.Generator,
        varying: torch.Generator,
        device: str,
    ) -> None:
        self.device = torch.device(device)
        self.model = build(network, initial).to(self.device)
        if len(network.conv) > 1:  # convolutions over several channels are half again as fast with channels last
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.augment = Augmenter(training.augment, varying, self.device) if training.augment.active else None
        self.optimizer = _optimizer(self.model, training)
        self.batch_size = training.batch_size
        self.pixels = torch.from_numpy(train.pixels).to(self.device)
        self.labels = torch.from_numpy(train.labels).to(self.device, torch.int64)

    def train_epoch(self, order: Tensor, learning_rate: float) -> tuple[float, float]:
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        losses = torch.zeros((), device=self.device)
        hits = torch.zeros((), device=self.device)
        digits = 0
        for batch in order.to(self.device).split(self.batch_size):
            labels = self.labels[batch]
            pixels, targets = self.pixels[batch], labels
            if self.augment:
                pixels, targets, labels = self.augment(pixels, labels)
            logits = self.model(pixels)
            loss = nn.functional.cross_entropy(logits, targets)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            losses += loss.detach() * len(batch)
            hits += (logits.argmax(1) == labels).sum()
            digits += int((labels >= 0).sum())
        return losses.item() / len(order), hits.item() / digits

    @torch.inference_mode()
    def logits(self, pixels: Bytes) -> npt.NDArray[np.float32]:
        self.model.eval()
        batches = torch.from_numpy(pixels).split(SCORING_BATCH)
        return torch.cat([self.model(batch.to(self.device)).cpu() for batch in batches]).numpy()

    def weights(self) -> Weights:
        return weights_of(self.model)

    def load(self, weights: Weights) -> None:
        load_weights(self.model, weights)


def _optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    parameters, rate, decay = model.parameters(), training.learning_rate, training.weight_decay
    match training.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, rate, weight_decay=decay, momentum=training.momentum, fused=True)
