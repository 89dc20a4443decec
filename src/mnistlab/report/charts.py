"""The page's pictures as plain geometry, which templates draw. In SVG units, y down."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnistlab.book.trial import Trial
from mnistlab.report.plots import Curve, Curves
from mnistlab.results.compare import Verdict

CHART = (330.0, 170.0)  # width and height of the plotting area
MAX_POINTS = 200  # of one line; more cannot be told apart
MAX_LOSS = 10.0  # nats on an axis, twice what guessing costs; a line that diverges leaves it
MAX_LANES = 8  # of the chain; what branches further is drawn in the last
WHISKERS = 300.0  # width of the scale of differences
LABEL = 34.0  # between two of its ticks at the least, for their labels
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A curve as "x,y x,y …": the mean over the seeds, and the band from lowest to highest."""

    part: str
    mean: str
    band: str


@dataclass(frozen=True)
class Chart:
    """One figure over the epochs; `dots` are at each seed's epoch with the lowest loss."""

    title: str
    lines: list[Line]
    dots: list[tuple[float, float]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True)
class Row:
    """One trial in the picture of the chain: its lane, and the lines that pass or meet it."""

    name: str
    depth: int  # the number of its ancestors
    lane: int
    through: list[int]  # lanes whose lines go on behind this row
    parent_lane: int | None
    has_children: bool  # whether its own line goes on


@dataclass(frozen=True)
class Whisker:
    """A difference and the ends of its interval, if it has one, on the scale all changes share."""

    middle: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Differences:
    """A whisker for each changed trial, the ticks of their scale in points, and ±margin on it."""

    whiskers: dict[str, Whisker]
    ticks: list[Tick]
    margin: tuple[float, float]


def learning_charts(curves: Mapping[str, Sequence[Curves]]) -> dict[str, list[Chart]]:
    """Loss (logarithmic) and accuracy of each trial's curves, all trials on the same axes."""
    charts: dict[str, list[Chart]] = {name: [] for name in curves}
    for alike in zip(*curves.values(), strict=True):
        lines = [line for each in alike for line in each.parts.values()]
        last = max(2, *(len(line.mean) for line in lines))
        x = linear(1, last, 0, CHART[0])
        x_ticks = [Tick(x(value), f"{value:g}") for value in round_values(1, last, integer=True)]
        y, y_ticks = _vertical(lines, logarithmic=alike[0].metric == "loss")
        for name, each in zip(curves, alike, strict=True):
            drawn = [_line(part, line, x, y) for part, line in each.parts.items()]
            dots = [(x(epoch), y(value)) for epoch, value in each.best]
            charts[name].append(Chart(each.metric, drawn, dots, x_ticks, y_ticks))
    return charts


def _vertical(curves: Sequence[Curve], logarithmic: bool) -> tuple[Scale, list[Tick]]:
    """A scale, and its ticks, of all but the first epoch, which would press the rest flat."""
    settled = [line.mean[1:] if len(line.mean) > 3 else line.mean for line in curves]
    values = np.concatenate(settled)
    values = values[values > 0] if logarithmic else values
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.5, 1.0)
    low, high = (min(low, MAX_LOSS), min(high, MAX_LOSS)) if logarithmic else (low, high)
    margin = 0.1 if high == low else 0.0
    if not logarithmic:
        y = linear(low - margin, high + margin, CHART[1], 0)
        return y, [Tick(y(value), f"{value:g}") for value in round_values(low, high)]
    line = linear(math.log(low) - margin, math.log(high) + margin, CHART[1], 0)
    ticks = [Tick(line(math.log(value)), f"{value:.2g}") for value in log_values(low, high)]
    return lambda value: line(math.log(max(value, 1e-9))), ticks


def linear(low: float, high: float, first: float, last: float) -> Scale:
    """The scale that brings low to first and high to last."""
    return lambda value: first + (value - low) / (high - low) * (last - first)


def round_values(low: float, high: float, integer: bool = False) -> list[float]:
    """Four or so round numbers from low to high."""
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(5, steps=[1, 2, 5, 10], integer=integer).tick_values(low, high)
    return [float(value) for value in values if low <= value <= high] or [low]


def log_values(low: float, high: float) -> list[float]:
    """Three or more round numbers from low to high, if there are so many."""
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        values = [step * 10.0**power for power in range(-9, 9) for step in steps]
        if len(inside := [value for value in values if low <= value <= high]) > 2:
            return inside
    return [low, high]


def _line(part: str, curve: Curve, x: Scale, y: Scale) -> Line:
    m = len(curve.mean)
    forth = sorted({int(i) for i in np.linspace(0, m - 1, MAX_POINTS)}) if m else []

    def path(values: Sequence[float], order: Iterable[int]) -> str:
        return " ".join(f"{x(i + 1):.1f},{y(values[i]):.1f}" for i in order)

    low, mean, high = (values.tolist() for values in (curve.low, curve.mean, curve.high))
    return Line(part, path(mean, forth), f"{path(high, forth)} {path(low, reversed(forth))}")


def chain(trials: Sequence[Trial]) -> list[Row]:
    """The trials as a tree drawn downwards, a row each; a last child stays in its parent's lane."""
    names = {trial.name for trial in trials}
    children: dict[str | None, list[Trial]] = {}
    for trial in trials:
        children.setdefault(trial.parent if trial.parent in names else None, []).append(trial)
    rows: list[Row] = []
    waiting = [
        Row(root.name, 0, 0, [], None, root.name in children)
        for root in reversed(children.get(None, []))
    ]
    while waiting:  # a stack and no recursion: a chain may be a thousand trials long
        row = waiting.pop()
        rows.append(row)
        own = children.get(row.name, [])
        side = min(row.lane + 1, MAX_LANES)
        for child in reversed(own):
            lane, through = (row.lane, row.through)
            if child is not own[-1]:
                lane, through = side, sorted({*row.through, row.lane})
            goes_on = child.name in children
            waiting.append(Row(child.name, row.depth + 1, lane, through, row.lane, goes_on))
    return rows


def whiskers(verdicts: Sequence[Verdict], margin: float) -> Differences:
    """Each changed trial's difference on one scale.

    The scale is about linear within the margin and logarithmic beyond.
    """
    known = [it for each in verdicts for it in (each.difference, each.low, each.high)]
    limit = max([2 * margin, *(abs(value) for value in known if value is not None)]) * 1.15

    def x(value: float) -> float:
        return WHISKERS / 2 * (1 + math.asinh(value / margin) / math.asinh(limit / margin))

    drawn = {}
    for it in verdicts:
        if it.difference is not None:
            low, high = (None if end is None else x(end) for end in (it.low, it.high))
            drawn[it.trial.name] = Whisker(x(it.difference), low, high)
    ticks = [Tick(x(0), "0")]
    for size in (step * 10.0**power for power in range(-3, 3) for step in (1, 2, 5)):  # points
        if size <= 100 * limit and x(size / 100) - ticks[-1].at >= LABEL:
            ticks += [Tick(x(-size / 100), f"−{size:g}"), Tick(x(size / 100), f"+{size:g}")]
    return Differences(drawn, ticks, (x(-margin), x(margin)))
