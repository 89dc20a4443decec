"""What the seeds say of each change of a book: differences go in, verdicts come out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mnistlab.results.statistics import (
    LEVEL,
    Interval,
    detectable,
    holm,
    interval,
    standard_deviation,
    t_test,
)

FEWEST = 3  # paired seeds for a verdict
MARGIN = 0.001  # a difference inside ±0.1 points matters to nobody, unless the book says otherwise
HELPED, HURT, EQUIVALENT = "helped", "hurt", "equivalent"
UNCLEAR, TOO_FEW = "no clear difference", "too few seeds"


@dataclass(frozen=True)
class Judgement:
    """One change, judged together with the others of its book; None is what cannot be said."""

    interval: Interval  # of the difference in validation accuracy, of level 1 - `level`
    p: float | None
    p_holm: float | None
    tested: int  # changes that p_holm, `detectable` and EQUIVALENT are corrected for
    detectable: float | None  # the difference that n seeds could have found
    verdict: str  # HELPED, HURT, EQUIVALENT, UNCLEAR or TOO_FEW
    level: float = LEVEL  # the chance to err that this judgement takes, for all changes together
    look: int | None = None  # from 1, where there are several

    @property
    def direction(self) -> str | None:
        """HELPED or HURT where the difference has a sign for certain, too small as it may be."""
        return direction(self.interval.mean, self.p_holm, self.level)

    @property
    def decided(self) -> bool:
        """Whether more seeds have nothing to add."""
        return self.verdict in (HELPED, HURT, EQUIVALENT)


def judge(
    changes: Sequence[Sequence[float]],
    margin: float,
    images: int,
    level: float = LEVEL,
    others: Sequence[float] = (),
) -> list[Judgement]:
    """The judgement on each of a book's changes, corrected for one another.

    A change is its differences in accuracy on `images` images, one per paired seed. With fewer
    than three it is neither tested nor counted in the correction. `others` are p values of changes
    that count in the correction and are not judged here.
    """
    least = least_spread(images)
    p_values = [t_test(each, least) if len(each) >= FEWEST else None for each in changes]
    corrected = holm([*(p for p in p_values if p is not None), *others])
    m, remaining = len(corrected), iter(corrected)
    judged = []
    for each, p in zip(changes, p_values, strict=True):
        p_holm = None if p is None else next(remaining)
        found = detectable(len(each), standard_deviation(each, least), level / max(m, 1))
        band = interval(each, 2 * level / max(m, 1), least)
        verdict = _verdict(band, p_holm, margin, level)
        judged.append(Judgement(interval(each, level, least), p, p_holm, m, found, verdict, level))
    return judged


def least_spread(images: int) -> float:
    """The least standard deviation that differences of accuracies on so many images are taken for.

    An accuracy that hesitates between two neighbouring counts of images has up to half an image, a
    difference of two such √½; and a few seeds may by chance all have fallen on the same side.
    """
    return math.sqrt(0.5) / images


def direction(mean: float | None, p_holm: float | None, level: float) -> str | None:
    """HELPED or HURT by the sign of a mean whose corrected p is small enough, else None."""
    if mean is None or p_holm is None or p_holm > level:
        return None
    return HELPED if mean > 0 else HURT


def _verdict(band: Interval, p_holm: float | None, margin: float, level: float) -> str:
    """First two one-sided tests by their interval (Schuirmann 1987), then Holm's p."""
    if p_holm is None:
        return TOO_FEW
    if all(end is not None and abs(end) < margin for end in (band.low, band.high)):
        return EQUIVALENT
    return direction(band.mean, p_holm, level) or UNCLEAR
