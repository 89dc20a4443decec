"""A drawing in the making."""

from collections.abc import Callable

import pytest

from mnistlab.drawing.sketch import MAX_POINTS, Sketch, look
from mnistlab.model.predictor import shipped_model


def test_undo_goes_back_over_strokes_and_clearing() -> None:
    sketch = Sketch()
    sketch.undo()
    sketch.begin((1, 1))
    sketch.move((2, 2))
    sketch.begin((5, 5))
    sketch.clear()
    sketch.clear()  # of an empty board: nothing to undo
    sketch.undo()
    assert sketch.strokes == [[(1, 1), (2, 2)], [(5, 5)]]
    sketch.undo()
    assert sketch.strokes == [[(1, 1), (2, 2)]]
    sketch.undo()
    assert sketch.strokes == []


@pytest.mark.parametrize("take_back", [Sketch.undo, Sketch.clear])
def test_the_pen_draws_nothing_more_after_its_stroke_was_taken_back(
    take_back: Callable[[Sketch], None],
) -> None:
    sketch = Sketch()
    sketch.begin((1, 1))
    sketch.begin((5, 5))
    sketch.move((6, 6))
    take_back(sketch)
    before = [list(stroke) for stroke in sketch.strokes]
    sketch.move((7, 7))  # the button is still held
    assert sketch.strokes == before
    sketch.begin((8, 8))
    assert sketch.strokes == [*before, [(8, 8)]]


def test_an_endless_drawing_takes_no_more_points() -> None:
    sketch = Sketch()
    sketch.move((0, 0))  # no pen on the board
    sketch.begin((0, 0))
    for i in range(MAX_POINTS + 100):
        sketch.move((i, i))
    assert len(sketch.strokes[0]) == MAX_POINTS


def test_a_look_at_a_blank_board_and_at_a_line() -> None:
    sketch, models = Sketch(), [shipped_model()]
    assert look(sketch, models).guesses == (None,)
    sketch.begin((500, 100))
    sketch.move((480, 900))
    (guess,) = look(sketch, models).guesses
    assert guess is not None
    assert guess.digit == 1
    assert sketch.drawing("a").label == "a"
