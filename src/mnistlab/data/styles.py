"""Styles of writing: a drawn digit as people with other habits write it.

Pen digits come from few writers, each with habits of their own. Here a 1 gets a flag, a base line
or both, a 7 a crossbar, a 9 an open bowl or another stem, an open 4 of two strokes a closed top;
other digits stay as they are. What a drawing has already is seen in its geometry.

Inside this module a drawing is measured in units of its longer side: x and y begin at 0, y points
down, and a digit taller than wide ends at y = 1. Strokes are ``(n, 2) float64``.
"""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from mnistlab.data.framing import SMALLEST, TAP
from mnistlab.data.strokes import Stroke

STYLED = 0.5
"""Share of drawings that `restyled` tries to write in another style."""
STEP = 0.02
"""Distance of points once a stroke is sampled evenly; far below a pen's width, about 0.15."""
TANGENT = 8
"""Points over which a stroke's direction is taken."""
BOW = 0.03
"""Standard deviation of how far an added line bows, as a share of its length."""

LEVEL = 0.6
"""The steepest slope of level ink."""
FOOT, BASE_SEEN = (0.75, 1.01), 0.15
"""Heights between which a 1's base line lies, and how long level ink is there if it has one."""
FLAG_SEEN = 0.1
"""Length of the way up to a 1's top from which on it is a flag and no trembling."""
WIDEST_FLAG = 0.45
"""A 1 whose flag reaches farther is nearly a 7; with a base line it would be nearly a 2."""
FLAG, FLAG_ANGLE = (0.16, 0.32), (0.5, 1.1)
"""Length of an added flag, short of a 7's bar, and its angle below the horizontal in radians."""
BASE, BASE_SLOPE, BASE_OFF = (0.3, 0.6), 0.06, 0.02
"""Length of an added base line; standard deviations of its slope and its distance from the foot."""
LEFT_SHARE = (0.38, 0.62)
"""Share of an added base line or crossbar left of the stem: a 2's base lies right of it alone."""

MIDDLE, BAR_SEEN = (0.28, 0.85), 0.06
"""Heights between which a 7's crossbar lies, and how long level ink is there if it has one."""
BAR_HEIGHT, BAR, BAR_SLOPE = (0.42, 0.6), (0.32, 0.6), (-0.05, 0.08)
"""Height and length of an added crossbar; mean and standard deviation of its slope: most rise."""

OPENED = 0.8
"""Share of restyled 9s whose bowl is opened if it may be; the others get another stem."""
LOWEST_START = 0.6
"""Where the pen begins a 9 at most: who begins at its foot closes the bowl last."""
GAP, WIDEST_GAP = (0.15, 0.3), 0.55
"""Width of the gap in an opened bowl, more than a pen's width or none would see it, and its limit
as a share of the bowl's width: a wider one makes a 9 a 4."""
AROUND = 0.45
"""Points of a bowl closer than this along the pen's way are neighbours, not two sides of a gap."""
LID = 0.4
"""Share of the bowl's width that must stay covered at the top, or the 9 would be a 4."""
CURL, CURL_TURN = (0.1, 0.2), (1.2, 2.4)
"""Radius of an added curl at the foot of a 9, and by how many radians it turns."""
CURL_SEEN, CURL_HEIGHT = 0.2, 0.12
"""Width of the ink in the lowest part of a 9 that has a curl, and the height of that part."""

MOST_RIGHT = 0.2
"""Slope to the right, across by down, at which a 9's stem may end once its curl is gone."""

TOP_CLOSED, CORNER, STALK, CROSSED = 0.15, 0.15, 0.35, 0.05
"""Of a 4: the distance of its two tops if it is open; and what it needs, at least, to be closed
without becoming a 9: how far the corner of its first stroke lies from the line between the ends of
that stroke, how far its stalk begins above that corner, and how far the two strokes cross."""


def restyled(
    strokes: Sequence[Stroke],
    label: int | None,
    random: Generator,
    share: float = STYLED,
) -> list[Stroke]:
    """The strokes (n, 2), y down, with probability `share` in another style of their digit.

    A drawing stays as it is where no style is known for its digit, it has the style already, or
    the style would make it look like another digit. Taps of the pen are left out when it changes.
    """
    writers = {1: _one, 4: _four, 7: _seven, 9: _nine}
    if label not in writers or random.random() >= share:
        return list(strokes)
    size = _extent(np.concatenate(strokes))
    written = [stroke for stroke in strokes if _extent(stroke) > max(TAP * size, SMALLEST)]
    if not written:
        return list(strokes)
    low, size = np.concatenate(written).min(axis=0), _extent(np.concatenate(written))
    changed = writers[label]([_even((stroke - low) / size) for stroke in written], random)
    return list(strokes) if changed is None else [low + size * stroke for stroke in changed]


