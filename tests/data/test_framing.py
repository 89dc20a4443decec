"""Framing: the same picture whatever the size, place, sampling and pen of what was drawn."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistlab.data.framing import BOX, PEN, Picture, frame_ink, frame_strokes, framing_of
from mnistlab.data.strokes import Stroke
from mnistlab.images import SIDE

SEVEN = [np.array([[0.0, 0], [60, 0], [20, 100]]), np.array([[15.0, 50], [55, 50]])]
LOOP = [
    np.stack([40 * np.cos(np.linspace(0, 6.3, 200)), 60 * np.sin(np.linspace(0, 6.3, 200))], axis=1)
]


def ink_box(picture: Picture) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def centre_of_mass(picture: Picture) -> tuple[float, float]:
    at = np.arange(SIDE) + 0.5
    return float(picture.sum(axis=0) @ at / picture.sum()), float(
        picture.sum(axis=1) @ at / picture.sum()
    )


@pytest.mark.parametrize("strokes", [SEVEN, LOOP])
def test_fits_mnists_box_with_its_mass_in_the_middle(strokes: list[Stroke]) -> None:
    picture = frame_strokes(strokes)
    top, bottom, left, right = ink_box(picture)
    assert picture.shape == (SIDE, SIDE)
    assert picture.dtype == np.uint8
    assert picture.max() == 255
    assert (
        BOX <= max(bottom - top, right - left) + 1 <= BOX + 2
    )  # antialiasing may touch a pixel on either side
    assert centre_of_mass(picture) == pytest.approx((SIDE / 2, SIDE / 2), abs=0.1)


def test_a_vertical_line_by_hand() -> None:
    picture = frame_strokes([np.array([[5.0, 0], [5, 10]])], pen=2.0)
    assert picture[14].tolist() == [0] * 13 + [255, 255] + [0] * 13  # two pixels wide around x = 14
    assert picture[:, 13].astype(int).sum() / 255 == pytest.approx(BOX, abs=0.5)  # round ends


@settings(deadline=None, max_examples=60)
@given(
    scale=st.floats(0.2, 3),
    x=st.floats(-1e4, 1e4),
    y=st.floats(-1e4, 1e4),
    strokes=st.sampled_from([SEVEN, LOOP]),
)
def test_size_and_place_leave_no_trace(
    scale: float, x: float, y: float, strokes: list[Stroke]
) -> None:
    moved = [stroke * scale + (x, y) for stroke in strokes]
    assert np.abs(frame_strokes(moved).astype(int) - frame_strokes(strokes)).max() <= 2


@settings(deadline=None, max_examples=30)
@given(step=st.integers(2, 8))
def test_sampling_leaves_next_to_no_trace(step: int) -> None:
    sparse = [np.concatenate([stroke[:-1:step], stroke[-1:]]) for stroke in LOOP]
    dense = [
        np.stack(
            [
                np.interp(np.arange(0, len(s) - 0.9, 0.1), np.arange(len(s)), s[:, i])
                for i in (0, 1)
            ],
            1,
        )
        for s in LOOP
    ]
    for other in (sparse, dense):
        assert np.abs(frame_strokes(other).astype(int) - frame_strokes(LOOP)).mean() < 2


def test_standing_still_adds_no_ink() -> None:
    waiting = [np.repeat(stroke, 50, axis=0) for stroke in SEVEN]
    assert np.abs(frame_strokes(waiting).astype(int) - frame_strokes(SEVEN)).max() <= 2


def test_blank_dot_and_one_point() -> None:
    assert not frame_strokes([]).any()
    assert not frame_strokes([np.empty((0, 2))]).any()
    for dot in (
        [np.array([[3.0, 4]])],
        [np.array([[3.0, 4], [3, 4]])],
        [np.array([[0, 0], [5e-324, 0]])],
    ):
        picture = frame_strokes(dot)
        assert picture.sum() / 255 == pytest.approx(np.pi * (PEN / 2) ** 2, rel=0.1)
        assert centre_of_mass(picture) == pytest.approx((SIDE / 2, SIDE / 2), abs=0.01)


def test_huge_and_tiny_coordinates() -> None:
    for scale in (1e-9, 1e8):
        difference = frame_strokes([stroke * scale for stroke in SEVEN]).astype(
            int
        ) - frame_strokes(SEVEN)
        assert np.abs(difference).max() <= 2


def test_ink_is_framed_like_strokes() -> None:
    ink = np.zeros((300, 200))
    ink[40:240, 90:110] = 1  # a bar of 200 by 20 pixels: 20 by 2 in the picture
    picture = frame_ink(ink).astype(int)
    assert picture[14, 12:16].tolist() == [0, 255, 255, 0]
    assert picture.sum() / 255 == pytest.approx(40, rel=0.02)


def test_thin_and_thick_ink_comes_to_a_usual_pen() -> None:
    for width in (2, 60):
        ink = np.zeros((280, 280))
        ink[40:240, 140 - width // 2 : 140 + width // 2] = 1
        assert 1.3 <= frame_ink(ink)[14].sum() / 255 <= 4.6


def test_no_ink_and_one_pixel_of_ink() -> None:
    assert not frame_ink(np.zeros((50, 60))).any()
    one = np.zeros((50, 60))
    one[20, 30] = 1
    assert centre_of_mass(frame_ink(one)) == pytest.approx((SIDE / 2, SIDE / 2), abs=0.1)


def test_an_mnist_like_picture_stays_as_it_is() -> None:
    picture = frame_strokes(SEVEN)
    again = frame_ink(picture / 255)
    assert np.abs(again.astype(int) - picture).mean() < 12


def test_a_framing_knows_where_every_point_went() -> None:
    framing = framing_of([stroke * 3 + 100 for stroke in SEVEN])
    corner = SEVEN[0][1] * 3 + 100  # the upper right end of the bar
    column, row = (corner * framing.scale + framing.offset).astype(int)
    assert framing.picture[row, column] == 255


def test_a_tap_beside_the_drawing_is_left_out() -> None:
    with_taps = [*SEVEN, np.array([[200.0, 180]]), np.array([[-90.0, 3], [-89, 3]])]
    assert np.array_equal(frame_strokes(with_taps), frame_strokes(SEVEN))


ZIGZAG = np.stack([np.arange(50_000) % 2 * 100.0, np.linspace(0, 100, 50_000)], axis=1)
ENDLESS = {
    "zigzag": [ZIGZAG],
    "strokes": list(np.random.default_rng(0).uniform(0, 100, (10_000, 2, 2))),
    "dots": list(np.random.default_rng(0).uniform(0, 100, (10_000, 1, 2))),
}


@pytest.mark.parametrize("strokes", ENDLESS.values(), ids=list(ENDLESS))
def test_the_longest_drawing_takes_little_memory_and_time(strokes: list[Stroke]) -> None:
    began = time.process_time()
    picture = frame_strokes(strokes)
    assert time.process_time() - began < 3
    assert picture[6:22, 6:22].min() > 200  # a square full of ink
    assert not picture[:, :2].any()
    tracemalloc.start()
    frame_strokes(strokes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_an_endless_scribble_is_drawn_like_a_shorter_one() -> None:
    # the pen goes the same way once, and then so often that it is no longer resampled
    once = frame_strokes(LOOP)
    again = frame_strokes([np.concatenate([LOOP[0]] * 120)])
    assert np.abs(again.astype(int) - once).max() <= 12
