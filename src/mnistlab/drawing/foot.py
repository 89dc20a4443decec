"""The foot of the window: what is told, and where a drawing is kept with the class that it is."""

import tkinter as tk
from collections.abc import Callable, Sequence
from pathlib import Path
from tkinter import ttk

from mnistlab.data.strokes import append_drawing
from mnistlab.drawing.sketch import Sketch
from mnistlab.errors import LabError, one_line

MAX_NOTE = 200  # letters of what is told; more would leave too little room for the board
DELETE, REALLY = "Delete corrections", "Really delete"
RIGHT_ONE = "The right one…"
SURE = 4000  # milliseconds in which a second press of the delete button counts


def keys_of(classes: Sequence[str]) -> dict[str, int]:
    """The characters that stand for a class, in both cases where the other is no class itself."""
    keys = {name: place for place, name in enumerate(classes) if len(name) == 1}
    return {name.swapcase(): place for name, place in keys.items()} | keys


class Foot(ttk.Frame):
    """Tells one thing at a time, and keeps corrected drawings in a file."""

    def __init__(
        self, parent: tk.Misc, gap: int, corrections: Path, on_pick: Callable[[int], None]
    ) -> None:
        super().__init__(parent)
        self.corrections = corrections
        self.kept = False  # whether the drawing as it is now was corrected
        self.classes: tuple[str, ...] = ()
        self.columnconfigure(1, weight=1)
        # as wide as there is room for, never as wide as its text
        self.note = ttk.Label(self, style="Faint.TLabel", width=1)
        self.note.grid(row=0, column=0, columnspan=2, sticky="ew")
        self.note.bind("<Configure>", lambda event: self.note.configure(wraplength=event.width))
        self.right_one = ttk.Combobox(self, state="readonly", width=1)
        self.right_one.bind("<<ComboboxSelected>>", lambda _: on_pick(self.right_one.current()))
        self.right_one.grid(row=1, column=1, sticky="ew", pady=(gap // 2, 0))
        self.delete = ttk.Button(self, command=self.delete_corrections)
        self.delete.grid(row=1, column=0, pady=(gap // 2, 0), padx=(0, gap // 2))
        self.show_delete()

    def offer(self, classes: tuple[str, ...]) -> None:
        """Let drawings be corrected to these classes: by key, or from a list."""
        self.classes = classes
        self.right_one.configure(values=classes)
        self.right_one.set(RIGHT_ONE)
        if self._has_keys():
            self.right_one.grid_remove()
        else:
            self.right_one.grid()

    def ask(self) -> None:
        """Tell how to correct a wrong answer."""
        how = "Press the right one's key" if self._has_keys() else "Pick the right one below"
        self.tell(f"Wrong? {how}.")

    def _has_keys(self) -> bool:
        """Whether every class is a character that all keyboards have."""
        return all(len(name) == 1 and name.isascii() for name in self.classes)

    def tell(self, note: str) -> None:
        """Show a note instead of the last one."""
        self.note.configure(text=one_line(note)[:MAX_NOTE])

    def correct(self, sketch: Sketch, place: int) -> None:
        """Keep the drawing with the class that it is."""
        self.right_one.set(RIGHT_ONE)
        if not sketch.strokes:
            self.tell("Nothing is drawn that could be corrected.")
        elif self.kept:
            self.tell("This drawing is kept already; change it or draw another.")
        else:
            label = self.classes[place]
            try:
                append_drawing(self.corrections, sketch.drawing(label))
            except LabError as error:
                self.tell(str(error))
                return
            self.kept = True
            self.tell(f"Kept as {label} in {self.corrections}")
            self.show_delete()

    def delete_corrections(self) -> None:
        """Delete the file of corrections, at the second press."""
        if self.delete["text"] != REALLY:
            self.delete.configure(text=REALLY)
            self.winfo_toplevel().after(SURE, self.show_delete)
            return
        try:
            self.corrections.unlink(missing_ok=True)
            self.tell(f"{self.corrections} is deleted.")
        except OSError as error:
            self.tell(f"{self.corrections} cannot be deleted ({error.strerror}).")
        self.kept = False
        self.show_delete()

    def show_delete(self) -> None:
        """Show the delete button where there is something to delete."""
        self.delete.configure(text=DELETE)
        if self.corrections.exists():
            self.delete.grid()
        else:
            self.delete.grid_remove()
