"""Strokes: what a pen did, read from and written to JSON Lines, and read from UCI's pen digits.

A line of a strokes file is one drawing: ``{"strokes": [[[x, y], …], …], "label": 9, "writer":
"12"}``, label and writer optional, any units, y pointing down. A label is the name of a class; a
number is the class of that name.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END, FileIO
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, FailFast, Field, ValidationError, field_validator

from mnistlab.errors import DataError
from mnistlab.images import DIGITS, ClassName

MAX_POINTS = 50_000
MAX_LINE_BYTES = 2_500_000
MAX_DRAWINGS = 1_000_000
EXPECTED = 'expected {"strokes": [[[x, y], …], …]}'

Stroke = npt.NDArray[np.float64]
Coordinate = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Points = Annotated[list[tuple[Coordinate, Coordinate]], FailFast()]


@dataclass(frozen=True, eq=False)
class Drawing:
    """Strokes, each ``(n, 2) float64`` with y down, and what is known: the name of their class."""

    strokes: tuple[Stroke, ...]
    label: str | None = None
    writer: str | None = None


class _Line(BaseModel, strict=True):
    """What a line of a strokes file may hold."""

    strokes: Annotated[list[Points], FailFast()]
    label: ClassName | None = None
    writer: Annotated[str, Field(max_length=100)] | None = None

    @field_validator("label", "writer", mode="before")
    @classmethod
    def _number_is_name(cls, name: Any) -> Any:
        return str(name) if type(name) is int else name

    def drawing(self) -> Drawing:
        """What the line holds. Raises DataError if that is too many points."""
        points = sum(map(len, self.strokes))
        if points > MAX_POINTS:
            most = f"at most {MAX_POINTS:,}: sample it less densely"
            raise DataError(f"{points:,} points in one drawing, {most}")
        strokes = tuple(np.array(stroke) for stroke in self.strokes if stroke)
        return Drawing(strokes, self.label, self.writer)


def parse_drawing(text: str | bytes) -> Drawing:
    """Return the drawing that one line of a strokes file holds. Raises DataError."""
    if len(text) > MAX_LINE_BYTES:
        most = f"more than {MAX_LINE_BYTES:,} bytes"
        raise DataError(f"a drawing of {most}: split it or sample it less densely")
    try:
        return _Line.model_validate_json(text).drawing()
    except ValidationError as error:
        raise DataError(_what_is_wrong(error)) from None


def _what_is_wrong(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return f"not JSON: {EXPECTED}"
    place = ".".join(map(str, first["loc"])) or "the line"
    return f"{place}: {first['msg'].lower()}: {EXPECTED}"


def format_drawing(drawing: Drawing) -> str:
    """Return the drawing as one line of a strokes file, without the line end."""
    strokes = [np.round(stroke, 2).tolist() for stroke in drawing.strokes]
    label = int(drawing.label) if drawing.label in DIGITS else drawing.label
    record = {"strokes": strokes, "label": label, "writer": drawing.writer}
    known = {key: value for key, value in record.items() if value is not None}
    return json.dumps(known, separators=(",", ":"))


def stroke_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield ``(line number, line)`` for the lines that are not blank, one in memory at a time.

    A line that is too long is yielded cut, and still too long for `parse_drawing`.
    """
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 2)
        if line.strip():
            yield number, line


def read_strokes(path: Path) -> list[Drawing]:
    """Return every drawing of a strokes file. Raises DataError naming the first line that is wrong:
    without it, training would learn something else.
    """
    drawings = []
    try:
        with path.open("rb") as stream:
            for number, line in stroke_lines(stream):
                try:
                    drawings.append(parse_drawing(line))
                except DataError as error:
                    wrong = f"{path}, line {number}: {error}"
                    raise DataError(f"{wrong}; correct or delete that line") from None
                if len(drawings) > MAX_DRAWINGS:
                    raise DataError(f"{path}: more than {MAX_DRAWINGS:,} drawings: split the file")
    except (OSError, ValueError) as error:  # ValueError: no name that a file can have
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read ({reason}): check the path") from None
    return drawings


def append_drawing(path: Path, drawing: Drawing) -> None:
    """Add one drawing to a strokes file, made with its folder where it lacks: a whole line or none.

    Half a line at its end, which a killed process left, is taken away first. Raises DataError.
    """
    line = f"{format_drawing(drawing)}\n".encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b", buffering=0) as file:
            _append_whole(file, line)
    except OSError as error:
        reason = f"cannot be written ({error.strerror})"
        raise DataError(f"{path}: {reason}: choose another folder") from None


def _append_whole(file: FileIO, line: bytes) -> None:
    end = file.seek(0, SEEK_END)
    file.seek(max(0, end - MAX_LINE_BYTES))
    last = file.readall().rpartition(b"\n")[2]
    if _is_drawing(last):
        line = b"\n" + line
    elif last:
        end -= len(last)
        file.truncate(end)
    try:
        while line:
            line = line[file.write(line) :]
    except OSError:
        file.truncate(end)
        raise


def _is_drawing(line: bytes) -> bool:
    try:
        parse_drawing(line)
    except DataError:
        return False
    return True


def parse_pendigits(text: str) -> list[Drawing]:
    """Return the drawings of UCI's UNIPEN-like pen digits, y flipped to point down.

    ``.SEGMENT`` starts a digit, ``.COMMENT 8 12 224`` is its label, writer and sequence number,
    ``.PEN_DOWN`` and ``.PEN_UP`` hold a stroke's ``x y`` lines. What UCI publishes is known byte
    for byte, so nothing is checked here.
    """
    return [_parse_segment(segment) for segment in text.split(".SEGMENT")[1:]]


def _parse_segment(segment: str) -> Drawing:
    label, writer = segment.partition(".COMMENT")[2].split()[:2]
    texts = [part.partition(".PEN_UP")[0] for part in segment.split(".PEN_DOWN")[1:]]
    strokes = [np.array(text.split(), np.float64).reshape(-1, 2) for text in texts]
    return Drawing(tuple(stroke * (1, -1) for stroke in strokes if len(stroke)), label, writer)
