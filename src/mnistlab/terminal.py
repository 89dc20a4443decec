"""Where everything that is printed goes: lines, sentences that wrap at words, complaints."""

import codecs
import shutil
import sys
import textwrap
from typing import TextIO

from mnistlab.errors import one_line, printable

# what a console shows that lacks a character, as those of Windows do; of any other "?"
ASCII = {
    "−": "-", "–": "-", "±": "+/-", "×": "x", "→": "->", "…": "...", "≤": "<=", "≥": ">=",
    "“": '"', "”": '"',
}  # fmt: skip


def prepare() -> None:
    """Let standard output and error take any character, whatever their code page."""
    codecs.register_error("mnistlab", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="mnistlab")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(ASCII.get(each, "?") for each in lacking), error.end


def width(stream: TextIO | None) -> int | None:
    """The columns of the terminal that a stream writes to; None of a pipe or file."""
    return shutil.get_terminal_size().columns if stream and stream.isatty() else None


def _say(text: str, stream: TextIO | None) -> None:
    print(text, file=stream, flush=True)


def say(text: object = "") -> None:
    """Print one line. Nothing in it, such as a name from a file, can steer the terminal."""
    _say(printable(text), sys.stdout)


def tell(text: object) -> None:
    """Print a sentence, of which a terminal gets lines that end between words."""
    _say(_wrapped(printable(text), sys.stdout), sys.stdout)


def complain(text: object) -> None:
    """Say on standard error what is wrong or to be known, in one line unless it is a terminal."""
    _say(_wrapped(f"mnistlab: {one_line(text)}", sys.stderr), sys.stderr)


def _wrapped(text: str, stream: TextIO | None) -> str:
    """A text in lines as wide as the terminal; what has no space in it is not broken."""
    columns = width(stream)
    if columns is None:
        return text
    indent = text[: len(text) - len(text.lstrip())] + "  "
    return textwrap.fill(
        text, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
