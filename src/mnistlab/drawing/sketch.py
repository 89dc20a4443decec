"""A drawing in the making, without a window: strokes, undo, and what models say of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnistlab.data.framing import Framing, framing_of
from mnistlab.data.strokes import Drawing
from mnistlab.model.predictor import Guess, Predictor

UNITS = 1000.0  # along the board, whatever its size on a screen
MAX_POINTS = 20_000

Point = tuple[float, float]


class Sketch:
    """What was drawn so far; points are in thousandths of the board's side, y down."""

    def __init__(self) -> None:
        self.strokes: list[list[Point]] = []
        self.past: list[list[list[Point]]] = []  # what `undo` goes back to

    def begin(self, point: Point) -> None:
        """Put the pen down."""
        self.past.append(list(self.strokes))
        self.strokes = [*self.strokes, [point]]

    def move(self, point: Point) -> None:
        """Draw on to a point; far too long a drawing takes no more."""
        if self.strokes and sum(map(len, self.strokes)) < MAX_POINTS:
            self.strokes[-1].append(point)

    def undo(self) -> None:
        """Take the last stroke, or the last clearing, back."""
        if self.past:
            self.strokes = self.past.pop()

    def clear(self) -> None:
        """Wipe the board."""
        if self.strokes:
            self.past.append(self.strokes)
            self.strokes = []

    def framing(self) -> Framing:
        """What a network is shown."""
        return framing_of(self.strokes)

    def drawing(self, label: int) -> Drawing:
        """The drawing with the digit that it is."""
        return Drawing(tuple(np.array(stroke) for stroke in self.strokes), label)


@dataclass(frozen=True, eq=False)
class Look:
    """One look of all models at a sketch: the framing, and a guess each, None if the board is
    blank.
    """

    framing: Framing
    guesses: tuple[Guess | None, ...]


def look(sketch: Sketch, models: Sequence[Predictor]) -> Look:
    """Let every model see the sketch."""
    framing = sketch.framing()
    return Look(framing, tuple(model.guess(framing.picture) for model in models))
