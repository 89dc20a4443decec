"""The window: draw a digit, watch the networks decide, see why, and correct them."""

import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tkinter import font, ttk

from mnistlab.data.strokes import append_drawing
from mnistlab.drawing.answers import never_unsure
from mnistlab.drawing.board import DARK, LIGHT, Theme, paint_board, ppm
from mnistlab.drawing.evidence import Evidence, Explainer
from mnistlab.drawing.panel import Panel
from mnistlab.drawing.sketch import UNITS, Look, Point, Sketch, look
from mnistlab.errors import LabError, one_line
from mnistlab.images import CLASSES
from mnistlab.model.predictor import Predictor

WRONG = "Wrong? Press the right digit's key."
DELETE, REALLY = "Delete corrections", "Really delete"
# pixels of a usual screen: the board's side at first, the room around it, and what is least
BOARD, GAP = 480, 16
MIN_BOARD, MIN_PANEL = 210, 300
MIN_WIDTH, MIN_HEIGHT = 560, 380
MAX_NOTE = 200  # letters of what is told; more would leave too little room for the board
FRAME = 15  # milliseconds between two looks while the pen moves
SURE = 4000  # milliseconds in which a second press of the delete button counts


class Window:
    """Everything on the screen: one model at least, and where corrected drawings are kept."""

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
        self._tell(never_unsure(models[0]) or WRONG)

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
        try:
            seen = look(self.sketch, self.models)
            evidence = self._evidence(seen)
        except LabError as error:
            self._tell(str(error))
            seen, evidence = Look(self.sketch.framing(), (None,) * len(self.models)), None
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
        self._tell(never_unsure(self.models[self.selected]) or WRONG)
        self.refresh()

    def switch_theme(self) -> None:
        """Light to dark and back."""
        self.theme = LIGHT if self.theme is DARK else DARK
        self._dress()
        self.refresh()

    def correct(self, digit: int) -> None:
        """Keep the drawing with the digit that it is."""
        if not self.sketch.strokes:
            self._tell("Nothing is drawn that could be corrected.")
        elif self.kept:
            self._tell("This drawing is kept already; change it or draw another.")
        else:
            try:
                append_drawing(self.corrections, self.sketch.drawing(digit))
            except LabError as error:
                self._tell(str(error))
                return
            self.kept = True
            self._tell(f"Kept as {digit} in {self.corrections}")
            self._show_delete()

    def delete_corrections(self) -> None:
        """Delete the file of corrections, at the second press."""
        if self.delete["text"] != REALLY:
            self.delete.configure(text=REALLY)
            self.root.after(SURE, self._show_delete)
            return
        try:
            self.corrections.unlink(missing_ok=True)
            self._tell(f"{self.corrections} is deleted.")
        except OSError as error:
            self._tell(f"{self.corrections} cannot be deleted ({error.strerror}).")
        self.kept = False
        self._show_delete()

    def _lay_out(self, unit: float) -> None:
        self.root.title("mnistlab · draw a digit")
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        side, gap = round(BOARD * unit), round(GAP * unit)
        room = ttk.Frame(self.root, width=side, height=side)
        room.grid(row=0, column=0, sticky="nsew", padx=gap, pady=(gap, 0))
        room.bind("<Configure>", self._fit_board)
        self.board = tk.Canvas(self.root, highlightthickness=1, cursor="pencil", borderwidth=0)
        self.board.place(in_=room)
        self.board.create_image(0, 0, anchor="nw", tags="drawing")
        self.board.create_text(0, 0, text="Draw a digit here", font=(self.family, 16), tags="hint")
        names = [model.name for model in self.models]
        self.panel = Panel(self.root, names, unit, self.select, self._reason, self.switch_theme)
        self.panel.grid(row=0, column=1, rowspan=3, sticky="nsew", padx=(0, gap), pady=gap)
        buttons = ttk.Frame(self.root)
        buttons.grid(row=1, column=0, sticky="ew", padx=gap, pady=gap // 2)
        for text, command in (("Undo  Ctrl-Z", self.undo), ("Clear  Esc", self.clear)):
            ttk.Button(buttons, text=text, command=command).pack(side="left", padx=(0, gap // 2))
        self._lay_out_foot(gap)
        self.root.columnconfigure(0, weight=3, minsize=round(MIN_BOARD * unit) + 2 * gap)
        self.root.columnconfigure(1, weight=1, minsize=round(MIN_PANEL * unit) + gap)
        self.root.rowconfigure(0, weight=1)
        self.root.minsize(round(MIN_WIDTH * unit), round(MIN_HEIGHT * unit))
        self.board.focus_set()

    def _fit_board(self, room: "tk.Event[tk.Misc]") -> None:
        """Make the board the largest square that its room has place for."""
        side = min(room.width, room.height)
        self.board.place(width=side, height=side)

    def _lay_out_foot(self, gap: int) -> None:
        foot = ttk.Frame(self.root)
        foot.grid(row=2, column=0, sticky="ew", padx=gap, pady=(0, gap))
        foot.columnconfigure(0, weight=1)
        # as wide as there is room for, never as wide as its text
        self.note = ttk.Label(foot, style="Faint.TLabel", width=1)
        self.note.grid(row=0, column=0, sticky="ew")
        self.note.bind("<Configure>", lambda event: self.note.configure(wraplength=event.width))
        self.delete = ttk.Button(foot, command=self.delete_corrections)
        self.delete.grid(row=1, column=0, sticky="w", pady=(gap // 2, 0))
        self._show_delete()

    def _bind(self) -> None:
        self.board.bind("<Button-1>", lambda event: self._pen(event, self.sketch.begin))
        self.board.bind("<B1-Motion>", lambda event: self._pen(event, self.sketch.move))
        self.board.bind("<ButtonRelease-1>", lambda _: self.refresh())
        self.board.bind("<Configure>", lambda _: self._refresh_soon())
        keys: dict[str, Callable[[], None]] = {
            "<Escape>": self.clear, "<Control-z>": self.undo,
            "d": self.switch_theme, "e": self._toggle_reason,
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
        self._tell(WRONG)

    def _tell(self, note: str) -> None:
        self.note.configure(text=one_line(note)[:MAX_NOTE])

    def _refresh_soon(self) -> None:
        """However fast the pen moves, look once in a frame."""
        self.pending = self.pending or self.root.after(FRAME, self.refresh)

    def _board_side(self) -> int:
        return max(50, self.board.winfo_width())

    def _evidence(self, seen: Look) -> Evidence | None:
        """The evidence that is asked for in what the selected model says."""
        guess = seen.guesses[self.selected]
        asked = self.panel.asked(guess) if guess else None
        if asked is None:
            return None
        return self.explainers[self.selected].explain(seen.framing.picture, *asked)

    def _reason(self) -> None:
        self.board.focus_set()  # so that digit keys correct again
        self.refresh()

    def _toggle_reason(self) -> None:
        self.panel.explaining.set(not self.panel.explaining.get())
        self.refresh()

    def _show_delete(self) -> None:
        self.delete.configure(text=DELETE)
        if self.corrections.exists():
            self.delete.grid()
        else:
            self.delete.grid_remove()

    def _dress(self) -> None:
        """Colour everything in the theme."""
        _dress_widgets(self.root, self.theme, self.family)
        paper, edge, hint = (self.theme.hex(name) for name in ("board", "line", "faint"))
        self.board.configure(background=paper, highlightbackground=edge, highlightcolor=edge)
        self.board.itemconfigure("hint", fill=hint)


def _dress_widgets(root: tk.Tk, theme: Theme, family: str) -> None:
    """Give every ttk widget, and the lists that drop down, the theme's colours."""
    window, board, text, faint, line, bar = (
        theme.hex(name) for name in ("window", "board", "text", "faint", "line", "bar")
    )
    root.configure(background=window)
    style = ttk.Style(root)
    style.theme_use("clam")  # the one theme that every system has and whose every colour can be set
    style.configure(".", background=window, foreground=text, bordercolor=line, focuscolor=bar)
    style.configure("Verdict.TLabel", font=(family, 64, "bold"))
    style.configure("Words.TLabel", font=(family, 12))
    style.configure("Faint.TLabel", foreground=faint, font=(family, 9))
    flat = {"background": board, "lightcolor": board, "darkcolor": board, "relief": "flat"}
    style.configure("TButton", padding=(6, 5), width=0, **flat)
    style.map("TButton", background=[("active", line)])
    style.configure("TCheckbutton", indicatorbackground=board, indicatorforeground=bar)
    chosen = [("selected", board)]
    style.map("TCheckbutton", background=[("active", window)], indicatorbackground=chosen)
    style.configure("TCombobox", arrowcolor=text, fieldbackground=board, **flat)
    style.map("TCombobox", foreground=[("readonly", text)], background=[("active", line)])
    paper, ink = [("readonly", board)], [("readonly", text)]
    style.map("TCombobox", fieldbackground=paper, selectbackground=paper, selectforeground=ink)
    listed = {"background": board, "foreground": text, "selectBackground": bar}
    for option, colour in (listed | {"selectForeground": window}).items():
        root.option_add(f"*TCombobox*Listbox.{option}", colour)


def _open_root() -> tk.Tk:
    if sys.platform == "win32":
        from ctypes import windll

        # else Windows enlarges the finished picture, and it blurs
        windll.shcore.SetProcessDpiAwareness(1)
    try:
        return tk.Tk()
    except tk.TclError as error:
        remedy = (
            "on a machine without a display, install a virtual one (sudo apt install xvfb) "
            "and run: xvfb-run -a mnistlab draw"
        )
        raise LabError(f"the window cannot be opened ({error}): {remedy}") from None
