"""The memory that the direct engine computes a batch in, used again from batch to batch."""

import torch
from torch import Tensor

from mnistlab.book.trial import CLASSES, Network

SMALL = 10**6  # multiplications in a product; up to here OpenBLAS has kernels that are up to three times as fast


class Buffers:
    """What is computed of `size` images: tensors in small letters, the same memory as NumPy arrays in capitals.

    Products with v, dv (10, D) and h, dh (B, D) are taken over the D features in groups, as few as keep them small:
    V, DV (groups, 10, D / groups) and H_G, DH_G (groups, B, D / groups) are views, z (groups, 10, B) is to be summed.
    """

    def __init__(self, network: Network, size: int, v: Tensor, dv: Tensor) -> None:
        self.count = torch.tensor(float(size))
        (filters, side), features, taps = network.shapes()[-1], network.features(), network.conv[0].kernel ** 2 + 1
        groups = next(n for n in range(1, features + 1) if features % n == 0 and CLASSES * size * features <= n * SMALL)
        self.bytes = torch.empty(size, side**2 * taps, dtype=torch.uint8)
        self.x = torch.empty(size, side**2 * taps, dtype=v.dtype)
        self.h, self.dh = torch.empty(2, size, features, dtype=v.dtype)
        self.z, self.dz = torch.empty(groups, CLASSES, size, dtype=v.dtype), torch.empty(CLASSES, size, dtype=v.dtype)
        self.X, self.Z, self.DZ = self.x.numpy().reshape(-1, taps), self.z.numpy(), self.dz.numpy()
        self.H, self.DH = self.h.numpy().reshape(-1, filters), self.dh.numpy().reshape(-1, filters)
        self.V, self.DV, self.H_G, self.DH_G = (
            whole.numpy().reshape(len(whole), groups, -1).swapaxes(0, 1) for whole in (v, dv, self.h, self.dh)
        )
