"""Pictures for the window, without a window."""

import numpy as np

from mnistlab.drawing.board import (
    DARK,
    LIGHT,
    paint_board,
    paint_picture,
    ppm,
    rounded,
    stroke_mask,
)
from mnistlab.drawing.evidence import Evidence
from mnistlab.drawing.sketch import Point, Sketch

LINE: list[list[Point]] = [[(500.0, 200.0), (500.0, 800.0)]]


def evidence(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Evidence:
    return Evidence(9, 4, values, 0.0, True, 0, 1, 1)


def sketched() -> Sketch:
    sketch = Sketch()
    sketch.begin(LINE[0][0])
    sketch.move(LINE[0][1])
    return sketch


def test_strokes_cover_what_was_drawn() -> None:
    mask = np.asarray(stroke_mask(LINE, 200))
    assert mask.shape == (200, 200)
    assert mask[100, 100] == 255
    assert not mask[:30].any()
    assert abs((mask[100] > 127).sum() - 0.034 * 200) <= 1.5


def test_a_board_in_both_themes() -> None:
    sketch = sketched()
    for theme in (LIGHT, DARK):
        board = np.asarray(paint_board(sketch.strokes, 120, theme, sketch.framing(), None))
        assert tuple(board[60, 60]) == theme.ink
        assert tuple(board[5, 5]) == theme.board


def test_evidence_lies_over_the_strokes_it_is_about() -> None:
    sketch = sketched()
    sketch.strokes = [
        [(x / 2 + 100, y / 2 + 400) for x, y in stroke] for stroke in sketch.strokes
    ]  # off the middle
    values = np.zeros((28, 28), np.float32)
    values[10:18, 18:22] = 1  # right of the line, at half its height
    board = np.asarray(
        paint_board(sketch.strokes, 400, LIGHT, sketch.framing(), evidence(values))
    ).astype(int)
    redder = board[:, :, 0] - board[:, :, 2]
    row, column = (float(at.mean()) for at in np.nonzero(redder > redder.max() / 2))
    assert abs(row - 260) < 6  # the line runs from 200 to 320 at column 140
    assert 150 < column < 200


def test_the_picture_that_the_network_sees_keeps_its_pixels() -> None:
    picture = np.zeros((28, 28), np.uint8)
    picture[3, 5] = 255
    seen = np.asarray(paint_picture(picture, 28 * 4, DARK))
    assert (seen[12:16, 20:24] == DARK.ink).all()
    assert (seen[16:] == DARK.board).all()


def test_corners_are_cut_and_ends_stay() -> None:
    corner = np.array([[0.0, 0], [1, 0], [1, 1]])
    curve = rounded(corner)
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert not (curve == [1, 0]).all(axis=1).any()
    assert rounded(corner[:1]).tolist() == [[0, 0]]


def test_ppm_is_what_tk_reads() -> None:
    content = ppm(stroke_mask(LINE, 10).convert("RGB"))
    assert content.startswith(b"P6 10 10 255 ")
    assert len(content) == len(b"P6 10 10 255 ") + 300
