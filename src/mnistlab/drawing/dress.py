"""How the window's widgets look in a theme."""

import tkinter as tk
from tkinter import ttk

from mnistlab.drawing.board import Theme


def dress(root: tk.Tk, theme: Theme, family: str) -> None:
    """Give every ttk widget, and the lists that drop down, the theme's colours; large words the
    font's family.
    """
    window, board, text, faint, line, bar = (
        theme.hex(name) for name in ("window", "board", "text", "faint", "line", "bar")
    )
    root.configure(background=window)
    style = ttk.Style(root)
    style.theme_use("clam")  # the one theme that every system has and whose every colour can be set
    style.configure(".", background=window, foreground=text, bordercolor=line, focuscolor=bar)
    style.configure("Verdict.TLabel", font=(family, 64, "bold"))
    style.configure("Words.TLabel", font=(family, 14))
    style.configure("Faint.TLabel", foreground=faint, font=(family, 9))
    style.configure(
        "TButton",
        background=board,
        lightcolor=board,
        darkcolor=board,
        padding=(10, 5),
        relief="flat",
    )
    style.map(
        "TButton",
        background=[("active", line), ("disabled", window)],
        foreground=[("disabled", faint)],
    )
    style.configure("TCheckbutton", indicatorbackground=board, indicatorforeground=bar)
    style.map(
        "TCheckbutton", background=[("active", window)], indicatorbackground=[("selected", board)]
    )
    style.configure(
        "TCombobox", fieldbackground=board, background=board, arrowcolor=text, lightcolor=board
    )
    style.map(
        "TCombobox",
        fieldbackground=[("readonly", board)],
        foreground=[("readonly", text)],
        background=[("active", line)],
        selectbackground=[("readonly", board)],
        selectforeground=[("readonly", text)],
    )
    for option, colour in (
        ("background", board),
        ("foreground", text),
        ("selectBackground", bar),
        ("selectForeground", window),
    ):
        root.option_add(f"*TCombobox*Listbox.{option}", colour)
