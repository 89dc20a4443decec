"""The right-hand side of the window: what the models say, what they see, and why."""

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from mnistlab.drawing.bars import Bars
from mnistlab.drawing.board import Theme, paint_picture, ppm
from mnistlab.drawing.evidence import Evidence
from mnistlab.drawing.sketch import Look
from mnistlab.images import CLASSES
from mnistlab.model.predictor import Guess

TOP, NEXT = (
    "top",
    "next",
)  # in the choice of digits: what the network holds for likeliest, and second likeliest
NO_DIGIT = 0.4  # the highest probability below which not even a digit is named
SEEN = 112  # pixels of a usual screen along the picture that the network sees


class Panel(ttk.Frame):
    """Shows looks; tells when another model or another reason is asked for."""

    def __init__(
        self,
        parent: tk.Misc,
        names: Sequence[str],
        unit: float,
        on_model: Callable[[int], None],
        on_reason: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self.on_reason, self.gap = on_reason, round(10 * unit)
        self.explaining = tk.BooleanVar(self, True)
        self.digit, self.other = tk.StringVar(self, TOP), tk.StringVar(self, NEXT)
        self.verdict = ttk.Label(self, style="Verdict.TLabel")
        self.words = ttk.Label(self, style="Words.TLabel")
        self.bars = Bars(self, names, unit, on_model)
        self.verdict.pack(anchor="w")
        self.words.pack(anchor="w", pady=(0, self.gap))
        self.bars.pack(fill="both", expand=True)
        row = ttk.Frame(self)
        row.pack(fill="x", pady=(self.gap, 0))
        self.side = round(SEEN * unit)
        self.picture = tk.Canvas(
            row, width=self.side, height=self.side, highlightthickness=1, borderwidth=0
        )
        self.picture.create_image(1, 1, anchor="nw", tags="picture")
        self.picture.pack(side="left", anchor="n")
        beside = ttk.Frame(row)
        beside.pack(side="left", fill="both", expand=True, padx=(self.gap, 0))
        ttk.Label(beside, text="← what the network sees", style="Faint.TLabel").pack(anchor="w")
        choice = ttk.Frame(beside)
        choice.pack(anchor="w", pady=self.gap // 2)
        ttk.Checkbutton(choice, text="Why", variable=self.explaining, command=on_reason).pack(
            side="left"
        )
        self._choice(choice, self.digit, TOP)
        ttk.Label(choice, text="not").pack(side="left")
        self._choice(choice, self.other, NEXT)
        self.reason = ttk.Label(
            beside, style="Faint.TLabel", wraplength=round(190 * unit), justify="left"
        )
        self.reason.pack(anchor="w")

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
        self.image = tk.PhotoImage(
            master=self, data=ppm(paint_picture(look.framing.picture, self.side, theme))
        )
        self.picture.itemconfigure("picture", image=self.image)
        line = theme.hex("line")
        self.picture.configure(
            background=theme.hex("board"), highlightbackground=line, highlightcolor=line
        )
        self.reason.configure(text="" if evidence is None else evidence.in_words())

    def _choice(self, parent: ttk.Frame, variable: tk.StringVar, usual: str) -> None:
        """A list to pick a digit from, or the one that the network would."""
        values = [usual, *map(str, range(CLASSES))]
        box = ttk.Combobox(parent, textvariable=variable, values=values, width=4, state="readonly")
        box.pack(side="left", padx=self.gap // 2)
        box.bind("<<ComboboxSelected>>", lambda _: self._picked(box))

    def _picked(self, box: ttk.Combobox) -> None:
        box.selection_clear()
        self.on_reason()


def _verdict(guess: Guess | None) -> str:
    """What is said in large."""
    if guess is None:
        return " "
    doubt = "?" if guess.unsure else ""
    return doubt if guess.probabilities.max() < NO_DIGIT else f"{guess.digit}{doubt}"


def _words(guess: Guess | None) -> str:
    """What stands under the large digit, which is not said again."""
    if guess is None:
        return "Nothing drawn yet"
    digit, other = (f"{guess.probabilities[digit]:.1%}" for digit in (guess.digit, guess.runner_up))
    if guess.probabilities.max() < NO_DIGIT:
        return "Unsure: this may be no digit"
    if guess.unsure:
        return f"Unsure: {guess.digit} ({digit}) or {guess.runner_up} ({other})"
    return digit if other == "0.0%" else f"{digit}, then {guess.runner_up} with {other}"
