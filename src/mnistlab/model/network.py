"""A trial's network as a torch module."""

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor, nn

from mnistlab.book.trial import CLASSES, Network
from mnistlab.model import Weights

WHITE = 255.0  # the value of a pixel full of ink


class ConvNet(nn.Module):
    """(n, 28, 28) pixels from 0 to 255 → (n, 10) logits. Its layers are named as in the files it is saved to."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 1
        for number, conv in enumerate(network.conv, 1):
            layers[f"conv{number}"] = nn.utils.skip_init(
                nn.Conv2d, channels, conv.out, conv.kernel, conv.stride, conv.padding
            )
            if conv.norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(conv.out)
            layers[f"relu{number}"] = nn.ReLU()
            if conv.pool > 1:
                layers[f"pool{number}"] = nn.MaxPool2d(conv.pool)
            channels = conv.out
        layers["flatten"] = nn.Flatten()
        if network.dropout:
            layers["dropout"] = nn.Dropout(network.dropout)
        layers["linear"] = nn.utils.skip_init(nn.Linear, network.features(), CLASSES)
        self.layers = nn.Sequential(layers)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.layers(pixels.float().div(WHITE).unsqueeze(1))
        return logits


def build(network: Network, generator: torch.Generator) -> ConvNet:
    """The network with initial weights and biases uniform in ±1/√fan_in (PyTorch's default), drawn from `generator`."""
    model = ConvNet(network)
    with torch.no_grad():
        for layer in model.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                bound = layer.weight[0].numel() ** -0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                if layer.bias is not None:
                    layer.bias.uniform_(-bound, bound, generator=generator)
    return model


def weights_of(model: ConvNet) -> Weights:
    """A copy of the network's weights, the running means of batch-norm among them."""
    state = model.layers.state_dict()
    return {name: value.cpu().numpy().copy() for name, value in state.items() if value.is_floating_point()}


def load_weights(model: ConvNet, weights: Weights) -> None:
    """Put weights by name into a network of the same shape. Raises RuntimeError for another shape."""
    state = model.layers.state_dict()
    model.layers.load_state_dict(state | {name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
