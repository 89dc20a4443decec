"""The window: draw a digit, watch the networks decide, see why, and correct them."""

import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from pathlib import Path
from tkinter import font, ttk

from mnistlab.book.trial import CLASSES
from mnistlab.data.framing import Picture
from mnistlab.data.strokes import append_drawing
from mnistlab.drawing.bars import Bars
from mnistlab.drawing.board import DARK, LIGHT, Theme, paint_board, paint_picture, ppm
from mnistlab.drawing.dress import dress
from mnistlab.drawing.evidence import Evidence, Explainer
from mnistlab.drawing.sketch import UNITS, Point, Sketch, look
from mnistlab.errors import LabError
from mnistlab.model.predictor import Guess, Predictor

TOP, NEXT = "top", "next"  # in the choice of digits: what the network holds for likeliest, and second likeliest
WRONG = "Wrong? Press the right digit's key."
NO_DIGIT = 0.4  # the highest probability below which not even a digit is named
FRAME = 15  # milliseconds between two looks while the pen moves
SURE = 4000  # milliseconds in which a second press of the delete button counts


class Window:
    """Everything on the screen; `models` has at least one, `corrections` is where corrected drawings are kept."""

    def __init__(self, models: Sequence[Predictor], corrections: Path, dark: bool = False) -> None:
        """Open the window. Raises LabError where there is no display."""
        self.root = _open_root()
        self.models, self.corrections = models, corrections
        self.explainers = [Explainer(model) for model in models]
        self.selected = 0
        self.sketch = Sketch()
        self.kept = False  # whether the drawing as it is now was corrected
        self.pending = ""  # the name of a refresh to come
        self.theme: Theme = DARK if dark else LIGHT
        self.unit = self.root.winfo_fpixels("1i") / 96
        self.family = font.nametofont("TkDefaultFont", root=self.root).actual("family")
        self.showing_why = tk.BooleanVar(self.root, True)
        self.why, self.why_not = tk.StringVar(self.root, TOP), tk.StringVar(self.root, NEXT)
        self._lay_out()
        self._bind()
        self._dress()

    def run(self) -> None:
        """Stay open until the user closes the window."""
        self.root.mainloop()

    def close(self) -> None:
        """Close the window; what was still to happen does not."""
        for waiting in self.root.tk.splitlist(self.root.tk.call("after", "info")):
            self.root.after_cancel(waiting)
        self.root.destroy()

    def refresh(self) -> None:
        """Let the models look and show what they say."""
        if self.pending:
            self.root.after_cancel(self.pending)
            self.pending = ""
        seen = look(self.sketch, self.models)
        guess = seen.guesses[self.selected]
        evidence = self._evidence(guess, seen.framing.picture)
        side = self._board_side()
        self.board_image = tk.PhotoImage(
            master=self.root, data=ppm(paint_board(self.sketch.strokes, side, self.theme, seen.framing, evidence))
        )
        self.board.itemconfigure("drawing", image=self.board_image)
        self.board.coords("hint", side / 2, side / 2)
        self.board.itemconfigure("hint", state="hidden" if self.sketch.strokes else "normal")
        picture_side = int(self.picture["width"])
        self.seen_image = tk.PhotoImage(
            master=self.root, data=ppm(paint_picture(seen.framing.picture, picture_side, self.theme))
        )
        self.picture.itemconfigure("picture", image=self.seen_image)
        self.bars.show(seen.guesses, self.selected, self.theme)
        self._say(guess, evidence)

    def undo(self) -> None:
        """Take the last stroke back."""
        self.sketch.undo()
        self._changed()

    def clear(self) -> None:
        """Wipe the board."""
        self.sketch.clear()
        self._changed()

    def select(self, number: int) -> None:
        """Turn to another model."""
        self.selected = number % len(self.models)
        self.refresh()

    def switch_theme(self) -> None:
        """Light to dark and back."""
        self.theme = LIGHT if self.theme is DARK else DARK
        self._dress()
        self.refresh()

    def correct(self, digit: int) -> None:
        """Keep the drawing with the digit that it is."""
        if not self.sketch.strokes:
            self.note.configure(text="Nothing is drawn that could be corrected.")
        elif self.kept:
            self.note.configure(text="This drawing is kept already; change it or draw another.")
        else:
            try:
                append_drawing(self.corrections, self.sketch.drawing(digit))
            except LabError as error:
                self.note.configure(text=str(error))
                return
            self.kept = True
            self.note.configure(text=f"Kept as {digit} in {self.corrections}")
            self._show_delete()

    def delete_corrections(self) -> None:
        """Delete the file of corrections, at the second press."""
        if self.delete["text"] != "Really delete":
            self.delete.configure(text="Really delete")
            self.root.after(SURE, self._show_delete)
            return
        try:
            self.corrections.unlink(missing_ok=True)
            self.note.configure(text=f"{self.corrections} is deleted.")
        except OSError as error:
            self.note.configure(text=f"{self.corrections} cannot be deleted ({error.strerror}).")
        self.kept = False
        self._show_delete()

    def _lay_out(self) -> None:
        self.root.title("mnistlab · draw a digit")
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        pad = round(16 * self.unit)
        self.board = tk.Canvas(self.root, highlightthickness=1, cursor="pencil", borderwidth=0)
        self.board.configure(width=round(480 * self.unit), height=round(480 * self.unit))
        self.board.create_image(0, 0, anchor="nw", tags="drawing")
        self.board.create_text(0, 0, text="Draw a digit here", font=(self.family, 16), tags="hint")
        self.board.grid(row=0, column=0, sticky="nsew", padx=pad, pady=(pad, 0))
        self.side = ttk.Frame(self.root)
        self.side.grid(row=0, column=1, rowspan=3, sticky="nsew", padx=(0, pad), pady=pad)
        self._lay_out_side()
        buttons = ttk.Frame(self.root)
        buttons.grid(row=1, column=0, sticky="ew", padx=pad, pady=round(8 * self.unit))
        for text, command in (("Undo  Ctrl-Z", self.undo), ("Clear  Esc", self.clear)):
            ttk.Button(buttons, text=text, command=command).pack(side="left", padx=(0, round(8 * self.unit)))
        ttk.Button(buttons, text="Light or dark  D", command=self.switch_theme).pack(side="right")
        foot = ttk.Frame(self.root)
        foot.grid(row=2, column=0, sticky="ew", padx=pad, pady=(0, pad))
        foot.columnconfigure(0, weight=1)
        self.note = ttk.Label(foot, text=WRONG, style="Faint.TLabel", wraplength=round(370 * self.unit))
        self.note.grid(row=0, column=0, sticky="w")
        self.delete = ttk.Button(foot, command=self.delete_corrections)
        self.delete.grid(row=0, column=1, sticky="e")
        self._show_delete()
        self.root.columnconfigure(0, weight=1)
        self.root.rowconfigure(0, weight=1)
        self.root.minsize(round(640 * self.unit), round(520 * self.unit))

    def _lay_out_side(self) -> None:
        gap = round(10 * self.unit)
        self.verdict = ttk.Label(self.side, style="Verdict.TLabel")
        self.words = ttk.Label(self.side, style="Words.TLabel")
        self.bars = Bars(self.side, [model.name for model in self.models], self.unit, self.select)
        self.verdict.pack(anchor="w")
        self.words.pack(anchor="w", pady=(0, gap))
        self.bars.pack(fill="both", expand=True)
        row = ttk.Frame(self.side)
        row.pack(fill="x", pady=(gap, 0))
        seen = round(112 * self.unit)
        self.picture = tk.Canvas(row, width=seen, height=seen, highlightthickness=1, borderwidth=0)
        self.picture.create_image(1, 1, anchor="nw", tags="picture")
        self.picture.pack(side="left", anchor="n")
        why = ttk.Frame(row)
        why.pack(side="left", fill="both", expand=True, padx=(gap, 0))
        ttk.Label(why, text="← what the network sees", style="Faint.TLabel").pack(anchor="w")
        choice = ttk.Frame(why)
        choice.pack(anchor="w", pady=gap // 2)
        ttk.Checkbutton(choice, text="Why", variable=self.showing_why, command=self.refresh).pack(side="left")
        self._choice(choice, self.why, TOP)
        ttk.Label(choice, text="not").pack(side="left")
        self._choice(choice, self.why_not, NEXT)
        self.reason = ttk.Label(why, style="Faint.TLabel", wraplength=round(190 * self.unit), justify="left")
        self.reason.pack(anchor="w")

    def _choice(self, parent: ttk.Frame, variable: tk.StringVar, usual: str) -> None:
        """A list to pick a digit from, or the one that the network would."""
        values = [usual, *map(str, range(CLASSES))]
        box = ttk.Combobox(parent, textvariable=variable, values=values, width=4, state="readonly")
        box.pack(side="left", padx=round(4 * self.unit))
        box.bind("<<ComboboxSelected>>", lambda _: self._picked(box))

    def _picked(self, box: ttk.Combobox) -> None:
        box.selection_clear()
        self.board.focus_set()  # so that digit keys correct again
        self.refresh()

    def _bind(self) -> None:
        self.board.bind("<Button-1>", lambda event: self._pen(event, self.sketch.begin))
        self.board.bind("<B1-Motion>", lambda event: self._pen(event, self.sketch.move))
        self.board.bind("<ButtonRelease-1>", lambda _: self.refresh())
        self.board.bind("<Configure>", lambda _: self._refresh_soon())
        keys: dict[str, Callable[[], None]] = {
            "<Escape>": self.clear, "<Control-z>": self.undo, "d": self.switch_theme, "e": self._toggle_why,
            "<Left>": lambda: self.select(self.selected - 1), "<Right>": lambda: self.select(self.selected + 1),
        }  # fmt: skip
        for key, action in keys.items():
            self.root.bind(key, lambda _, action=action: action())  # type: ignore[misc]
        for digit in range(CLASSES):
            for key in (f"<Key-{digit}>", f"<KP_{digit}>"):
                self.root.bind(key, lambda _, digit=digit: self.correct(digit))  # type: ignore[misc]
        self.board.focus_set()

    def _pen(self, event: "tk.Event[tk.Misc]", put: Callable[[Point], None]) -> None:
        scale = UNITS / self._board_side()
        self.board.focus_set()
        put((event.x * scale, event.y * scale))
        self.kept = False
        self.note.configure(text=WRONG)
        self._refresh_soon()

    def _changed(self) -> None:
        self.kept = False
        self.note.configure(text=WRONG)
        self.refresh()

    def _refresh_soon(self) -> None:
        """However fast the pen moves, look once in a frame."""
        self.pending = self.pending or self.root.after(FRAME, self.refresh)

    def _board_side(self) -> int:
        return max(50, min(self.board.winfo_width(), self.board.winfo_height()))

    def _toggle_why(self) -> None:
        self.showing_why.set(not self.showing_why.get())
        self.refresh()

    def _evidence(self, guess: Guess | None, picture: Picture) -> Evidence | None:
        """Why one digit and not the other, as picked, or None where there is nothing to explain."""
        if guess is None or not self.showing_why.get():
            return None
        digit, other = self._pair(guess)
        return None if digit == other else self.explainers[self.selected].explain(picture, digit, other)

    def _pair(self, guess: Guess) -> tuple[int, int]:
        digit = guess.digit if self.why.get() == TOP else int(self.why.get())
        if self.why_not.get() != NEXT:
            return digit, int(self.why_not.get())
        return digit, guess.runner_up if digit == guess.digit else guess.digit

    def _say(self, guess: Guess | None, evidence: Evidence | None) -> None:
        """Put into words what the selected model holds, and what the colours mean."""
        unsure = guess is not None and guess.unsure
        colour = self.theme.hex("unsure" if unsure else "text")
        self.verdict.configure(text=_verdict(guess), foreground=colour)
        self.words.configure(text=_words(guess))
        self.reason.configure(text="" if evidence is None else evidence.in_words())

    def _show_delete(self) -> None:
        there = self.corrections.exists()
        self.delete.configure(text="Delete corrections", state="normal" if there else "disabled")

    def _dress(self) -> None:
        """Colour everything in the theme."""
        dress(self.root, self.theme, self.family)
        self.board.itemconfigure("hint", fill=self.theme.hex("faint"))
        for canvas in (self.board, self.picture):
            canvas.configure(background=self.theme.hex("board"), highlightbackground=self.theme.hex("line"))
            canvas.configure(highlightcolor=self.theme.hex("line"))


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
    return f"{digit}, then {guess.runner_up} with {other}"


def _open_root() -> tk.Tk:
    if sys.platform == "win32":
        from ctypes import windll

        windll.shcore.SetProcessDpiAwareness(1)  # else Windows enlarges the finished picture, and it blurs
    try:
        return tk.Tk()
    except tk.TclError as error:
        raise LabError(
            f"the window cannot be opened ({error}): on a machine without a display, install a virtual one "
            "(sudo apt install xvfb) and run: xvfb-run -a mnistlab draw"
        ) from None
