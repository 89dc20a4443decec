"""A trial's network before training: the weights it begins with."""

import numpy as np
import numpy.typing as npt

from mnistlab.book.trial import GREY_DIGITS, Network
from mnistlab.images import Task
from mnistlab.model import Weights


def initial_weights(
    network: Network, random: np.random.Generator, task: Task = GREY_DIGITS
) -> Weights:
    """Weights and biases uniform in ±1/√fan_in, PyTorch's default; batch-norm as it begins there.

    Drawn layer by layer, the weights before the biases.
    """
    weights: Weights = {}
    channels = task.channels
    for number, conv in enumerate(network.conv, 1):
        shape = (conv.out, channels, conv.kernel, conv.kernel)
        weights |= _layer(f"conv{number}", shape, random)
        if conv.norm:
            begin = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
            for part, value in begin.items():
                weights[f"norm{number}.{part}"] = np.full(conv.out, value, np.float32)
        channels = conv.out
    for name, (inputs, outputs) in network.linear(task).items():
        weights |= _layer(name, (outputs, inputs), random)
    return weights


def _layer(name: str, shape: tuple[int, ...], random: np.random.Generator) -> Weights:
    bound = np.prod(shape[1:]) ** -0.5

    def drawn(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        return random.uniform(-bound, bound, shape).astype(np.float32)

    return {f"{name}.weight": drawn(shape), f"{name}.bias": drawn(shape[:1])}
