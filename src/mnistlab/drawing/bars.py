"""Bars, as a Tk canvas: how probable the models find each class."""

import tkinter as tk
from bisect import bisect
from collections.abc import Callable, Sequence
from functools import cache
from tkinter import font
from typing import NamedTuple

from mnistlab.drawing.answers import percent
from mnistlab.drawing.board import Theme
from mnistlab.model.predictor import Guess, Predictor

WIDTH, COLUMN = 300, 78  # pixels of a usual screen: at least, and of each of several models
MAX_ROWS = 12  # of one column of classes whatever room there is; more of them take more columns
MIN_BAR = 12  # pixels of a usual screen; where bars would be shorter, only the likeliest have one
MIN_ROWS = 8  # fewer classes have bars as thick as so many would
NAMES, NAMES_BESIDE = 0.48, 0.3  # of a column of classes, the most for names; beside several models


class Cell(NamedTuple):
    """Where a class's name and bars lie, in pixels."""

    left: float
    top: float
    width: float
    height: float


def cells(count: int, width: float, height: float, line: int) -> list[Cell]:
    """Cells for `count` classes, column by column, lines of text being `line` pixels high."""
    rows = count if count <= MAX_ROWS else max(MAX_ROWS // 2, int(height // line))
    columns = -(-count // rows)
    rows = -(-count // columns)
    each, deep = width / columns, height / max(rows, MIN_ROWS)
    return [Cell(at // rows * each, at % rows * deep, each, deep) for at in range(count)]


def cut(text: str, room: float, measure: Callable[[str], int]) -> str:
    """The text, cut with an ellipsis where it is longer than `room` pixels; a letter is left."""
    if measure(text) <= room:
        return text
    letters = range(2, len(text))
    fitting = bisect(letters, room, key=lambda count: measure(f"{text[:count]}…"))
    return f"{text[: fitting + 1]}…" if len(text) > 1 else text


def shortened(text: str, room: float, measure: Callable[[str], int]) -> str:
    """The text, cut where it is too long and that makes it shorter."""
    return min(text, cut(text, room, measure), key=measure)


class Bars(tk.Canvas):
    """Bars for each class, several models' side by side; a click on a model's column selects it.

    Where there are too many classes for that, or the models' are not the same, only the selected
    model has bars, and what each of the others answers stands above them. Where there is too little
    room for bars or for names to differ, only the likeliest classes have one, the likeliest first.
    """

    def __init__(
        self, parent: tk.Misc, models: Sequence[Predictor], unit: float,
        on_select: Callable[[int], None],
    ) -> None:  # fmt: skip
        super().__init__(parent, highlightthickness=0, borderwidth=0)
        self.names, self.on_select = [model.name for model in models], on_select
        self.small = font.nametofont("TkSmallCaptionFont", root=parent)
        self.plain = font.nametofont("TkDefaultFont", root=parent)
        self.measure = cache(self.small.measure)  # Tk takes its time
        self.line, self.gap = self.small.metrics("linespace"), round(10 * unit)
        self.least = MIN_BAR * unit
        one_set = len({model.classes for model in models}) == 1
        self.together = len(models) > 1 and one_set and len(models[0].classes) <= MAX_ROWS
        self.header = round(2.6 * self.line) if len(models) > 1 else 0
        height = self.header + round(14.5 * self.plain.metrics("linespace"))
        self.configure(height=height, width=round(max(WIDTH, COLUMN * len(models)) * unit))
        self.bind("<Button-1>", self._clicked)
        self.bind("<Configure>", lambda _: self._draw())
        self._draw: Callable[[], None] = lambda: None  # what was shown last, again

    def show(
        self, guesses: Sequence[Guess | None], selected: int, classes: Sequence[str], theme: Theme
    ) -> None:
        """Draw everything anew, now and whenever there is more or less room.

        `classes` are the selected model's.
        """
        self._draw = lambda: self._draw_all(guesses, selected, classes, theme)
        self._draw()

    def _draw_all(
        self, guesses: Sequence[Guess | None], selected: int, classes: Sequence[str], theme: Theme
    ) -> None:
        self.delete("all")
        self.configure(background=theme.hex("window"))
        guess = guesses[selected]
        names = self._lay_out(guess, selected, classes)
        few = len(names) <= MAX_ROWS
        for row, (cell, place) in enumerate(zip(self.cells, self.places, strict=True)):
            shade = theme.hex("text" if few or (guess and guess.digit == place) else "faint")
            self._text(cell.left + self.named - 0.8 * self.gap, row, names[row], shade)
        for number, guess in enumerate(guesses):
            if self.header:
                self._title(number, guess, number == selected, theme)
            if self.together or number == selected:
                self._column(number, guess, number == selected, theme)

    def _lay_out(self, guess: Guess | None, selected: int, classes: Sequence[str]) -> list[str]:
        """Choose which classes are shown and where; return their names as there is room for."""
        self.places = list(range(len(classes)))
        names = self._place_cells(classes)
        cramped = len(set(names)) < len(names) or self._span(0, selected)[1] < self.least
        if len(classes) > MAX_ROWS and cramped:
            if guess:
                self.places.sort(key=lambda place: -guess.probabilities[place])
            rows = (self.winfo_height() - self.header) // self.line
            del self.places[min(MAX_ROWS, max(MIN_ROWS, rows)) :]
            names = self._place_cells([classes[place] for place in self.places])
        return names

    def _place_cells(self, names: Sequence[str]) -> list[str]:
        """Give each name its cell; return the names, shortened where they must be."""
        width, height = self.winfo_width(), self.winfo_height() - self.header
        self.cells = cells(len(names), width, height, self.line)
        share = NAMES_BESIDE if self.together else NAMES
        room = self.cells[0].width * share - self.gap
        short = [shortened(name, room, self.measure) for name in names]
        self.named = max(map(self.measure, short)) + self.gap
        return short

    def _column(self, number: int, guess: Guess | None, selected: bool, theme: Theme) -> None:
        colour = theme.hex("unsure" if guess and guess.unsure else "bar" if selected else "faint")
        for row, place in enumerate(self.places):
            left, width = self._span(row, number)
            share = 0.0 if guess is None else float(guess.probabilities[place])
            self._bar(row, left, width, theme.hex("line"))
            if width * share >= 0.5:
                self._bar(row, left, width * share, colour)
            if guess and not self.together and len(self.cells) <= MAX_ROWS:
                shade = theme.hex("text" if place == guess.digit else "faint")
                self._text(self.winfo_width(), row, percent(share), shade)

    def _span(self, row: int, number: int) -> tuple[float, float]:
        """Left edge and length of a class's bar, of a model that finds it certain."""
        if self.together:
            return self._place(number)
        few = len(self.cells) <= MAX_ROWS
        taken = self.measure("> 99.9 %") + 0.6 * self.gap if few else self.gap
        cell = self.cells[row]
        return cell.left + self.named, cell.width - self.named - taken

    def _title(self, number: int, guess: Guess | None, selected: bool, theme: Theme) -> None:
        left, width = self._place(number)
        label = shortened(guess.label, width - self.gap, self.plain.measure) if guess else "–"
        said = f"{label}?" if guess and guess.unsure else label
        name = shortened(self.names[number], width, self.measure)
        colour = theme.hex("text" if selected else "faint")
        for top, text, face in ((0, name, self.small), (self.line, said, self.plain)):
            self.create_text(left, top, text=text, anchor="nw", fill=colour, font=face)
        if selected:
            y = self.header - 2
            self.create_line(left, y, left + width, y, fill=theme.hex("bar"), width=2)

    def _bar(self, row: int, left: float, width: float, colour: str) -> None:
        _, top, _, height = self.cells[row]
        first, last = self.header + top + height * 0.2, self.header + top + height * 0.8
        self.create_rectangle(left, first, left + width, last, fill=colour, width=0)

    def _text(self, right: float, row: int, text: str, colour: str) -> None:
        _, top, _, height = self.cells[row]
        fits = (self.plain.actual("family"), -max(1, round(0.86 * height)))  # in pixels
        chosen = self.small if height >= self.line else fits
        y = self.header + top + height / 2
        self.create_text(right, y, text=text, anchor="e", fill=colour, font=chosen)

    def _place(self, number: int) -> tuple[float, float]:
        """Left edge and width of a model's title, and of its bars where all models have some."""
        first = self.named if self.together else 0
        each = (self.winfo_width() - first) / len(self.names)
        return first + number * each, each - self.gap

    def _clicked(self, event: "tk.Event[tk.Misc]") -> None:
        if not self.together and event.y > self.header:
            return
        first = self.named if self.together else 0
        each = (self.winfo_width() - first) / len(self.names)
        self.on_select(min(len(self.names) - 1, max(0, int((event.x - first) / each))))
