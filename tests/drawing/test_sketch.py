"""A drawing in the making."""

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
    assert sketch.drawing(1).label == 1
