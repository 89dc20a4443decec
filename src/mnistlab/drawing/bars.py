"""Ten bars a model, as a Tk canvas: what each of them holds for how probable."""

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import font

from mnistlab.drawing.board import Theme
from mnistlab.images import CLASSES
from mnistlab.model.predictor import Guess


class Bars(tk.Canvas):
    """A column of ten bars for each model, under its name if there are several; a click selects a
    model.
    """

    def __init__(
        self, parent: tk.Misc, names: Sequence[str], unit: float, on_select: Callable[[int], None]
    ) -> None:
        super().__init__(parent, highlightthickness=0, borderwidth=0)
        self.names, self.unit, self.on_select = names, unit, on_select
        self.small = font.nametofont("TkSmallCaptionFont", root=parent)
        self.plain = font.nametofont("TkDefaultFont", root=parent)
        self.left = self.plain.measure("0") + round(10 * unit)
        self.header = round(2.6 * self.small.metrics("linespace")) if len(names) > 1 else 0
        row = round(1.45 * self.plain.metrics("linespace"))
        self.configure(
            height=self.header + CLASSES * row, width=round(max(300, 78 * len(names)) * unit)
        )
        self.bind("<Button-1>", self._clicked)

    def show(self, guesses: Sequence[Guess | None], selected: int, theme: Theme) -> None:
        """Draw everything anew."""
        self.delete("all")
        self.configure(background=theme.hex("window"))
        for digit in range(CLASSES):
            top, height = self._row(digit)
            self.create_text(
                self.left - round(8 * self.unit), top + height / 2, text=str(digit), anchor="e",
                fill=theme.hex("text"), font=self.plain,
            )  # fmt: skip
        for number, guess in enumerate(guesses):
            self._column(number, guess, number == selected, theme)

    def _column(self, number: int, guess: Guess | None, selected: bool, theme: Theme) -> None:
        left, width = self._place(number)
        alone = len(self.names) == 1
        room = self.small.measure("100.0 %") + round(6 * self.unit) if alone else 0
        if not alone:
            self._title(number, guess, selected, theme)
        for digit in range(CLASSES):
            top, height = self._row(digit)
            value = 0.0 if guess is None else float(guess.probabilities[digit])
            first, last = top + height * 0.2, top + height * 0.8
            self.create_rectangle(
                left, first, left + width - room, last, fill=theme.hex("line"), width=0
            )
            colour = theme.hex(
                "unsure" if guess and guess.unsure else "bar" if selected else "faint"
            )
            if (width - room) * value >= 0.5:
                self.create_rectangle(
                    left, first, left + (width - room) * value, last, fill=colour, width=0
                )
            if alone and guess:
                self.create_text(
                    left + width, top + height / 2, text=f"{value:.1%}", anchor="e",
                    fill=theme.hex("text" if digit == guess.digit else "faint"), font=self.small,
                )  # fmt: skip

    def _title(self, number: int, guess: Guess | None, selected: bool, theme: Theme) -> None:
        left, width = self._place(number)
        said = "–" if guess is None else f"{guess.digit}?" if guess.unsure else str(guess.digit)
        name = self.names[number]
        while name and self.small.measure(name) > width:
            name = name[:-1]
        colour = theme.hex("text" if selected else "faint")
        line = self.small.metrics("linespace")
        self.create_text(left, 0, text=name, anchor="nw", fill=colour, font=self.small)
        self.create_text(left, line, text=said, anchor="nw", fill=colour, font=self.plain)
        if selected:
            self.create_line(
                left, self.header - 2, left + width, self.header - 2, fill=theme.hex("bar"), width=2
            )

    def _place(self, number: int) -> tuple[float, float]:
        """Left edge and width of a model's column."""
        each = (self.winfo_width() - self.left) / len(self.names)
        return self.left + number * each, each - (
            round(10 * self.unit) if len(self.names) > 1 else 0
        )

    def _row(self, digit: int) -> tuple[float, float]:
        """Top and height of a digit's row."""
        height = (self.winfo_height() - self.header) / CLASSES
        return self.header + digit * height, height

    def _clicked(self, event: "tk.Event[tk.Misc]") -> None:
        each = (self.winfo_width() - self.left) / len(self.names)
        self.on_select(min(len(self.names) - 1, max(0, int((event.x - self.left) / each))))
