"""What a network is: the weights it begins with, and trained ones as files that others read."""

import numpy as np
import numpy.typing as npt

# by name: `conv1.weight` (out, in, k, k), `conv1.bias`, `norm1.running_mean`, …, `linear.bias`
Weights = dict[str, npt.NDArray[np.float32]]
# (n, classes), or (classes,) of one picture; rows sum to 1
Probabilities = npt.NDArray[np.floating]
