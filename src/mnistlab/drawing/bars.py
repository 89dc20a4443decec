"""Ten bars for each model, as a Tk canvas: how probable it finds each digit."""

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import font

from mnistlab.drawing.answers import percent
from mnistlab.drawing.board import Theme
from mnistlab.images import CLASSES
from mnistlab.model.predictor import Guess

WIDTH, COLUMN = 300, 78  # pixels of a usual screen: at least, and of each of several models


class Bars(tk.Canvas):
    """A column of bars for each model, under its name if there are several; a click selects."""

    def __init__(
        self, parent: tk.Misc, names: Sequence[str], unit: float, on_select: Callable[[int], None]
    ) -> None:
        super().__init__(parent, highlightthickness=0, borderwidth=0)
        self.names, self.on_select = names, on_select
        self.small = font.nametofont("TkSmallCaptionFont", root=parent)
        self.plain = font.nametofont("TkDefaultFont", root=parent)
        self.gap = round(10 * unit)
        self.left = self.plain.measure("0") + self.gap
        self.header = round(2.6 * self.small.metrics("linespace")) if len(names) > 1 else 0
        row = round(1.45 * self.plain.metrics("linespace"))
        width = round(max(WIDTH, COLUMN * len(names)) * unit)
        self.configure(height=self.header + CLASSES * row, width=width)
        self.bind("<Button-1>", self._clicked)
        self.bind("<Configure>", lambda _: self._draw())
        self._draw: Callable[[], None] = lambda: None  # what was shown last, again

    def show(self, guesses: Sequence[Guess | None], selected: int, theme: Theme) -> None:
        """Draw everything anew, now and whenever there is more or less room."""
        self._draw = lambda: self._draw_all(guesses, selected, theme)
        self._draw()

    def _draw_all(self, guesses: Sequence[Guess | None], selected: int, theme: Theme) -> None:
        self.delete("all")
        self.configure(background=theme.hex("window"))
        for digit in range(CLASSES):
            self._text(self.left - self.gap * 0.8, digit, str(digit), theme.hex("text"))
        for number, guess in enumerate(guesses):
            self._column(number, guess, number == selected, theme)

    def _column(self, number: int, guess: Guess | None, selected: bool, theme: Theme) -> None:
        left, width = self._place(number)
        alone = len(self.names) == 1
        if alone:
            right, width = left + width, width - self.small.measure("> 99.9 %") - self.gap * 0.6
        else:
            self._title(number, guess, selected, theme)
        colour = theme.hex("unsure" if guess and guess.unsure else "bar" if selected else "faint")
        for digit in range(CLASSES):
            share = 0.0 if guess is None else float(guess.probabilities[digit])
            self._bar(digit, left, width, theme.hex("line"))
            if width * share >= 0.5:
                self._bar(digit, left, width * share, colour)
            if alone and guess:
                shade = theme.hex("text" if digit == guess.digit else "faint")
                self._text(right, digit, percent(share), shade)

    def _title(self, number: int, guess: Guess | None, selected: bool, theme: Theme) -> None:
        left, width = self._place(number)
        said = "–" if guess is None else f"{guess.digit}?" if guess.unsure else str(guess.digit)
        name = self.names[number]
        while name and self.small.measure(name) > width:
            name = name[:-1]
        colour = theme.hex("text" if selected else "faint")
        below = self.small.metrics("linespace")
        self.create_text(left, 0, text=name, anchor="nw", fill=colour, font=self.small)
        self.create_text(left, below, text=said, anchor="nw", fill=colour, font=self.plain)
        if selected:
            y = self.header - 2
            self.create_line(left, y, left + width, y, fill=theme.hex("bar"), width=2)

    def _bar(self, digit: int, left: float, width: float, colour: str) -> None:
        top, height = self._row(digit)
        first, last = top + height * 0.2, top + height * 0.8
        self.create_rectangle(left, first, left + width, last, fill=colour, width=0)

    def _text(self, right: float, digit: int, text: str, colour: str) -> None:
        top, height = self._row(digit)
        fits = (self.plain.actual("family"), -max(1, round(0.86 * height)))  # in pixels
        chosen = self.small if height >= self.small.metrics("linespace") else fits
        y = top + height / 2
        self.create_text(right, y, text=text, anchor="e", fill=colour, font=chosen)

    def _place(self, number: int) -> tuple[float, float]:
        """Left edge and width of a model's column."""
        each = (self.winfo_width() - self.left) / len(self.names)
        return self.left + number * each, each - (self.gap if len(self.names) > 1 else 0)

    def _row(self, digit: int) -> tuple[float, float]:
        """Top and height of a digit's row."""
        height = (self.winfo_height() - self.header) / CLASSES
        return self.header + digit * height, height

    def _clicked(self, event: "tk.Event[tk.Misc]") -> None:
        each = (self.winfo_width() - self.left) / len(self.names)
        self.on_select(min(len(self.names) - 1, max(0, int((event.x - self.left) / each))))
