"""Plain statistics on plain numbers: what a verdict rests on. Each has an answer for few values.

`scipy.stats` has these ready-made, but takes 0.65 s to import; `scipy.special` has the
distributions and takes 0.3 s, which training need not wait for: it is imported where it is used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean, stdev

LEVEL = 0.05  # of every test, unless told otherwise; intervals are of 1 - LEVEL
POWER = 0.8  # the chance of being found that a detectable difference has


@dataclass(frozen=True)
class Interval:
    """A mean over `n` values and its interval; what few or equal values do not have is None.

    There is no mean without a value, and no interval without a spread.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None

    @property
    def half(self) -> float | None:
        """Half the interval's width: what stands behind ±."""
        return None if self.mean is None or self.high is None else self.high - self.mean


def interval(values: Sequence[float | None], level: float = LEVEL, least: float = 0.0) -> Interval:
    """Return mean ± t·s/√n of the values that are defined, t(1 - level/2, n-1) (Student 1908).

    The interval is of 1 - `level`; s is taken to be `least` or more.
    """
    known = [value for value in values if value is not None]
    n, spread = len(known), standard_deviation(known, least)
    mean = fmean(known) if known else None
    if mean is None or not spread:
        return Interval(n, mean, None, None)
    half = student(1 - level / 2, n) * spread / math.sqrt(n)
    return Interval(n, mean, mean - half, mean + half)


def standard_deviation(values: Sequence[float], least: float = 0.0) -> float:
    """The standard deviation, with n - 1; `least` if it would be smaller.

    Exactly 0 for values that are equal but for rounding, and, whatever `least`, for a single one.
    """
    if len(values) < 2:
        return 0.0
    equal = max(values) - min(values) < 1e-12
    return max(least, 0.0 if equal else stdev(values))


def student(share: float, n: int) -> float:
    """The quantile of Student's t for `n` values: n - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, share))


def t_test(differences: Sequence[float], least: float = 0.0) -> float:
    """Two-sided p of Student's paired t test, of differences that have a spread (or a `least`)."""
    from scipy.special import stdtr

    n = len(differences)
    t = fmean(differences) / (standard_deviation(differences, least) / math.sqrt(n))
    return float(2 * stdtr(n - 1, -abs(t)))


def detectable(n: int, spread: float, level: float = LEVEL) -> float | None:
    """The true mean that n differences of this standard deviation find four times in five.

    (t(1 - level/2) + t(0.8))·s/√n with n - 1 degrees of freedom (Bloom 1995); None without a
    spread.
    """
    if n < 2 or not spread:
        return None
    return (student(1 - level / 2, n) + student(POWER, n)) * spread / math.sqrt(n)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values corrected so that all tests together have one chance of 5 % to err (Holm 1979).

    The k-th smallest of m is multiplied by m - k + 1, and none is smaller than the one before it.
    """
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i])
    scaled = (min(1.0, (m - k) * p_values[i]) for k, i in enumerate(order))
    corrected = dict(zip(order, accumulate(scaled, max), strict=True))
    return [corrected[i] for i in range(m)]


def wilson(share: float, n: int) -> tuple[float, float] | None:
    """The 95 % interval of a share seen in `n` independent cases (Wilson 1927); None if n = 0."""
    from scipy.special import ndtri

    if n == 0:
        return None
    z = float(ndtri(1 - LEVEL / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
