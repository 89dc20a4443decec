"""Styles: each is put where it lacks, once, and the digit stays itself."""

import numpy as np
import pytest

from mnistlab.data.framing import frame_strokes
from mnistlab.data.strokes import Stroke
from mnistlab.data.styles import restyled
from mnistlab.model.predictor import shipped_model
from mnistlab.randomness import Purpose, generator

DRAWINGS: dict[str, tuple[int, list[list[tuple[float, float]]]]] = {
    "bare 1": (1, [[(50, 0), (52, 50), (50, 100)]]),
    "1 with flag": (1, [[(30, 25), (50, 0), (50, 100)]]),
    "1 with base": (1, [[(50, 0), (50, 100)], [(25, 100), (75, 99)]]),
    "1 with both": (1, [[(30, 25), (50, 0), (50, 100), (25, 100), (75, 98)]]),
    "1 that is nearly a 7": (1, [[(0, 20), (60, 0), (50, 100)]]),
    "plain 7": (7, [[(0, 0), (60, 0), (20, 100)]]),
    "crossed 7": (7, [[(0, 0), (60, 0), (20, 100)], [(15, 50), (60, 46)]]),
    "crossed 7 in one go": (7, [[(0, 0), (60, 0), (20, 100), (10, 55), (70, 50)]]),
    "open 4": (4, [[(20, 0), (0, 60), (70, 60)], [(50, 5), (48, 100)]]),
    "closed 4": (4, [[(50, 0), (0, 60), (70, 60)], [(50, 5), (48, 100)]]),
    "9 with curl": (
        9,
        [
            [
                *((50, 18), (30, 0), (12, 5), (2, 22), (12, 42), (30, 44), (46, 34), (54, 6)),
                *((54, 50), (52, 86), (36, 100), (6, 96)),
            ]
        ],
    ),
    "9 with straight stem": (
        9,
        [
            [
                *((50, 18), (30, 0), (12, 5), (2, 22), (12, 42), (30, 44), (46, 34), (54, 6)),
                *((52, 50), (50, 100)),
            ]
        ],
    ),
}
COMPLETE = ["1 with both", "1 that is nearly a 7", "crossed 7", "crossed 7 in one go", "closed 4"]
CHANGING = [name for name in DRAWINGS if name not in COMPLETE]


def strokes_of(name: str) -> list[Stroke]:
    return [np.array(stroke, dtype=float) for stroke in DRAWINGS[name][1]]


def copies(name: str, count: int = 40) -> list[list[Stroke]]:
    random = generator(0, Purpose.drawings)
    return [restyled(strokes_of(name), DRAWINGS[name][0], random, 1.0) for _ in range(count)]


def is_same(first: list[Stroke], second: list[Stroke]) -> bool:
    return len(first) == len(second) and all(map(np.array_equal, first, second))


def widths(name: str, top: float, bottom: float) -> list[float]:
    """The widths of the ink between two heights, sampled densely, of every copy."""
    found = []
    for strokes in copies(name):
        share = np.linspace(0, 1, 50)[:, None, None]
        points = [(1 - share) * stroke[:-1] + share * stroke[1:] for stroke in strokes]
        ink = np.concatenate([each.reshape(-1, 2) for each in points])
        found.append(float(np.ptp(ink[(ink[:, 1] > top) & (ink[:, 1] < bottom), 0])))
    return found


@pytest.mark.parametrize("name", COMPLETE)
def test_what_has_the_style_or_would_be_ambiguous_stays(name: str) -> None:
    assert all(is_same(copy, strokes_of(name)) for copy in copies(name))


@pytest.mark.parametrize("name", CHANGING)
def test_what_lacks_the_style_gets_it_and_keeps_its_place(name: str) -> None:
    before = np.concatenate(strokes_of(name))
    for copy in copies(name):
        assert not is_same(copy, strokes_of(name))
        points = np.concatenate(copy)
        assert np.isfinite(points).all()
        assert np.abs(points.min(axis=0) - before.min(axis=0)).max() < 35
        assert np.abs(points.max(axis=0) - before.max(axis=0)).max() < 35


