"""Strokes: what a pen did, read from and written to JSON Lines, and read from UCI's pen digits.

A line of a strokes file is one drawing: ``{"strokes": [[[x, y], …], …], "label": 9, "writer":
"12"}``, label and writer optional, any units, y pointing down.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mnistlab.errors import DataError

MAX_POINTS = 50_000
MAX_LINE_BYTES = 2_500_000
MAX_DRAWINGS = 1_000_000

Stroke = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drawing:
    """Strokes, each ``(n, 2) float64`` with y down, and what is known about them."""

    strokes: tuple[Stroke, ...]
    label: int | None = None
    writer: str | None = None


def parse_drawing(text: str | bytes) -> Drawing:
    """Return the drawing that one line of a strokes file holds; raise DataError saying what is
    wrong.
    """
    if len(text) > MAX_LINE_BYTES:
        raise DataError(
            f"a drawing of more than {MAX_LINE_BYTES:,} bytes: split it or sample it less densely"
        )
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError('not JSON: expected {"strokes": [[[x, y], …], …]}') from None
    if not isinstance(found, dict) or not isinstance(found.get("strokes"), list):
        raise DataError('no "strokes": expected {"strokes": [[[x, y], …], …]}')
    return Drawing(
        _checked_strokes(found["strokes"]),
        _checked_label(found.get("label")),
        _checked_writer(found.get("writer")),
    )


def format_drawing(drawing: Drawing) -> str:
    """Return the drawing as one line of a strokes file, without the line end."""
    record: dict[str, Any] = {
        "strokes": [np.round(stroke, 2).tolist() for stroke in drawing.strokes]
    }
    if drawing.label is not None:
        record["label"] = drawing.label
    if drawing.writer is not None:
        record["writer"] = drawing.writer
    return json.dumps(record, separators=(",", ":"))


def stroke_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield ``(line number, line)`` for the lines that are not blank, never holding more than one
    in memory.

    A line that is too long is yielded cut, still too long for `parse_drawing`, which then refuses
    it.
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
    """Return every drawing of a strokes file; raise DataError naming the file and the first line
    that is wrong.
    """
    drawings = []
    try:
        with path.open("rb") as stream:
            for number, line in stroke_lines(stream):
                try:
                    drawings.append(parse_drawing(line))
                except DataError as error:
                    raise DataError(f"{path}, line {number}: {error}") from None
                if len(drawings) > MAX_DRAWINGS:
                    raise DataError(f"{path}: more than {MAX_DRAWINGS:,} drawings: split the file")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): check the path") from None
    return drawings


def append_drawing(path: Path, drawing: Drawing) -> None:
    """Add one drawing to a strokes file, creating it and its folder where they lack."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(format_drawing(drawing) + "\n")
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}): choose another folder"
        ) from None


def parse_pendigits(text: str) -> list[Drawing]:
    """Return the drawings of UCI's UNIPEN-like pen digits, y flipped to point down, writers as
    ``"0"``, ``"1"`` ….

    ``.SEGMENT DIGIT 0 ? "8"`` starts a digit, ``.COMMENT 8 12 224`` is its label, writer and
    sequence number, ``.PEN_DOWN`` and ``.PEN_UP`` hold a stroke's ``x y`` lines. Raises DataError
    naming the line that is wrong.
    """
    drawings: list[Drawing] = []
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith(".SEGMENT")]
    if not starts:
        raise DataError("pen digits: no .SEGMENT line: not the file that UCI publishes")
    for start, stop in pairwise([*starts, len(lines)]):
        drawings.append(_parse_segment(lines[start:stop], start + 1))
    return drawings


def _parse_segment(lines: list[str], first: int) -> Drawing:
    strokes: list[list[list[float]]] = []
    writer = None
    try:
        label = int(lines[0].split('"')[1])
        for line in lines[1:]:
            words = line.split()
            if line.startswith(".COMMENT") and len(words) >= 3 and words[2].isdigit():
                writer = words[2]
            elif line.startswith(".PEN_DOWN"):
                strokes.append([])
            elif words and not line.startswith("."):
                strokes[-1].append([float(words[0]), -float(words[1])])
    except (ValueError, IndexError):
        raise DataError(
            f"pen digits, near line {first}: unreadable: fetch the file again"
        ) from None
    try:
        return Drawing(_checked_strokes(strokes), _checked_label(label), writer)
    except DataError as error:
        raise DataError(f"pen digits, near line {first}: {error}") from None


def _checked_strokes(strokes: list[Any]) -> tuple[Stroke, ...]:
    if not all(isinstance(stroke, list) for stroke in strokes):
        raise DataError(
            "strokes are nested wrongly: expected a list of strokes, each a list of [x, y]"
        )
    if sum(map(len, strokes)) > MAX_POINTS:
        raise DataError(
            f"{sum(map(len, strokes)):,} points in one drawing, at most {MAX_POINTS:,}: sample "
            f"it less densely"
        )
    return tuple(_checked_stroke(stroke) for stroke in strokes if stroke)


def _checked_stroke(stroke: list[Any]) -> Stroke:
    for point in stroke:
        if not (
            isinstance(point, list)
            and len(point) == 2
            and all(type(v) in (int, float) for v in point)
        ):
            raise DataError("strokes are nested wrongly: expected points [x, y] of two numbers")
    try:
        points = np.array(stroke, dtype=np.float64)
    except OverflowError:
        raise DataError("a coordinate is too large: every x and y must lie within ±1e9") from None
    if not (np.abs(points) <= 1e9).all():
        raise DataError(
            "a coordinate is not finite or too large: every x and y must lie within ±1e9"
        )
    return points


def _checked_label(label: Any) -> int | None:
    if label is not None and (type(label) is not int or not 0 <= label <= 9):
        raise DataError(f'"label" is {str(label)[:20]!r}: expected a digit 0 to 9')
    return label


def _checked_writer(writer: Any) -> str | None:
    if writer is None:
        return None
    if type(writer) not in (str, int) or len(str(writer)) > 100:
        raise DataError('"writer" must be a short text or whole number')
    return str(writer)
