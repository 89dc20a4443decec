"""The engine for one convolution, ReLU and one linear layer on CPU: the gradient written out, no autograd.

B images a batch, P positions of the filters on an image, F filters, k² pixels a patch, K = k² + 1; stored row by row.

    x  (B·P, K)  patches, 0 to 255, and 255 for the bias       w (K, F)      filters, their biases the last row
    h  (B·P, F)  = max(0, x·w/255)                             v (10, P·F)   linear weights
    z  (10, B)   = v·hᵀ + b, with h read as (B, P·F)           b (10, 1)     linear biases
    loss = mean over the batch of -ln softmax(z)[label]

    dz (10, B)   = softmax(z) - y, with y the labels one-hot: B·∂loss/∂z; Adam's `grad_scale` divides by B
    dv (10, P·F) = dz·h,  db (10, 1) = dz summed over the batch
    dh (B, P·F)  = dzᵀ·v where h > 0, otherwise 0
    dw (K, F)    = xᵀ·dh/255, with dh read as (B·P, F)

Small letters are torch tensors, capitals the same memory as NumPy arrays, whose products are faster; see `buffers`.
"""

import numpy as np
import numpy.typing as npt
import torch
from numpy import matmul
from torch import Tensor

from mnistlab.book.trial import CLASSES, Network, Training
from mnistlab.data.images import Bytes, Images
from mnistlab.model import Weights
from mnistlab.model.network import WHITE, build, weights_of
from mnistlab.training.buffers import Buffers
from mnistlab.training.patches import Patches

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # PyTorch's defaults, from Kingma and Ba 2015
SCORING_BATCH = 100  # images; what is computed of them stays in the processor's cache
where_positive = torch.ops.aten.threshold_backward.grad_input  # (d, h, 0, grad_input=d): d where h > 0, otherwise 0


class DirectEngine:
    """A network being trained on `train`; see `fit.Engine` for what its methods promise."""

    def __init__(
        self, network: Network, training: Training, train: Images, initial: torch.Generator, patches: Patches,
        dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        self.network, self.training, self.patches, self.dtype = network, training, patches, dtype
        self.bytes, self.labels = torch.from_numpy(patches.of(train.pixels)), torch.from_numpy(train.labels).long()
        self.weight, self.gradient, self.mean, self.square = torch.zeros(4, network.parameters(), dtype=dtype)
        self.steps = torch.zeros(())
        (self.w, self.v, self.b), (self.dw, self.dv, self.db) = self.parts(self.weight), self.parts(self.gradient)
        self.W, self.DW, self.W_255 = self.w.numpy(), self.dw.numpy(), np.empty_like(self.w.numpy())
        self.batches: dict[int, Buffers] = {}
        self.load(weights_of(build(network, initial)))

    def parts(self, row: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All weights, or their gradients, in a row (`network.parameters()`,), seen as w, v and b."""
        filters, taps = self.network.conv[0].out, self.network.conv[0].kernel ** 2 + 1
        w, v, b = row.split([taps * filters, CLASSES * self.network.features(), CLASSES])
        return w.view(taps, filters), v.view(CLASSES, -1), b.view(CLASSES, 1)

    def train_epoch(self, order: Tensor, learning_rate: float) -> tuple[float, float]:
        size, labels = self.training.batch_size, self.labels[order]
        z, y = torch.empty(CLASSES, len(order), dtype=self.dtype), torch.eye(CLASSES, dtype=self.dtype)[:, labels]
        adam = torch._fused_adam_ if self.training.optimizer == "adam" else torch._fused_adamw_
        for rows, z_batch, y_batch in zip(order.split(size), z.split(size, 1), y.split(size, 1), strict=True):
            self.differentiate(rows, z_batch, y_batch)
            adam([self.weight], [self.gradient], [self.mean], [self.square], [], [self.steps.add_(1)], lr=learning_rate,
                 beta1=BETA1, beta2=BETA2, weight_decay=self.training.weight_decay, eps=EPSILON, amsgrad=False,
                 maximize=False, grad_scale=self._batch(len(rows)).count)  # fmt: skip
        loss = torch.nn.functional.cross_entropy(z.t(), labels).item()
        return loss, (z.argmax(0) == labels).double().mean().item()

    def differentiate(self, rows: Tensor, z: Tensor, y: Tensor) -> None:
        """Logits of the images `rows` (B,) with labels `y` (10, B) into `z`, B times their gradient into `gradient`."""
        batch = self._batch(len(rows))
        self._forward(torch.index_select(self.bytes, 0, rows, out=batch.bytes), z)
        torch.softmax(z, 0, out=batch.dz).sub_(y)  # dz = softmax(z) - y
        matmul(batch.DZ, batch.H_G, out=batch.DV)  # dv = dz·h
        torch.sum(batch.dz, 1, keepdim=True, out=self.db)  # db = dz summed over the batch
        matmul(batch.DZ.T, batch.V, out=batch.DH_G)  # dh = dzᵀ·v …
        where_positive(batch.dh, batch.h, 0, grad_input=batch.dh)  # … where h > 0, otherwise 0
        np.divide(matmul(batch.X.T, batch.DH, out=self.DW), WHITE, out=self.DW)  # dw = xᵀ·dh/255

    def _forward(self, patches: Tensor, z: Tensor) -> None:
        batch = self._batch(len(patches))
        batch.x.copy_(patches)
        matmul(batch.X, np.divide(self.W, WHITE, out=self.W_255), out=batch.H)
        batch.h.relu_()  # h = max(0, x·w/255)
        matmul(batch.V, batch.H_G.swapaxes(1, 2), out=batch.Z)
        torch.sum(batch.z, 0, out=z).add_(self.b)  # z = v·hᵀ + b

    def logits(self, pixels: Bytes) -> npt.NDArray[np.float32]:
        patches = torch.from_numpy(self.patches.of(pixels))
        z = torch.empty(CLASSES, len(patches), dtype=self.dtype)
        for some, z_some in zip(patches.split(SCORING_BATCH), z.split(SCORING_BATCH, 1), strict=True):
            self._forward(some, z_some)
        return z.t().float().contiguous().numpy()

    def weights(self, row: Tensor | None = None) -> Weights:
        """A copy of the weights, or of another `row` of as many, named and laid out as PyTorch has them."""
        (w, v, b), conv = self.parts(self.weight if row is None else row), self.network.conv[0]
        filters = w[:-1].t().reshape(conv.out, 1, conv.kernel, conv.kernel)
        linear = v.view(CLASSES, -1, conv.out).transpose(1, 2).reshape(CLASSES, -1)  # PyTorch goes filter by filter
        named = {"conv1.weight": filters, "conv1.bias": w[-1], "linear.weight": linear, "linear.bias": b.view(-1)}
        return {name: value.numpy().copy() for name, value in named.items()}

    def load(self, weights: Weights) -> None:
        filters, bias, linear, self.b[:, 0] = (torch.from_numpy(weights[name]) for name in self.weights())
        self.w[:-1], self.w[-1] = filters.flatten(1).t(), bias
        self.v.view(CLASSES, -1, len(filters)).copy_(linear.view(CLASSES, len(filters), -1).transpose(1, 2))

    def _batch(self, size: int) -> Buffers:
        if size not in self.batches:
            self.batches[size] = Buffers(self.network, size, self.v, self.dv)
        return self.batches[size]
