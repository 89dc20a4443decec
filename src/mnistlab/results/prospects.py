"""What a book's seeds can say of its changes, before anything is trained."""

import math
from dataclasses import dataclass

from mnistlab.results.judging import FEWEST, least_spread
from mnistlab.results.statistics import LEVEL, detectable, student

# The paired differences of the six trials on MNIST, 10,000 validation images, over 20 seeds: the
# root mean square of √2 times each trial's standard deviation (docs/six-trials/results.json).
USUAL_SPREAD, USUAL_IMAGES = 0.0014, 10_000


@dataclass(frozen=True)
class Prospects:
    """What is possible with n seeds; differences are fractions, None what n seeds never say."""

    spread: float  # the standard deviation of paired differences that is reckoned with
    half: float | None  # EQUIVALENT needs |mean| + half < margin, so half < margin at the least
    chance: float  # that a change without any effect is called EQUIVALENT
    detectable: float | None  # the effect called HELPED or HURT four times in five

    @property
    def equivalent_possible(self) -> bool:
        """Whether EQUIVALENT can be reached with this spread."""
        return self.chance > 0


def prospects(
    seeds: int,
    changes: int,
    margin: float,
    images: int,
    spread: float | None = None,
    level: float = LEVEL,
) -> Prospects:
    """What so many seeds, changes and validation images make possible, each change corrected for.

    Without a `spread` that of the six trials is taken, times √(10,000/images): so it grows where
    networks err on images independently of one another. Small training sets have more.
    """
    usual = USUAL_SPREAD * math.sqrt(USUAL_IMAGES / images)
    spread = max(usual if spread is None else spread, least_spread(images))
    if seeds < FEWEST or changes < 1:
        return Prospects(spread, None, 0.0, None)
    from scipy.special import stdtr

    error, each = spread / math.sqrt(seeds), level / changes
    half = student(1 - each, seeds) * error
    chance = max(0.0, 2 * float(stdtr(seeds - 1, (margin - half) / error)) - 1)
    return Prospects(spread, half, chance, detectable(seeds, spread, each))
