"""The geometry of the report's pictures."""

import io
import itertools
from collections.abc import Mapping, Sequence

import pytest
from PIL import Image

from mnistlab.report.charts import (
    CHART,
    LABEL,
    MAX_LANES,
    MAX_POINTS,
    WHISKERS,
    Chart,
    chain,
    learning_charts,
    whiskers,
)
from mnistlab.report.plots import draw_curves, learning_curves
from mnistlab.training.record import RunRecord
from tests.made_up import record, trial, verdicts


def charts(runs: Mapping[str, Sequence[RunRecord]]) -> dict[str, list[Chart]]:
    return learning_charts({name: learning_curves(records) for name, records in runs.items()})


def test_the_last_child_stays_in_its_parents_lane_and_others_branch_off() -> None:
    trials = [trial("1"), trial("2", "1"), trial("3", "2"), trial("4", "2"), trial("5", "3")]
    rows = {row.name: row for row in chain(trials)}
    assert [row.depth for row in rows.values()] == [0, 1, 2, 3, 2]
    assert list(rows) == ["1", "2", "3", "5", "4"]  # a branch comes before the trunk goes on
    assert [(row.lane, row.parent_lane, row.has_children) for row in rows.values()] == [
        (0, None, True), (0, 0, True), (1, 0, True), (1, 1, False), (0, 0, False),
    ]  # fmt: skip
    assert rows["3"].through == rows["5"].through == [0]  # the trunk passes the branch
    assert rows["4"].through == []


def test_a_trial_whose_parent_has_no_runs_starts_a_tree_of_its_own() -> None:
    assert [
        (row.name, row.parent_lane) for row in chain([trial("b", "gone"), trial("c", "b")])
    ] == [
        ("b", None),
        ("c", 0),
    ]


def test_long_chains_and_wide_trees_are_drawn() -> None:
    long = [trial("0"), *(trial(str(i), str(i - 1)) for i in range(1, 1000))]
    assert {row.lane for row in chain(long)} == {0}
    deep = [trial("0")]
    for i in range(1, 21):  # at every step a leaf after the branch that goes on
        deep += [trial(str(i), str(i - 1)), trial(f"leaf {i}", str(i - 1))]
    assert max(row.lane for row in chain(deep)) == MAX_LANES


def test_curves_lie_inside_their_panel_and_share_their_axes() -> None:
    losses = (2.0, 0.5, 0.3, 0.2, 0.1)
    drawn = charts(
        {
            "1": [record("1", seed, losses=losses) for seed in range(3)],
            "2": [record("2", 0, losses=(0.4,) * 9)],
        }
    )
    loss, accuracy = drawn["1"]
    assert (loss.title, accuracy.title) == ("loss", "accuracy")
    assert loss.y_ticks == drawn["2"][0].y_ticks
    assert loss.x_ticks == drawn["2"][0].x_ticks
    points = [
        tuple(map(float, point.split(","))) for line in loss.lines for point in line.mean.split()
    ]
    assert all(0 <= x <= CHART[0] for x, _ in points)
    assert all(
        y <= CHART[1] + 0.1 for _, y in points
    )  # the first epoch may stand out at the top; it is cut off there
    validation = next(line for line in loss.lines if line.part == "validation")
    heights = [float(point.split(",")[1]) for point in validation.mean.split()]
    assert heights == sorted(heights)  # a falling loss goes down


def test_long_histories_are_thinned_and_gaps_left_out() -> None:
    endless = record("1", 0, losses=tuple(1 / (1 + i) for i in range(5000)))
    assert len(charts({"1": [endless]})["1"][0].lines[1].mean.split()) == MAX_POINTS
    broken = record("1", 0, status="diverged", losses=(0.5, None))
    assert len(charts({"1": [broken]})["1"][0].lines[1].mean.split()) == 1
    nothing = record("1", 0, status="diverged", losses=(None,))
    assert charts({"1": [nothing]})["1"][0].lines[1].mean == ""
    assert learning_curves([record("1", 0, status="failed", losses=())]) == []
    assert learning_charts({}) == {}


@pytest.mark.parametrize("losses", [(0.0, 0.0), (0.3,), (0.3, 0.3), (1e-12, 1e-12)])
def test_flat_curves_have_a_scale(losses: tuple[float, ...]) -> None:
    assert charts({"1": [record("1", 0, losses=losses)]})["1"][0].y_ticks


def test_a_run_that_explodes_leaves_the_others_their_axis() -> None:
    exploded = record("2", 0, losses=(2.0, 5.0, 1e9, 1e36))
    drawn = charts({"1": [record("1", 0, losses=(2.0, 1.0, 0.5, 0.1))], "2": [exploded]})
    loss = drawn["1"][0]
    assert len(loss.y_ticks) < 10
    heights = [float(point.split(",")[1]) for point in loss.lines[1].mean.split()]
    assert heights[3] - heights[1] > CHART[1] / 3  # what falls tenfold is seen to fall


def test_differences_share_one_scale_with_0_in_the_middle() -> None:
    drawn = whiskers(verdicts([0.02, 0.019, 0.021], [-0.0005] * 3, [0.001], []), 0.001)
    assert list(drawn.whiskers) == ["2", "3", "4"]  # the last has no difference to draw
    big, small, single = drawn.whiskers.values()
    assert big.low is not None
    assert big.high is not None
    assert WHISKERS / 2 < big.low < big.middle < big.high < WHISKERS
    assert small.middle < WHISKERS / 2
    assert single.low is single.high is None  # one value has no interval
    assert drawn.margin == pytest.approx((WHISKERS - single.middle, single.middle))


@pytest.mark.parametrize("margin", [0.00005, 0.0007, 0.001, 0.003, 0.02, 1.0])
@pytest.mark.parametrize("difference", [0.0001, 0.004, 0.3])
def test_ticks_are_round_points_and_have_room(margin: float, difference: float) -> None:
    changes = verdicts([difference] * 3, [-difference] * 3)
    drawn = whiskers(changes, margin)
    places = {float(tick.text.replace("−", "-")) / 100: tick.at for tick in drawn.ticks}
    assert places[0] == WHISKERS / 2
    assert len(places) > 2
    assert {f"{abs(size):.3e}" for size in places} <= {f"{0:.3e}"} | {
        f"{step * 10.0**power:.3e}" for step in (1, 2, 5) for power in range(-6, 1)
    }
    ordered = [places[size] for size in sorted(places)]
    assert all(right - left >= LABEL - 1e-9 for left, right in itertools.pairwise(ordered))
    low, high = drawn.margin
    for size, at in places.items():
        assert 0 < at < WHISKERS
        assert (low - 1e-9 <= at <= high + 1e-9) == (abs(size) <= margin * (1 + 1e-9))
    assert drawn.whiskers["2"].middle + drawn.whiskers["3"].middle == pytest.approx(WHISKERS)


def test_the_png_is_drawn_from_the_same_curves() -> None:
    lost = record("1", 3, status="diverged", losses=(0.5, None))
    loss, accuracy = learning_curves([*(record("1", seed) for seed in range(3)), lost])
    assert (loss.metric, accuracy.metric, loss.seeds) == ("loss", "accuracy", 4)
    assert loss.best == [(8, 0.10)] * 3  # the run that diverged has no best epoch
    validation = loss.parts["validation"]
    assert validation.mean[:2].tolist() == pytest.approx([(3 * 0.9 + 0.5) / 4, 0.5])
    assert (validation.low[0], validation.high[0]) == (0.5, 0.9)
    picture = draw_curves("Trial $1", [loss, accuracy])
    assert Image.open(io.BytesIO(picture), formats=["PNG"]).width > 1000