def _one(strokes: list[Stroke], random: Generator) -> list[Stroke] | None:
    flag, base = not _has_flag(strokes), not _has_base(strokes)
    if flag and base:
        flag, base = ((True, True), (True, False), (False, True))[random.integers(3)]
    if base and _flag_reach(strokes) > WIDEST_FLAG:
        return None
    changed = _with_flag(strokes, random) if flag else strokes
    changed = _with_base(changed, random) if base else changed
    return changed if flag or base else None


def _has_flag(strokes: list[Stroke]) -> bool:
    """Whether the pen came up to the top of a 1, or has drawn another stroke there."""
    stem = _longest(strokes)
    way_up = STEP * int(stem[:, 1].argmin())
    others = [stroke for stroke in strokes if stroke is not stem]
    return way_up > FLAG_SEEN or any(stroke[:, 1].min() < 0.4 for stroke in others)


def _has_base(strokes: list[Stroke]) -> bool:
    """Whether a 1 stands on a level line."""
    return _level_ink(strokes, *FOOT) > BASE_SEEN


def _flag_reach(strokes: list[Stroke]) -> float:
    """How far left of a 1's top its flag reaches."""
    stem = _longest(strokes)
    top = int(stem[:, 1].argmin())
    return float(stem[top, 0] - stem[: top + 1, 0].min())


def _with_flag(strokes: list[Stroke], random: Generator) -> list[Stroke]:
    """The 1 begun with a short line up to its top."""
    stem = _longest(strokes)
    angle = random.uniform(*FLAG_ANGLE)
    away = random.uniform(*FLAG) * np.array([-np.cos(angle), np.sin(angle)])
    begun = np.concatenate([_line(stem[0] + away, stem[0], random), stem])
    return [begun if stroke is stem else stroke for stroke in strokes]


def _with_base(strokes: list[Stroke], random: Generator) -> list[Stroke]:
    """The 1 on a line: half the time the pen goes on from the stem, if that ends at the foot."""
    stem = _longest(strokes)
    foot = stem[stem[:, 1].argmax()] + np.array([0.0, random.normal(0, BASE_OFF)])
    line = _line_across(foot, random.uniform(*BASE), random.normal(0, BASE_SLOPE), random)
    if random.random() < 0.5 and len(stem) - stem[:, 1].argmax() < 5:
        drawn = np.concatenate([stem, line])
        return [drawn if stroke is stem else stroke for stroke in strokes]
    return [*strokes, line]


def _seven(strokes: list[Stroke], random: Generator) -> list[Stroke] | None:
    if _has_crossbar(strokes):
        return None
    path = _longest(strokes)
    upper = path[:, 1] < 0.5
    stem = path[int(np.where(upper, path[:, 0], -np.inf).argmax()) :]
    crossing = _at_height(stem, random.uniform(*BAR_HEIGHT))
    slope = random.normal(*BAR_SLOPE)
    return [*strokes, _line_across(crossing, random.uniform(*BAR), slope, random)]


def _has_crossbar(strokes: list[Stroke]) -> bool:
    """Whether there is a level line in the middle of a 7."""
    return _level_ink(strokes, *MIDDLE) > BAR_SEEN


def _nine(strokes: list[Stroke], random: Generator) -> list[Stroke] | None:
    if len(strokes) > 1 or strokes[0][0, 1] > LOWEST_START:
        return None
    path = _opened(strokes[0], random) if random.random() < OPENED else None
    if path is None:
        path = _with_other_stem(strokes[0], random)
    return None if path is None else [path]


def _gaps(path: Stroke) -> Stroke:
    """(n,) how far apart the sides of a 9's bowl stay if the pen begins at each of the n points.

    The bowl is what the pen draws before and after its leftmost point in the upper half. Points
    behind that one have no gap and get infinity.
    """
    left = _leftmost(path)
    distance = np.linalg.norm(path[: left + 1, None] - path[None, left:], axis=2)
    before, after = np.arange(left + 1)[:, None], np.arange(left, len(path))[None]
    distance[STEP * (after - before) < AROUND] = np.inf
    found = np.full(len(path), np.inf)
    found[: left + 1] = np.minimum.accumulate(distance.min(axis=1)[::-1])[::-1]
    return found


def _opened(path: Stroke, random: Generator) -> Stroke | None:
    """The 9 begun later, so that its bowl has a gap beside the stem; None where none may be."""
    left = _leftmost(path)
    width = _right(path) - path[left, 0]
    start = int((_gaps(path) >= min(random.uniform(*GAP), WIDEST_GAP * width)).argmax())
    if start == 0 or path[start, 0] - path[left, 0] < LID * width:
        return None
    stem = path[left:] - path[start]
    aside, down = stem[np.linalg.norm(stem, axis=1).argmin()]  # the gap's other side
    return path[start:] if aside > down else None


