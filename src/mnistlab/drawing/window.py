"""The window: draw, watch the networks decide, see why, and correct them."""

import sys
import tkinter as tk
from collections.abc import Callable, Sequence
from pathlib import Path
from tkinter import font, ttk

from mnistlab.drawing.answers import never_unsure, require_grey
from mnistlab.drawing.board import DARK, LIGHT, Theme, paint_board, ppm
from mnistlab.drawing.evidence import Evidence, Explainer
from mnistlab.drawing.foot import Foot, keys_of
from mnistlab.drawing.panel import Panel
from mnistlab.drawing.sketch import UNITS, Look, Point, Sketch, look
from mnistlab.errors import LabError
from mnistlab.model.predictor import Predictor

# pixels of a usual screen: the board's side at first, the room around it, and what is least
BOARD, GAP = 480, 16
MIN_BOARD, MIN_PANEL = 210, 300
MIN_WIDTH, MIN_HEIGHT = 560, 380
FRAME = 15  # milliseconds between two looks while the pen moves


class Window:
    """Everything on the screen: one model at least, and where corrected drawings are kept."""

    def __init__(self, models: Sequence[Predictor], corrections: Path, dark: bool = False) -> None:
        """Open the window. Raises LabError where there is no display, or a model of RGB images."""
        for model in models:
            require_grey(model)
        self.root = _open_root()
        self.models = models
        self.explainers = [Explainer(model) for model in models]
        self.selected = 0
        self.sketch = Sketch()
        self.pending = ""  # the name of a refresh to come
        self.theme: Theme = DARK if dark else LIGHT
        self.family = font.nametofont("TkDefaultFont", root=self.root).actual("family")
        self._lay_out(self.root.winfo_fpixels("1i") / 96, corrections)
        self._bind()
        self._dress()
        self._turn_to_model()

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
            self.foot.tell(str(error))
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
        self._turn_to_model()
        self.refresh()

    def switch_theme(self) -> None:
        """Light to dark and back."""
        self.theme = LIGHT if self.theme is DARK else DARK
        self._dress()
        self.refresh()

    def correct(self, place: int) -> None:
        """Keep the drawing with the class that it is."""
        self.foot.correct(self.sketch, place)
        self.board.focus_set()  # so that keys correct again

    def _lay_out(self, unit: float, corrections: Path) -> None:
        self.root.title("mnistlab · draw")
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        side, gap = round(BOARD * unit), round(GAP * unit)
        room = ttk.Frame(self.root, width=side, height=side)
        room.grid(row=0, column=0, sticky="nsew", padx=gap, pady=(gap, 0))
        room.bind("<Configure>", self._fit_board)
        self.board = tk.Canvas(self.root, highlightthickness=1, cursor="pencil", borderwidth=0)
        self.board.place(in_=room)
        self.board.create_image(0, 0, anchor="nw", tags="drawing")
        self.board.create_text(0, 0, text="Draw here", font=(self.family, 16), tags="hint")
        told = (self.select, self._reason, self.switch_theme)
        self.panel = Panel(self.root, self.models, unit, *told)
        self.panel.grid(row=0, column=1, rowspan=3, sticky="nsew", padx=(0, gap), pady=gap)
        buttons = ttk.Frame(self.root)
        buttons.grid(row=1, column=0, sticky="ew", padx=gap, pady=gap // 2)
        for text, command in (("Undo  Ctrl-Z", self.undo), ("Clear  Esc", self.clear)):
            ttk.Button(buttons, text=text, command=command).pack(side="left", padx=(0, gap // 2))
        self.foot = Foot(self.root, gap, corrections, self.correct)
        self.foot.grid(row=2, column=0, sticky="ew", padx=gap, pady=(0, gap))
        self.root.columnconfigure(0, weight=3, minsize=round(MIN_BOARD * unit) + 2 * gap)
        self.root.columnconfigure(1, weight=1, minsize=round(MIN_PANEL * unit) + gap)
        self.root.rowconfigure(0, weight=1)
        self.root.minsize(round(MIN_WIDTH * unit), round(MIN_HEIGHT * unit))
        self.board.focus_set()

    def _fit_board(self, room: "tk.Event[tk.Misc]") -> None:
        """Make the board the largest square that its room has place for."""
        side = min(room.width, room.height)
        self.board.place(width=side, height=side)

    def _bind(self) -> None:
        self.board.bind("<Button-1>", lambda event: self._pen(event, self.sketch.begin))
        self.board.bind("<B1-Motion>", lambda event: self._pen(event, self.sketch.move))
        self.board.bind("<ButtonRelease-1>", lambda _: self.refresh())
        self.board.bind("<Configure>", lambda _: self._refresh_soon())
        keys: dict[str, Callable[[], None]] = {
            "<Escape>": self.clear, "<Control-z>": self.undo,
            "<Control-d>": self.switch_theme, "<Control-e>": self._toggle_reason,
            "<Left>": lambda: self.select(self.selected - 1),
            "<Right>": lambda: self.select(self.selected + 1),
        }  # fmt: skip
        for key, action in keys.items():
            self.root.bind(key, lambda _, action=action: action())  # type: ignore[misc]
        self.root.bind("<Key>", lambda event: self._typed(event.char))

    def _typed(self, character: str) -> None:
        """Correct to the class of that character, or do what the letter stands for."""
        if (place := self.keys.get(character)) is not None:
            self.correct(place)
        elif character.lower() == "d":
            self.switch_theme()
        elif character.lower() == "e":
            self._toggle_reason()

    def _turn_to_model(self) -> None:
        """Offer the selected model's classes, and tell what is to be said of it."""
        model = self.models[self.selected]
        self.keys = keys_of(model.classes)
        self.panel.offer(model.classes)
        self.panel.dark.configure(text="Dark  Ctrl-D" if "d" in self.keys else "Dark  D")
        self.foot.offer(model.classes)
        self.foot.ask()
        if remark := never_unsure(model):
            self.foot.tell(remark)

    def _pen(self, event: "tk.Event[tk.Misc]", put: Callable[[Point], None]) -> None:
        scale = UNITS / self._board_side()
        put((event.x * scale, event.y * scale))
        self.board.focus_set()
        self._changed()
        self._refresh_soon()

    def _changed(self) -> None:
        self.foot.kept = False
        self.foot.ask()

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
        self.board.focus_set()  # so that keys correct again
        self.refresh()

    def _toggle_reason(self) -> None:
        self.panel.explaining.set(not self.panel.explaining.get())
        self.refresh()

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
