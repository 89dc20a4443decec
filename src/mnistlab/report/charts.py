"""The report's pictures as plain geometry, which the templates draw. Lengths are in SVG units, y
down.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnistlab.book.trial import Trial
from mnistlab.report.plots import Curve, curve
from mnistlab.training.record import RunRecord

CHART = (330.0, 170.0)  # width and height of the plotting area
MAX_POINTS = 200  # of one line; more cannot be told apart
MAX_LANES = 8  # of the chain; what branches further is drawn in the last
WHISKERS = 300.0  # width of the scale of differences
KNEE = 0.001  # of that scale: about linear within ±0.1 points, logarithmic beyond
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A curve: the mean over the seeds, and the band from the lowest to the highest, as "x,y x,y
    …".
    """

    part: str
    mean: str
    band: str


@dataclass(frozen=True)
class Chart:
    """One figure over the epochs; `dots` are at each seed's epoch with the lowest
    validation loss.
    """

    title: str
    lines: list[Line]
    dots: list[tuple[float, float]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True)
class Row:
    """One trial in the picture of the chain: its lane, and the lines that pass or meet it."""

    name: str
    lane: int
    through: list[int]  # lanes whose lines go on behind this row
    parent: int | None  # the lane that it comes from
    children: bool  # whether its own line goes on


@dataclass(frozen=True)
class Whisker:
    """A difference with its interval, on the scale that all changes share; no interval has no
    length.
    """

    middle: float
    low: float
    high: float


def learning_charts(runs: Mapping[str, Sequence[RunRecord]]) -> dict[str, list[Chart]]:
    """Loss (logarithmic) and accuracy over the epochs of each trial that has any, all trials on the
    same axes.
    """
    drawn = {
        name: kept
        for name, records in runs.items()
        if (kept := [record for record in records if record.history])
    }
    last = max((len(record.history) for records in drawn.values() for record in records), default=1)
    result: dict[str, list[Chart]] = {name: [] for name in drawn}
    for metric in ("loss", "accuracy"):
        fields = {part: f"{field}_{metric}" for part, field in CURVES}
        curves = {
            name: {part: curve(records, field) for part, field in fields.items()}
            for name, records in drawn.items()
        }
        y, y_ticks = _vertical(
            [line for lines in curves.values() for line in lines.values()], metric == "loss"
        )
        x = _linear(1, max(last, 2), 0, CHART[0])
        x_ticks = [
            Tick(x(value), f"{value:g}") for value in _round_values(1, last) if value == int(value)
        ]
        for name, records in drawn.items():
            best = [
                epoch
                for record in records
                for epoch in record.history
                if epoch.epoch == record.epoch
            ]
            values = [(epoch.epoch, getattr(epoch, fields["validation"])) for epoch in best]
            dots = [(x(epoch), y(value)) for epoch, value in values if value is not None]
            lines = [_line(part, it, x, y) for part, it in curves[name].items()]
            result[name].append(Chart(metric, lines, dots, x_ticks, y_ticks))
    return result


CURVES = (("training", "train"), ("validation", "validation"))


def _vertical(curves: Sequence[Curve], logarithmic: bool) -> tuple[Scale, list[Tick]]:
    """A scale that shows everything but the first epoch, which would press the rest to the edge;
    and its ticks.
    """
    settled = [line.mean[1:] if len(line.mean) > 3 else line.mean for line in curves]
    values = np.concatenate([np.zeros(0), *settled])
    values = values[values > 0] if logarithmic else values
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.5, 1.0)
    margin = 0.1 if high == low else 0.0
    if not logarithmic:
        y = _linear(low - margin, high + margin, CHART[1], 0)
        return y, [Tick(y(value), f"{value:g}") for value in _round_values(low, high)]
    line = _linear(math.log(low) - margin, math.log(high) + margin, CHART[1], 0)
    ticks = next(
        (fine for steps in _STEPS if len(fine := _log_values(low, high, steps)) > 2), [low, high]
    )
    return lambda value: line(math.log(max(value, 1e-9))), [
        Tick(line(math.log(v)), f"{v:.2g}") for v in ticks
    ]


_STEPS = ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7))


def _log_values(low: float, high: float, steps: Sequence[float]) -> list[float]:
    values = [step * 10.0**power for power in range(-9, 9) for step in steps]
    return [value for value in values if low <= value <= high]


def _linear(low: float, high: float, first: float, last: float) -> Scale:
    return lambda value: first + (value - low) / (high - low) * (last - first)


def _round_values(low: float, high: float) -> list[float]:
    """Four or so round numbers from low to high."""
    if high <= low:
        return [low]
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    return [
        round(step * k, 12)
        for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]


def _line(part: str, it: Curve, x: Scale, y: Scale) -> Line:
    chosen = np.unique(np.linspace(0, max(len(it.mean) - 1, 0), MAX_POINTS).astype(int))[
        : len(it.mean)
    ]

    def path(values: Sequence[float], order: Sequence[int]) -> str:
        return " ".join(f"{x(int(i) + 1):.1f},{y(float(values[i])):.1f}" for i in order)

    forth, back = [int(i) for i in chosen], [int(i) for i in chosen[::-1]]
    low, mean, high = (list(map(float, values)) for values in (it.low, it.mean, it.high))
    return Line(part, path(mean, forth), f"{path(high, forth)} {path(low, back)}")


def chain(trials: Sequence[Trial]) -> list[Row]:
    """The trials as a tree drawn downwards, one row each: the last child stays in its parent's
    lane.
    """
    names = {trial.name for trial in trials}
    children: dict[str | None, list[Trial]] = {}
    for trial in trials:
        children.setdefault(trial.parent if trial.parent in names else None, []).append(trial)
    rows = []
    waiting: list[tuple[Trial, int, frozenset[int], int | None]] = [
        (root, 0, frozenset(), None) for root in reversed(children.get(None, []))
    ]
    while waiting:  # a stack and no recursion: a chain may be a thousand trials long
        trial, lane, through, parent = waiting.pop()
        own = children.get(trial.name, [])
        rows.append(Row(trial.name, lane, sorted(through), parent, bool(own)))
        side = min(lane + 1, MAX_LANES)
        branches = [(child, side, through | {lane}, lane) for child in own[:-1]]
        waiting += reversed([*branches, *((child, lane, through, lane) for child in own[-1:])])
    return rows


def whiskers(
    differences: Sequence[tuple[float | None, float | None, float | None]],
) -> tuple[list[Whisker | None], list[Tick]]:
    """(difference, low, high) of each change on one scale that is compressed away from 0, with its
    ticks in points.
    """
    known = [abs(value) for each in differences for value in each if value is not None]
    limit = max([2 * KNEE, *known]) * 1.15

    def x(value: float) -> float:
        return WHISKERS / 2 * (1 + math.asinh(value / KNEE) / math.asinh(limit / KNEE))

    drawn = [
        None
        if middle is None
        else Whisker(
            x(middle), x(middle if low is None else low), x(middle if high is None else high)
        )
        for middle, low, high in differences
    ]
    sizes = [size for size in (0.001, 0.01, 0.1, 1.0) if size <= limit]
    ticks = [
        Tick(x(sign * size), f"{'−' if sign < 0 else '+'}{100 * size:g}")
        for size in sizes
        for sign in (-1, 1)
    ]
    return drawn, [Tick(x(0), "0"), *ticks]