def _with_other_stem(path: Stroke, random: Generator) -> Stroke | None:
    """The 9 without the curl at its foot, or with one if it had none."""
    if _has_curl(path):
        straight = path[: 1 + int((path[:, 1] > path[:, 1].max() - CURL_HEIGHT).argmax())]
        aside, down = straight[-1] - straight[-TANGENT:][0]
        return straight if aside < MOST_RIGHT * down else None
    return np.concatenate([path, _curl(path, random)])


def _curl(path: Stroke, random: Generator) -> Stroke:
    """An arc to the left that goes on where the path ends."""
    aside, down = path[-1] - path[-TANGENT:][0]
    first = np.arctan2(down, aside)
    radius, turn = random.uniform(*CURL), random.uniform(*CURL_TURN)
    angle = first + np.linspace(0, turn, max(4, int(radius * turn / STEP)))
    steps = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius * turn / len(angle)
    return np.asarray(path[-1] + steps.cumsum(axis=0))


def _has_curl(path: Stroke) -> bool:
    """Whether the foot of a 9 runs out to a side."""
    return float(np.ptp(path[path[:, 1] > path[:, 1].max() - CURL_HEIGHT, 0])) > CURL_SEEN


def _four(strokes: list[Stroke], random: Generator) -> list[Stroke] | None:
    """The open 4 closed: its first stroke runs straight from the top of its stalk to its corner."""
    if len(strokes) != 2:
        return None
    first, stalk = strokes
    chord = first[-1] - first[0]
    across = np.array([-chord[1], chord[0]]) / max(np.hypot(*chord), STEP)
    away = np.abs((first - first[0]) @ across)
    corner = int(away.argmax())
    open_top = np.hypot(*(stalk[0] - first[0])) > TOP_CLOSED
    cornered = away[corner] > CORNER and stalk[0, 1] < first[corner, 1] - STALK
    crossed = first[-1, 0] > _at_height(stalk, first[-1, 1])[0] + CROSSED
    if not (open_top and cornered and crossed):
        return None
    top = stalk[0] + random.normal(0, STEP, 2)
    return [np.concatenate([_line(top, first[corner], random), first[corner + 1 :]]), stalk]


def _extent(points: Stroke) -> float:
    """The longer side of the box around points (n, 2)."""
    return float(np.ptp(points, axis=0).max())


def _at_height(path: Stroke, height: float) -> Stroke:
    """The point (2,) of a path that is nearest to a height."""
    return np.asarray(path[np.abs(path[:, 1] - height).argmin()])


def _leftmost(path: Stroke) -> int:
    """The index of the leftmost point in the upper half."""
    return int(np.where(path[:, 1] < 0.5, path[:, 0], np.inf).argmin())


def _right(path: Stroke) -> float:
    """How far right the ink in the upper half reaches."""
    return float(path[path[:, 1] < 0.5, 0].max())


def _longest(strokes: list[Stroke]) -> Stroke:
    return max(strokes, key=len)


def _level_ink(strokes: list[Stroke], top: float, bottom: float) -> float:
    """The length of what runs level between two heights."""
    steps = np.concatenate([np.diff(stroke, axis=0) for stroke in strokes])
    height = np.concatenate([stroke[1:, 1] for stroke in strokes])
    level = np.abs(steps[:, 1]) < LEVEL * np.abs(steps[:, 0])
    return STEP * int((level & (height > top) & (height < bottom)).sum())


def _line_across(middle: Stroke, length: float, slope: float, random: Generator) -> Stroke:
    """A line from left to right through a point (2,), which need not be halfway."""
    along = np.array([1.0, slope]) * length
    start = middle - random.uniform(*LEFT_SHARE) * along
    return _line(start, start + along, random)


def _line(start: Stroke, end: Stroke, random: Generator) -> Stroke:
    """Points (9, 2) from one point (2,) to another, bowed a little as a hand does."""
    share = np.linspace(0, 1, 9)[:, None]
    along = end - start
    aside = np.array([-along[1], along[0]]) * random.normal(0, BOW)
    return start + share * along + np.sin(np.pi * share) * aside


def _even(stroke: Stroke) -> Stroke:
    """The stroke sampled evenly, its ends kept; points lie about `STEP` apart."""
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    at = np.linspace(0, travelled[-1], 1 + max(1, round(travelled[-1] / STEP)))
    return np.stack([np.interp(at, travelled, stroke[:, axis]) for axis in (0, 1)], axis=1)
