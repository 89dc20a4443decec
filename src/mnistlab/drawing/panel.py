"""The right-hand side of the window: what the models say, what they see, and why."""

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from mnistlab.drawing.answers import in_words, percent
from mnistlab.drawing.bars import Bars
from mnistlab.drawing.board import Theme, paint_picture, ppm
from mnistlab.drawing.evidence import Evidence
from mnistlab.drawing.sketch import Look
from mnistlab.images import CLASSES
from mnistlab.model.predictor import Guess

# in the choice of digits: what the network finds most probable, and second most probable
TOP, NEXT = "top", "next"
NO_DIGIT = 0.4  # the highest probability below which an unsure network names no digit
SEEN = 112  # pixels of a usual screen along the picture that the network sees


class Panel(ttk.Frame):
    """Shows looks; tells when another model or another reason is asked for."""

    def __init__(
        self, parent: tk.Misc, names: Sequence[str], unit: float,
        on_model: Callable[[int], None], on_reason: Callable[[], None],
        on_theme: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.on_reason, self.gap, self.side = on_reason, round(10 * unit), round(SEEN * unit)
        self.explaining = tk.BooleanVar(self, True)
        self.digit, self.other = tk.StringVar(self, TOP), tk.StringVar(self, NEXT)
        self._lay_out_answer()
        self.words = ttk.Label(self, style="Words.TLabel")
        self.words.pack(anchor="w", pady=self.gap // 2)
        self._lay_out_reason(on_theme)
        self.bars = Bars(self, names, unit, on_model)  # last: what room is left is theirs
        self.bars.pack(fill="both", expand=True)

    def asked(self, guess: Guess) -> tuple[int, int] | None:
        """The digit whose evidence is wanted and the one it is weighed against, None if none is."""
        digit = guess.digit if self.digit.get() == TOP else int(self.digit.get())
        other = guess.runner_up if digit == guess.digit else guess.digit
        if self.other.get() != NEXT:
            other = int(self.other.get())
        return (digit, other) if self.explaining.get() and digit != other else None

    def show(self, look: Look, selected: int, evidence: Evidence | None, theme: Theme) -> None:
        """Show what all models say, and the selected one at large."""
        guess = look.guesses[selected]
        colour = theme.hex("unsure" if guess and guess.unsure else "text")
        self.verdict.configure(text=_verdict(guess), foreground=colour)
        self.words.configure(text=_words(guess))
        self.bars.show(look.guesses, selected, theme)
        painted = paint_picture(look.framing.picture, self.side, theme)
        self.image = tk.PhotoImage(master=self, data=ppm(painted))
        self.picture.itemconfigure("picture", image=self.image)
        edge = theme.hex("line")
        self.picture.configure(highlightbackground=edge, highlightcolor=edge)
        self.reason.configure(text="" if evidence is None else evidence.in_words())

    def _lay_out_answer(self) -> None:
        row = ttk.Frame(self)
        row.pack(fill="x")
        self.verdict = ttk.Label(row, style="Verdict.TLabel")
        self.verdict.pack(side="left")
        self.picture = tk.Canvas(
            row, width=self.side, height=self.side, highlightthickness=1, borderwidth=0
        )
        self.picture.create_image(1, 1, anchor="nw", tags="picture")
        self.picture.pack(side="right")
        seen = ttk.Label(row, text="What the\nnetwork\nsees", style="Faint.TLabel", justify="right")
        seen.pack(side="right", anchor="s", padx=self.gap // 2)

    def _lay_out_reason(self, on_theme: Callable[[], None]) -> None:
        self.reason = ttk.Label(self, style="Faint.TLabel", justify="left", width=1)
        self.reason.pack(side="bottom", fill="x")
        self.reason.bind("<Configure>", lambda event: self.reason.configure(wraplength=event.width))
        choice = ttk.Frame(self)
        choice.pack(side="bottom", fill="x", pady=self.gap // 2)
        why = ttk.Checkbutton(choice, text="Why", variable=self.explaining, command=self.on_reason)
        why.pack(side="left")
        self._choice(choice, self.digit, TOP)
        ttk.Label(choice, text=", not").pack(side="left")
        self._choice(choice, self.other, NEXT)
        ttk.Button(choice, text="Dark  D", command=on_theme).pack(side="right")

    def _choice(self, parent: ttk.Frame, variable: tk.StringVar, usual: str) -> None:
        """A list to pick a digit from, or the one that the network would."""
        values = [usual, *map(str, range(CLASSES))]
        box = ttk.Combobox(parent, textvariable=variable, values=values, width=4, state="readonly")
        box.pack(side="left", padx=(self.gap // 2, 0))
        box.bind("<<ComboboxSelected>>", lambda _: self._picked(box))

    def _picked(self, box: ttk.Combobox) -> None:
        box.selection_clear()
        self.on_reason()


def _verdict(guess: Guess | None) -> str:
    """What is said in large."""
    if guess is None:
        return " "
    doubt = "?" if guess.unsure else ""
    return doubt if _no_digit(guess) else f"{guess.digit}{doubt}"


def _words(guess: Guess | None) -> str:
    """What stands under the large digit, which is not said again."""
    if guess is None:
        return "Nothing drawn yet"
    if _no_digit(guess):
        return "Unsure: this may be no digit"
    if guess.unsure:
        return in_words(guess).capitalize()
    first, second = (guess.probabilities[digit] for digit in (guess.digit, guess.runner_up))
    then = f", then {guess.runner_up} with {percent(second)}" if second >= 0.001 else ""
    return percent(first) + then


def _no_digit(guess: Guess) -> bool:
    return guess.unsure and bool(guess.probabilities.max() < NO_DIGIT)
