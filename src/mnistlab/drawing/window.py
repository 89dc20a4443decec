"""The window: draw a digit, watch the networks decide, see why, and correct them."""

import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tkinter import font, ttk

from mnistlab.data.strokes import append_drawing
from mnistlab.drawing.board import DARK, LIGHT, Theme, paint_board, ppm
from mnistlab.drawing.dress import dress
from mnistlab.drawing.evidence import Explainer
from mnistlab.drawing.panel import Panel
from mnistlab.drawing.sketch import UNITS, Point, Sketch, look
from mnistlab.errors import LabError
from mnistlab.images import CLASSES
from mnistlab.model.predictor import Predictor

WRONG = "Wrong? Press the right digit's key."
BOARD, GAP = 480, 16  # pixels of a usual screen: the board's side at first, and the room around it
FRAME = 15  # milliseconds between two looks while the pen moves
SURE = 4000  # milliseconds in which a second press of the delete button counts


class Window:
    """Everything on the screen; `models` has at least one, `corrections` is where corrected
    drawings are kept.
    """

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
        self.family = font.nametofont("TkDefaultFont", root=self.root).actual("family")
        self._lay_out(self.root.winfo_fpixels("1i") / 96)
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
        asked = self.panel.asked(guess) if guess else None
        evidence = (
            self.explainers[self.selected].explain(seen.framing.picture, *asked) if asked else None
        )
        side = self._board_side()
        painted = paint_board(self.sketch.strokes, side, self.theme, seen.framing, evidence)
        self.image = tk.PhotoImage(master=self.root, data=ppm(painted))
        self.board.itemconfigure("drawing", image=self.image)
        self.board.coords("hint", side / 2, side / 2)
        self.board.itemconfigure("hint", state="hidden" if self.sketch.strokes else "normal")
        self.panel.show(seen, self.selected, evidence, self.theme)

    def undo(self) -> None:
        """Take the last stroke back."""
        self.sketch.undo()
        self._changed()
        self.refresh()

    def clear(self) -> None:
        """Wipe the board."""
        self.sketch.clear()
        self._changed()
        self.refresh()

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

    def _lay_out(self, unit: float) -> None:
        self.root.title("mnistlab · draw a digit")
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        side, gap = round(BOARD * unit), round(GAP * unit)
        self.board = tk.Canvas(
            self.root, width=side, height=side, highlightthickness=1, cursor="pencil", borderwidth=0
        )
        self.board.create_image(0, 0, anchor="nw", tags="drawing")
        self.board.create_text(0, 0, text="Draw a digit here", font=(self.family, 16), tags="hint")
        self.board.grid(row=0, column=0, sticky="nsew", padx=gap, pady=(gap, 0))
        self.panel = Panel(
            self.root, [model.name for model in self.models], unit, self.select, self._reason
        )
        self.panel.grid(row=0, column=1, rowspan=3, sticky="nsew", padx=(0, gap), pady=gap)
        buttons = ttk.Frame(self.root)
        buttons.grid(row=1, column=0, sticky="ew", padx=gap, pady=gap // 2)
        for text, command in (("Undo  Ctrl-Z", self.undo), ("Clear  Esc", self.clear)):
            ttk.Button(buttons, text=text, command=command).pack(side="left", padx=(0, gap // 2))
        ttk.Button(buttons, text="Light or dark  D", command=self.switch_theme).pack(side="right")
        foot = ttk.Frame(self.root)
        foot.grid(row=2, column=0, sticky="ew", padx=gap, pady=(0, gap))
        foot.columnconfigure(0, weight=1)
        self.note = ttk.Label(foot, text=WRONG, style="Faint.TLabel", wraplength=round(0.75 * side))
        self.note.grid(row=0, column=0, sticky="w")
        self.delete = ttk.Button(foot, command=self.delete_corrections)
        self.delete.grid(row=0, column=1, sticky="e")
        self._show_delete()
        self.root.columnconfigure(0, weight=1)
        self.root.rowconfigure(0, weight=1)
        self.root.minsize(round(760 * unit), round(560 * unit))
        self.board.focus_set()

    def _bind(self) -> None:
        self.board.bind("<Button-1>", lambda event: self._pen(event, self.sketch.begin))
        self.board.bind("<B1-Motion>", lambda event: self._pen(event, self.sketch.move))
        self.board.bind("<ButtonRelease-1>", lambda _: self.refresh())
        self.board.bind("<Configure>", lambda _: self._refresh_soon())
        keys: dict[str, Callable[[], None]] = {
            "<Escape>": self.clear, "<Control-z>": self.undo, "d": self.switch_theme,
            "e": self._toggle_reason,
            "<Left>": lambda: self.select(self.selected - 1),
            "<Right>": lambda: self.select(self.selected + 1),
        }  # fmt: skip
        for digit in range(CLASSES):
            for key in (f"<Key-{digit}>", f"<KP_{digit}>"):
                keys[key] = partial(self.correct, digit)
        for key, action in keys.items():
            self.root.bind(key, lambda _, action=action: action())  # type: ignore[misc]

    def _pen(self, event: "tk.Event[tk.Misc]", put: Callable[[Point], None]) -> None:
        scale = UNITS / self._board_side()
        put((event.x * scale, event.y * scale))
        self.board.focus_set()
        self._changed()
        self._refresh_soon()

    def _changed(self) -> None:
        self.kept = False
        self.note.configure(text=WRONG)

    def _refresh_soon(self) -> None:
        """However fast the pen moves, look once in a frame."""
        self.pending = self.pending or self.root.after(FRAME, self.refresh)

    def _board_side(self) -> int:
        return max(50, min(self.board.winfo_width(), self.board.winfo_height()))

    def _reason(self) -> None:
        self.board.focus_set()  # so that digit keys correct again
        self.refresh()

    def _toggle_reason(self) -> None:
        self.panel.explaining.set(not self.panel.explaining.get())
        self.refresh()

    def _show_delete(self) -> None:
        there = self.corrections.exists()
        self.delete.configure(text="Delete corrections", state="normal" if there else "disabled")

    def _dress(self) -> None:
        """Colour everything in the theme."""
        dress(self.root, self.theme, self.family)
        line = self.theme.hex("line")
        self.board.configure(
            background=self.theme.hex("board"), highlightbackground=line, highlightcolor=line
        )
        self.board.itemconfigure("hint", fill=self.theme.hex("faint"))


def _open_root() -> tk.Tk:
    if sys.platform == "win32":
        from ctypes import windll

        windll.shcore.SetProcessDpiAwareness(
            1
        )  # else Windows enlarges the finished picture, and it blurs
    try:
        return tk.Tk()
    except tk.TclError as error:
        raise LabError(
            f"the window cannot be opened ({error}): on a machine without a display, install a "
            f"virtual one "
            "(sudo apt install xvfb) and run: xvfb-run -a mnistlab draw"
        ) from None
