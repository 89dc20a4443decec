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
        self.pen_down = False

    def begin(self, point: Point) -> None:
        """Put the pen down."""
        self.past.append(list(self.strokes))
        self.strokes = [*self.strokes, [point]]
        self.pen_down = True

    def move(self, point: Point) -> None:
        """Draw on to a point; a drawing that is far too long takes no more."""
        if self.pen_down and sum(map(len, self.strokes)) < MAX_POINTS:
            self.strokes[-1].append(point)

    def undo(self) -> None:
        """Take the last stroke, or the last clearing, back; the pen must be put down anew."""
        if self.past:
            self.strokes = self.past.pop()
        self.pen_down = False

    def clear(self) -> None:
        """Wipe the board; the pen must be put down anew."""
        if self.strokes:
            self.past.append(self.strokes)
            self.strokes = []
        self.pen_down = False

    def framing(self) -> Framing:
        """What a network is shown."""
        return framing_of(self.strokes)

    def drawing(self, label: str) -> Drawing:
        """The drawing with the name of the class that it is."""
        return Drawing(tuple(np.array(stroke) for stroke in self.strokes), label)


@dataclass(frozen=True, eq=False)
class Look:
    """One look of all models at a sketch: the framing, and a guess each, None of a blank board."""

    framing: Framing
    guesses: tuple[Guess | None, ...]


def look(sketch: Sketch, models: Sequence[Predictor]) -> Look:
    """Let every model see the sketch. Raises StoreError if one fails."""
    framing = sketch.framing()
    return Look(framing, tuple(model.guess(framing.picture) for model in models))
