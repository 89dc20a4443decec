"""Accuracy against weights: what leads, where points and labels stand."""

import itertools

import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined

from mnistlab.report.front import HEIGHT, MAX_CHARACTERS, WIDTH, Front, front
from mnistlab.results.statistics import Interval


def figure(mean: float | None, half: float | None = 0.002) -> Interval:
    ends = (None, None) if mean is None or half is None else (mean - half, mean + half)
    return Interval(5, mean, *ends)


def drawn(trials: dict[str, tuple[int, Interval]]) -> Front:
    found = front(trials)
    assert found is not None
    return found


TRIALS = {
    "large": (100_000, figure(0.98)),
    "worse and larger": (10_000, figure(0.94)),
    "small": (1_000, figure(0.95)),
    "as large, worse": (100_000, figure(0.975)),
    "no larger than as good": (20_000, figure(0.95)),
}


def test_a_trial_leads_that_no_trial_with_as_few_weights_beats() -> None:
    points = drawn(TRIALS).points
    assert [(point.name, point.leads) for point in points] == [
        ("small", True), ("worse and larger", False), ("no larger than as good", False),
        ("large", True), ("as large, worse", False),
    ]  # fmt: skip
    small, middle, _, large, _ = points
    assert middle.x == pytest.approx((small.x + large.x) / 2)  # 10,000 between 1,000 and 100,000
    steps = [tuple(map(float, point.split(","))) for point in drawn(TRIALS).line.split()]
    at = [(small.x, small.middle), (large.x, small.middle), (large.x, large.middle)]
    assert steps == [pytest.approx(each, abs=0.05) for each in (*at, (WIDTH, large.middle))]


def test_heights_are_spaced_by_the_share_of_errors() -> None:
    chart = drawn({"a": (1, figure(0.92)), "b": (2, figure(0.96)), "c": (3, figure(0.98))})
    a, b, c = (point.middle for point in chart.points)
    assert a - b == pytest.approx(b - c)  # half the errors, twice
    assert [it.low > it.middle > it.high for it in chart.points] == [True] * 3
    places = {tick.text: tick.at for tick in chart.y_ticks}
    assert places["0.95"] == pytest.approx(a + (b - a) * 0.678, abs=0.1)  # log2(8 / 5)


def test_a_single_seed_a_perfect_trial_and_one_without_figures() -> None:
    chart = drawn({"a": (5, figure(0.9, None)), "b": (9, figure(1.0)), "lost": (7, figure(None))})
    assert [point.name for point in chart.points] == ["a", "b"]
    assert chart.points[0].low == chart.points[0].middle == chart.points[0].high
    assert all(0 <= it.high <= it.low <= HEIGHT and 0 <= it.x <= WIDTH for it in chart.points)


@pytest.mark.parametrize("sizes", [(), (5,), (5, 5)])
def test_trials_of_one_size_have_no_front(sizes: tuple[int, ...]) -> None:
    assert front({f"{i}": (size, figure(0.9 + i / 99)) for i, size in enumerate(sizes)}) is None


def test_labels_of_a_dozen_trials_hide_nothing() -> None:
    trials = {f"trial {i}": (1000 * 2**i, figure(0.9 + 0.05 * (i % 5) / 5)) for i in range(11)}
    points = drawn(trials | {"a name that is too long for a label": (1500, figure(0.93))}).points
    assert max(len(point.text) for point in points) == MAX_CHARACTERS
    labels = [(*point.label, 6 * len(point.text)) for point in points if point.label]
    assert len(labels) == 12
    for (x, y, width), (left, top, other) in itertools.combinations(labels, 2):
        assert x + width <= left or left + other <= x or abs(y - top) >= 13
    for x, y, width in labels:
        assert not any(x < it.x < x + width and y - 10 < it.middle < y for it in points)
        assert x >= 0
        assert x + width <= WIDTH


def test_the_macro_draws_it_without_style_attributes() -> None:
    environment = Environment(
        loader=PackageLoader("mnistlab.report"), undefined=StrictUndefined, autoescape=True
    )
    text = "{% import 'front.html.jinja' as draw %}{{ draw.front(it) }}"
    trials = {"a<b": (1000, figure(0.9)), "c": (20_000, figure(0.95))}
    page = environment.from_string(text).render(it=drawn(trials))
    assert "style=" not in page
    assert page.count("<circle") == 2
    assert ">a&lt;b</text>" in page
    assert "c: 20,000 weights, 0.9500" in page
