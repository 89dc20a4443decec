"""How few weights for how much accuracy: the trials of a report as a chart, in plain geometry."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from mnistlab.report.charts import Scale, Tick, linear, log_values, round_values
from mnistlab.results.statistics import Interval

WIDTH, HEIGHT = 640.0, 300.0  # of the plotting area
DOT = 6.0  # radius
CHARACTER, LINE = 6.2, 13.0  # about the width and height of a letter in a label
MAX_CHARACTERS = 24  # of a label
SHIFTS = (0.0, -LINE, LINE, -2 * LINE, 2 * LINE)  # of a label, down from beside its point
LEAST_ERROR = 1e-4  # a logarithmic axis has no 0

Box = tuple[float, float, float, float]  # left, top, right, bottom
Trials = Mapping[str, tuple[int, Interval]]  # name → weights, accuracy


@dataclass(frozen=True)
class Point:
    """A trial: its mean accuracy with the ends of the interval, and where its label begins.

    `leads` if every trial with as few weights is less accurate.
    """

    name: str
    weights: int
    accuracy: float
    x: float
    middle: float
    low: float
    high: float
    leads: bool
    label: tuple[float, float] | None = None  # where there was room for one

    @property
    def text(self) -> str:
        """What the label says: the name, shortened."""
        name = self.name
        return name if len(name) <= MAX_CHARACTERS else f"{name[: MAX_CHARACTERS - 1]}…"


@dataclass(frozen=True)
class Front:
    """Accuracy against weights, the fewest first; both axes are logarithmic, of errors and weights.

    `line` is the best accuracy of at most so many weights, in steps, as "x,y x,y …".
    """

    points: list[Point]
    line: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def front(trials: Trials) -> Front | None:
    """The chart of these trials; None unless two of them differ in weights."""
    known = sorted(_known(trials), key=lambda it: (it[1], -it[2]))
    sizes = [size for _, size, *_ in known]
    if len(set(sizes)) < 2:
        return None
    errors = [_error(end) for _, _, *ends in known for end in ends]
    x = _logarithmic(sizes[0], sizes[-1], 0.08 * WIDTH, 0.95 * WIDTH)
    y = _logarithmic(min(errors) / 1.1, max(errors) * 1.1, 0, HEIGHT)
    points: list[Point] = []
    for name, size, *ends in known:
        middle, low, high = (y(_error(end)) for end in ends)
        leads = all(ends[0] > point.accuracy for point in points)
        points.append(Point(name, size, ends[0], x(size), middle, low, high, leads))
    x_ticks = [Tick(x(size), f"{size:,.0f}") for size in _ticks(sizes[0], sizes[-1])]
    y_ticks = [Tick(y(it), f"{1 - it:.5g}") for it in _ticks(min(errors), max(errors))]
    steps = _steps(points)
    line = " ".join(f"{x:.1f},{y:.1f}" for step in steps for x, y in (step[:2], step[2:]))
    return Front(_labelled(points, steps), line, x_ticks, y_ticks)


def _known(trials: Trials) -> Iterator[tuple[str, int, float, float, float]]:
    """Name, weights, mean and the interval's ends, both the mean where there is none."""
    for name, (size, it) in trials.items():
        if it.mean is not None:
            low, high = (it.mean if end is None else end for end in (it.low, it.high))
            yield name, size, it.mean, low, high


def _error(accuracy: float) -> float:
    return max(LEAST_ERROR, 1 - accuracy)


def _logarithmic(low: float, high: float, first: float, last: float) -> Scale:
    line = linear(math.log(low), math.log(high), first, last)
    return lambda value: line(math.log(value))


def _ticks(low: float, high: float) -> list[float]:
    return log_values(low, high) if high > 4 * low else round_values(low, high)


def _steps(points: Sequence[Point]) -> list[Box]:
    """The lines from each point that leads: level to where the next stands, or to the end."""
    leading = [point for point in points if point.leads]
    ends = [*(point.x for point in leading[1:]), WIDTH]
    return [(it.x, it.middle, end, it.middle) for it, end in zip(leading, ends, strict=True)]


def _labelled(points: Sequence[Point], steps: Sequence[Box]) -> list[Point]:
    """The points with labels that hide nothing; those that lead choose first."""
    taken = [(it.x - DOT, it.middle - DOT, it.x + DOT, it.middle + DOT) for it in points]
    taken += [(it.x - 2, it.high, it.x + 2, it.low) for it in points] + list(steps)
    labels: dict[str, tuple[float, float]] = {}
    for point in sorted(points, key=lambda it: not it.leads):
        boxes = (box for box in _places(point) if not any(_meet(box, other) for other in taken))
        if free := next(boxes, None):
            labels[point.name] = (free[0], free[3] - 3)
            taken.append(free)
    return [replace(point, label=labels.get(point.name)) for point in points]


def _places(point: Point) -> Iterator[Box]:
    """Where a point's label may stand inside the chart, the best place first."""
    width = CHARACTER * (len(point.text) + 1)
    sides = (point.x + DOT + 3, point.x - DOT - 3 - width)
    beside = product(SHIFTS, sides)
    ends = product((point.high - LINE - 2, point.low + 2), (0, width / 2, width))
    corners = [(left, point.middle - LINE / 2 + shift) for shift, left in beside]
    corners += [(point.x - back, top) for top, back in ends]
    for left, top in corners:
        if left >= 0 and left + width <= WIDTH and top >= 0 and top + LINE <= HEIGHT:
            yield left, top, left + width, top + LINE


def _meet(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
