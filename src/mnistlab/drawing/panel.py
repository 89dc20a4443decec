"""The right-hand side of the window: what the models say, what they see, and why."""

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import replace
from tkinter import font, ttk
from typing import Any

from mnistlab.drawing.answers import in_words, percent
from mnistlab.drawing.bars import Bars, cut
from mnistlab.drawing.board import Theme, paint_picture, ppm
from mnistlab.drawing.evidence import Evidence
from mnistlab.drawing.sketch import Look
from mnistlab.model.predictor import Guess, Predictor

# in the choice of classes: what the network finds most probable, and second most probable
TOP, NEXT = "top", "next"
NONE_OF_THEM = 0.4  # the highest probability below which an unsure network names no class
SIZES = (64, 44, 30, 21, 15, 12, 10)  # points of what is said in large: the first that fits
MAX_LETTERS = 20  # of a class's name where two of them must stand in a line
SEEN = 112  # pixels of a usual screen along the picture that the network sees


class Panel(ttk.Frame):
    """Shows looks; tells when another model or another reason is asked for."""

    def __init__(
        self, parent: tk.Misc, models: Sequence[Predictor], unit: float,
        on_model: Callable[[int], None], on_reason: Callable[[], None],
        on_theme: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.on_reason, self.gap, self.side = on_reason, round(10 * unit), round(SEEN * unit)
        self.explaining = tk.BooleanVar(self, True)
        self.classes: tuple[str, ...] = ()
        self._lay_out_answer()
        self.words = ttk.Label(self, style="Words.TLabel", width=1)
        self.words.pack(fill="x", pady=self.gap // 2)
        self.words.bind("<Configure>", _wrap)
        self._lay_out_reason(on_theme)
        self.bars = Bars(self, models, unit, on_model)  # last: what room is left is theirs
        self.bars.pack(fill="both", expand=True)

    def offer(self, classes: tuple[str, ...]) -> None:
        """Let people ask why it is one of these classes and not another."""
        if classes != self.classes:
            self.classes = classes
            for box, usual in ((self.digit, TOP), (self.other, NEXT)):
                box.configure(values=[usual, *classes])
                box.current(0)

    def asked(self, guess: Guess) -> tuple[int, int] | None:
        """The class whose evidence is wanted and the one it is weighed against; None if none is."""
        digit, other = (box.current() - 1 for box in (self.digit, self.other))
        if digit < 0:
            digit = guess.digit
        if other < 0:
            other = guess.runner_up if digit == guess.digit else guess.digit
        return (digit, other) if self.explaining.get() and digit != other else None

    def show(self, look: Look, selected: int, evidence: Evidence | None, theme: Theme) -> None:
        """Show what all models say, and the selected one at large."""
        guess = look.guesses[selected]
        colour = theme.hex("unsure" if guess and guess.unsure else "text")
        self.verdict.configure(foreground=colour, **self._fitting(_verdict(guess)))
        self.words.configure(text=_words(guess).replace(" %", "\N{NO-BREAK SPACE}%"))
        self.bars.show(look.guesses, selected, self.classes, theme)
        painted = paint_picture(look.framing.picture, self.side, theme)
        self.image = tk.PhotoImage(master=self, data=ppm(painted))
        self.picture.itemconfigure("picture", image=self.image)
        edge = theme.hex("line")
        self.picture.configure(highlightbackground=edge, highlightcolor=edge)
        self.reason.configure(text="" if evidence is None else evidence.in_words(self.classes))

    def _fitting(self, said: str) -> dict[str, Any]:
        """The text that is said in large, and the font that lets it stand beside the picture."""
        beside = self.picture.winfo_reqwidth() + self.seen.winfo_reqwidth() + 2 * self.gap
        room = max(self.side, self.winfo_width() - beside)
        for face in self.faces:
            lines = self.side // face.metrics("linespace")
            most = room * max(1, 0.75 * lines)  # a line ends where a word does
            words = " ".join(cut(word, room, face.measure) for word in said.split(" "))
            text = cut(words, most, face.measure)
            if text == said:
                break
        return {"text": text, "font": face, "wraplength": room}

    def _lay_out_answer(self) -> None:
        row = ttk.Frame(self, height=self.side)
        row.pack(fill="x")
        family = font.nametofont("TkDefaultFont", root=self).actual("family")
        self.faces = [font.Font(self, family=family, size=size, weight="bold") for size in SIZES]
        self.verdict = ttk.Label(row)
        self.verdict.pack(side="left")
        self.picture = tk.Canvas(
            row, width=self.side, height=self.side, highlightthickness=1, borderwidth=0
        )
        self.picture.create_image(1, 1, anchor="nw", tags="picture")
        self.picture.pack(side="right")
        said = "What the\nnetwork\nsees"
        self.seen = ttk.Label(row, text=said, style="Faint.TLabel", justify="right")
        self.seen.pack(side="right", anchor="s", padx=self.gap // 2)

    def _lay_out_reason(self, on_theme: Callable[[], None]) -> None:
        self.reason = ttk.Label(self, style="Faint.TLabel", justify="left", width=1)
        self.reason.pack(side="bottom", fill="x")
        self.reason.bind("<Configure>", _wrap)
        choice = ttk.Frame(self)
        choice.pack(side="bottom", fill="x", pady=self.gap // 2)
        why = ttk.Checkbutton(choice, text="Why", variable=self.explaining, command=self.on_reason)
        why.pack(side="left")
        self.dark = ttk.Button(choice, text="Dark  D", command=on_theme)
        self.dark.pack(side="right", padx=(self.gap // 2, 0))
        self.digit = self._choice(choice)
        ttk.Label(choice, text=", not").pack(side="left")
        self.other = self._choice(choice)

    def _choice(self, parent: ttk.Frame) -> ttk.Combobox:
        """A list to pick a class from, or the one that the network would."""
        box = ttk.Combobox(parent, state="readonly", width=4)
        box.pack(side="left", padx=(self.gap // 2, 0), fill="x", expand=True)
        box.bind("<<ComboboxSelected>>", lambda _: self._picked(box))
        return box

    def _picked(self, box: ttk.Combobox) -> None:
        box.selection_clear()
        self.on_reason()


def _wrap(event: "tk.Event[ttk.Label]") -> None:
    event.widget.configure(wraplength=event.width - 4)  # its edges


def _verdict(guess: Guess | None) -> str:
    """What is said in large."""
    if guess is None:
        return " "
    doubt = "?" if guess.unsure else ""
    return doubt if _none_of_them(guess) else f"{guess.label}{doubt}"


def _words(guess: Guess | None) -> str:
    """What stands under the large answer, which is not said again."""
    if guess is None:
        return "Nothing drawn yet"
    if _none_of_them(guess):
        return "Unsure: this may be none of them"
    short = replace(guess, classes=tuple(map(_shortened, guess.classes)))
    if guess.unsure:
        return in_words(short).replace("unsure", "Unsure", 1)
    first, second = (guess.probabilities[place] for place in (guess.digit, guess.runner_up))
    runner_up = short.classes[guess.runner_up]
    then = f", then {runner_up} with {percent(second)}" if second >= 0.001 else ""
    return percent(first) + then


def _none_of_them(guess: Guess) -> bool:
    return guess.unsure and bool(guess.probabilities.max() < NONE_OF_THEM)


def _shortened(name: str) -> str:
    return name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…"
