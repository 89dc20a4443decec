"""Pictures of no digit, so that a network learns to be unsure of what it has never seen.

Trained towards equal probabilities for all ten digits, after Hendrycks, Mazeika and Dietterich, "Deep anomaly
detection with outlier exposure" (ICLR 2019). A third each: random strokes, two digits side by side, three on top of
each other.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from mnistlab.book.trial import SIDE
from mnistlab.data.framing import frame_strokes

POOL = 4000  # pictures of random strokes, made once a run
PENS = (1.7, 3.6)  # pixels


class Nothing:
    """A source of pictures that show no digit."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        random = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        pictures = [frame_strokes(random_strokes(random), random.uniform(*PENS)) for _ in range(POOL)]
        self.pool = torch.from_numpy(np.stack(pictures))

    def pictures(self, digits: Tensor, count: int) -> Tensor:
        """`count` pictures (count, 28, 28) of no digit, some made of `digits` (n, 28, 28) with n ≥ count."""
        third = count // 3
        chosen = torch.randint(len(self.pool), (count - 2 * third,), generator=self.generator)
        pairs, heaps = digits[:third], digits[third : 2 * third]
        return torch.cat([self.pool[chosen].to(digits), self._side_by_side(pairs), self._on_top(heaps)])

    def _side_by_side(self, digits: Tensor) -> Tensor:
        """Each digit beside another, both made smaller and their lines thicker by as much."""
        shrink = 1.45 + 0.7 * torch.rand(len(digits), generator=self.generator)
        apart = (0.30 + 0.12 * torch.rand(len(digits), generator=self.generator)) * shrink
        thick = functional.max_pool2d(digits[:, None], 2, 1, 1)[:, :, :SIDE, :SIDE]
        return torch.maximum(_placed(thick, shrink, apart), _placed(self._shuffled(thick), shrink, -apart))

    def _on_top(self, digits: Tensor) -> Tensor:
        """Each digit with one turned on its side and one mirrored over it."""
        turned = self._shuffled(digits).roll(4, 2).rot90(1, (1, 2))
        mirrored = self._shuffled(digits).roll(-4, 2).flip(2)
        return torch.maximum(digits, torch.maximum(turned, mirrored))

    def _shuffled(self, pictures: Tensor) -> Tensor:
        return pictures[torch.randperm(len(pictures), generator=self.generator)]


def _placed(pictures: Tensor, shrink: Tensor, aside: Tensor) -> Tensor:
    """Pictures (n, 1, 28, 28) made smaller `shrink` times and moved aside by half pictures."""
    maps = torch.zeros(len(pictures), 2, 3)
    maps[:, 0, 0] = maps[:, 1, 1] = shrink
    maps[:, 0, 2] = aside
    grid = functional.affine_grid(maps, list(pictures.shape), align_corners=False).to(pictures.device)
    return functional.grid_sample(pictures, grid, align_corners=False)[:, 0]


def random_strokes(random: np.random.Generator) -> list[npt.NDArray[np.float64]]:
    """Strokes like those of letters and scribbles: some lines and arcs, joined or not, or one long wandering line."""
    if random.random() < 0.3:
        return [_wandering(random)]
    strokes: list[npt.NDArray[np.float64]] = []
    for _ in range(random.integers(3, 7)):
        start = random.random(2)
        if strokes and random.random() < 0.65:
            start = strokes[random.integers(len(strokes))][random.choice([0, 8, -1])]
        along = np.linspace(0, 1, 16)[:, None]
        bend = random.normal(0, 0.35, 2) * (random.random() < 0.6)
        strokes.append(start + (random.random(2) - start) * along + 4 * along * (1 - along) * bend)
    return strokes


def _wandering(random: np.random.Generator) -> npt.NDArray[np.float64]:
    corners = random.random((random.integers(4, 14), 2))
    at = np.linspace(0, len(corners) - 1, 10 * len(corners))
    window = np.hanning(13) / np.hanning(13).sum()
    axes = [np.interp(at, np.arange(len(corners)), corners[:, axis]) for axis in (0, 1)]
    return np.stack([np.convolve(axis, window, "valid") for axis in axes], axis=1)
