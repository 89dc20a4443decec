"""Random numbers: a NumPy Generator for each purpose of each run, and none that anything shares."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers are for; purposes never share a stream, so one can change without the
    others.
    """

    split = 0
    weights = 1
    order = 2
    dropout = 3
    augment = 4
    drawings = 5
    module = 6


def generator(seed: int, purpose: Purpose) -> np.random.Generator:
    """The Generator of one purpose of one seed (≥ 0): PCG64 seeded by ``SeedSequence([seed,
    purpose])``.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, int(purpose)])))
