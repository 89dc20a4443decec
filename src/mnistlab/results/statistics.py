"""Plain statistics on plain numbers: what a verdict rests on. Everything here has a defined answer
for few values.

`scipy.special` has Student's distributions; `scipy.stats` has these tests ready-made, but takes
0.65 s to import. Even the former takes 0.3 s, which training need not wait for: it is imported
where it is used.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

LEVEL = 0.05  # of every test; intervals are of 1 - LEVEL
POWER = 0.8  # chance of finding a difference that `seeds_needed` asks for
MAX_FLIPPED = (
    30  # 2¹⁵ signed sums of either half; with more values the t test is near enough to exact
)
MAX_NEEDED = 1000  # seeds; who would need more is told so


@dataclass(frozen=True)
class Interval:
    """A mean over `n` values with the 95 % interval of Student's t; without bounds if n < 2,
    without mean if n = 0.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None

    @property
    def half(self) -> float | None:
        """Half the interval's width: what stands behind ±."""
        return None if self.mean is None or self.high is None else self.high - self.mean


def interval(values: Sequence[float | None]) -> Interval:
    """Mean ± t(0.975, n-1)·s/√n of the values that are defined (Student 1908)."""
    from scipy.special import stdtrit

    known = [value for value in values if value is not None]
    n = len(known)
    if n == 0:
        return Interval(0, None, None, None)
    mean = math.fsum(known) / n
    if n == 1:
        return Interval(1, mean, None, None)
    half = float(stdtrit(n - 1, 1 - LEVEL / 2)) * spread(known) / math.sqrt(n)
    return Interval(n, mean, mean - half, mean + half)


def spread(values: Sequence[float]) -> float:
    """The standard deviation with n - 1 of two or more values; exactly 0 if they are equal but for
    rounding.
    """
    if max(values) - min(values) < 1e-12:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def t_test(differences: Sequence[float]) -> float:
    """Two-sided p of Student's paired t test for two or more differences that are not all
    the same.
    """
    from scipy.special import stdtr

    n = len(differences)
    t = math.fsum(differences) / n / (spread(differences) / math.sqrt(n))
    return float(2 * stdtr(n - 1, -abs(t)))


def sign_flip_test(differences: Sequence[float]) -> float | None:
    """Exact two-sided p: the share of the 2ⁿ ways to choose signs whose sum is as far from 0 as the
    one seen.

    Fisher, The Design of Experiments (1935), §21. It assumes nothing but symmetry, and cannot go
    below 2¹⁻ⁿ. None if there are more than `MAX_FLIPPED` differences.
    """
    if len(differences) > MAX_FLIPPED:
        return None
    n, total = (
        len(differences),
        abs(math.fsum(differences)) - 1e-9,
    )  # sums that tie may differ by rounding
    first, second = (
        _signed_sums(differences[: n // 2]),
        np.sort(_signed_sums(differences[n // 2 :])),
    )
    reaching = len(second) - np.searchsorted(
        second, total - first
    )  # for each sum of one half, how many of the other
    return min(1.0, 2 * float(reaching.sum()) / 2.0**n)  # as many are as far below 0


def _signed_sums(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """The sums (2ⁿ,) of n values with all choices of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted so that the chance of any false discovery among them stays at the level
    (Holm 1979).

    The k-th smallest of m is multiplied by m - k + 1, and none is smaller than the one before it.
    """
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i])
    scaled = (min(1.0, (m - k) * p_values[i]) for k, i in enumerate(order))
    adjusted = dict(zip(order, accumulate(scaled, max), strict=True))
    return [adjusted[i] for i in range(m)]


def wilson(share: float, n: int) -> tuple[float, float] | None:
    """The 95 % interval of a share seen in `n` independent cases (Wilson 1927); None if there are
    none.
    """
    from scipy.special import ndtri

    if n == 0:
        return None
    z = float(ndtri(1 - LEVEL / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def power(effect: float, n: int, level: float) -> float:
    """The chance that a paired t test on `n` differences finds a true mean of `effect` standard
    deviations.

    By the noncentral t distribution (Cohen 1988, ch. 2).
    """
    from scipy.special import nctdtr, stdtrit

    shift, critical = abs(effect) * math.sqrt(n), float(stdtrit(n - 1, 1 - level / 2))
    return float(1 - nctdtr(n - 1, shift, critical) + nctdtr(n - 1, shift, -critical))


def seeds_needed(differences: Sequence[float], level: float = LEVEL) -> int | None:
    """How many pairs find a difference of this mean and spread with a chance of 80 %; None if over
    `MAX_NEEDED`.
    """
    effect = math.fsum(differences) / len(differences) / spread(differences)
    enough = bisect_left(range(MAX_NEEDED + 1), POWER, lo=3, key=lambda n: power(effect, n, level))
    return enough if enough <= MAX_NEEDED else None