@pytest.mark.parametrize("name", CHANGING)
def test_the_shipped_model_still_reads_the_digit(name: str) -> None:
    pictures = np.stack([frame_strokes(copy) for copy in copies(name)])
    answers = shipped_model().predict(pictures)[1].argmax(axis=1)
    assert (answers == DRAWINGS[name][0]).mean() >= 0.9


def test_a_1_gets_a_base_line_to_both_sides_of_its_foot() -> None:
    assert min(widths("1 with flag", 88, 115)) > 25
    for copy in copies("1 with flag"):
        low = np.concatenate(copy)
        low = low[low[:, 1] > 88, 0]
        assert low.min() < 50 - 8
        assert low.max() > 50 + 8


def test_a_1_gets_a_short_flag() -> None:
    for copy in copies("1 with base"):
        top = np.concatenate(copy)
        top = top[top[:, 1] < 50]
        assert 5 < 50 - top[:, 0].min() < 35
        assert top[:, 0].max() < 55


def test_a_7_gets_one_crossbar_across_its_stem() -> None:
    for copy in copies("plain 7"):
        path, bar = copy
        height = float(bar[:, 1].mean())
        assert 30 < height < 70
        stem = np.interp(height, path[-80:, 1], path[-80:, 0])
        assert bar[0, 0] < stem < bar[-1, 0]
        again = restyled(copy, 7, generator(1, Purpose.drawings), 1.0)
        assert is_same(again, copy)


def test_a_9_is_opened_or_loses_its_curl() -> None:
    opened = 0
    for (path,) in copies("9 with curl"):
        curled = np.ptp(path[path[:, 1] > 85, 0]) > 20
        gap = np.linalg.norm(path[0] - path[40:], axis=1).min()
        opened += curled
        assert gap > 12 if curled else path[:, 1].max() < 95
    assert 0 < opened < 40


def test_a_9_that_would_become_a_y_is_not_opened() -> None:
    wedge = np.array([[56.0, 4], [10, 34], [30, 50], [60, 0], [56, 100]])
    random = generator(0, Purpose.drawings)
    for _ in range(20):
        (path,) = restyled([wedge], 9, random, 1.0)
        assert np.allclose(path[0], wedge[0])


def test_a_9_drawn_from_its_foot_or_in_two_strokes_stays() -> None:
    (path,) = strokes_of("9 with curl")
    random = generator(0, Purpose.drawings)
    for strokes in ([path[::-1]], [path[:8], path[7:]]):
        assert all(is_same(restyled(strokes, 9, random, 1.0), strokes) for _ in range(20))


def test_a_4_is_closed() -> None:
    for first, stalk in copies("open 4"):
        assert np.hypot(*(first[0] - stalk[0])) < 10


@pytest.mark.parametrize("label", [0, 2, 3, 5, 6, 8, None])
def test_other_digits_stay(label: int | None) -> None:
    random = generator(0, Purpose.drawings)
    for name in DRAWINGS:
        assert is_same(restyled(strokes_of(name), label, random, 1.0), strokes_of(name))


def test_a_generator_decides_which_and_how() -> None:
    first, second = (copies("bare 1"), copies("bare 1"))
    assert all(map(is_same, first, second))
    assert not is_same(first[0], first[1])
    random = generator(0, Purpose.drawings)
    drawn = [restyled(strokes_of("plain 7"), 7, random, 0.3) for _ in range(1000)]
    assert 0.25 < np.mean([len(strokes) == 2 for strokes in drawn]) < 0.35


def test_no_drawing_is_too_odd() -> None:
    random = generator(0, Purpose.drawings)
    for number in range(2000):
        size = 10 ** random.uniform(-3, 3)
        counts = random.integers(1, 6, size=1 + number % 3)
        odd = [np.round(random.normal(0, size, (count, 2)), 1) for count in counts]
        for label in (1, 4, 7, 9):
            found = restyled(odd, label, random, 1.0)
            assert found
            assert all(np.isfinite(stroke).all() and stroke.shape[1] == 2 for stroke in found)
