"""Strokes files and UCI's pen digits: what is read, and how everything else is refused."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.strokes import (
    MAX_LINE_BYTES,
    MAX_POINTS,
    Drawing,
    append_drawing,
    format_drawing,
    parse_drawing,
    parse_pendigits,
    read_strokes,
    stroke_lines,
)
from mnistlab.errors import LabError

PENDIGITS = """.INCLUDE        dene.doc

.SEGMENT DIGIT    0 ? "8"
.COMMENT 8 12  224
.PEN_DOWN
 267  333
 260  340
.PEN_UP
.DT 100
.SEGMENT DIGIT    1 ? "4"
.COMMENT 4 3  225
.PEN_DOWN
 1 2
.PEN_UP
.PEN_DOWN
 3 4
 5 6
.PEN_UP
"""


def test_there_and_back(tmp_path: Path) -> None:
    drawing = Drawing((np.array([[1.0, 2.5], [3, 4]]), np.array([[0.0, 0]])), 9, "12")
    path = tmp_path / "folder" / "mine.jsonl"
    append_drawing(path, drawing)
    append_drawing(path, Drawing(drawing.strokes))
    first, second = read_strokes(path)
    assert (first.label, first.writer) == (9, "12")
    assert (second.label, second.writer) == (None, None)
    assert [stroke.tolist() for stroke in first.strokes] == [[[1.0, 2.5], [3.0, 4.0]], [[0.0, 0.0]]]
    assert json.loads(path.read_text("utf-8").splitlines()[0])["label"] == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", 'no "strokes"'),
        ('{"strokes": 3}', 'no "strokes"'),
        ('{"strokes": [[1, 2]]}', "nested wrongly"),
        ('{"strokes": [3]}', "nested wrongly"),
        ('{"strokes": [[[1, 2, 3]]]}', "nested wrongly"),
        ('{"strokes": [[["1", 2]]]}', "nested wrongly"),
        ('{"strokes": [[[true, 2]]]}', "nested wrongly"),
        ('{"strokes": [[[NaN, 2]]]}', "not finite"),
        ('{"strokes": [[[Infinity, 2]]]}', "not finite"),
        ('{"strokes": [[[1e300, 2]]]}', "too large"),
        ('{"strokes": [[[1' + "0" * 400 + ", 2]]]}", "too large"),
        ('{"strokes": [[[1' + "0" * 5000 + ", 2]]]}", "not JSON"),
        ('{"strokes": [], "label": 10}', "label"),
        ('{"strokes": [], "label": "9"}', "label"),
        ('{"strokes": [], "label": true}', "label"),
        ('{"strokes": [], "writer": [1]}', "writer"),
    ],
)
def test_a_bad_line_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(LabError, match=said) as caught:
        parse_drawing(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_too_many_points_are_refused() -> None:
    drawing = Drawing((np.zeros((MAX_POINTS, 2)),))
    assert len(parse_drawing(format_drawing(drawing)).strokes[0]) == MAX_POINTS
    with pytest.raises(LabError, match="200,000 points"):
        parse_drawing('{"strokes":[[' + ",".join(["[1,2]"] * 200_000) + "]]}")
    with pytest.raises(LabError, match="bytes"):
        parse_drawing('{"strokes":[[' + ",".join(["[1,2]"] * 1_000_000) + "]]}")


def test_an_endless_line_is_never_held_whole() -> None:
    stream = io.BytesIO(
        b'{"strokes": []}\n\n' + b"1" * (3 * MAX_LINE_BYTES) + b"\n" + b'{"strokes": []}'
    )
    lines = list(stroke_lines(stream))
    assert [number for number, _ in lines] == [1, 3, 4]
    assert len(lines[1][1]) <= MAX_LINE_BYTES + 2
    with pytest.raises(LabError, match="bytes"):
        parse_drawing(lines[1][1])


def test_a_bad_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"strokes": []}\n\n{"strokes": 1}\n')
    with pytest.raises(LabError, match=r"mine\.jsonl, line 3: "):
        read_strokes(path)
    with pytest.raises(LabError, match="cannot be read"):
        read_strokes(tmp_path / "none.jsonl")
    with pytest.raises(LabError, match="cannot be written"):
        append_drawing(path / "below" / "a-file.jsonl", Drawing(()))


def test_pen_digits() -> None:
    eight, four = parse_pendigits(PENDIGITS)
    assert (eight.label, eight.writer, len(eight.strokes)) == (8, "12", 1)
    assert (four.label, four.writer, len(four.strokes)) == (4, "3", 2)
    assert eight.strokes[0].tolist() == [[267, -333], [260, -340]]  # y points up in the file


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        '.SEGMENT DIGIT 0 ? "x"',
        ".SEGMENT DIGIT 0",
        '.SEGMENT DIGIT 0 ? "1"\n 3 4',
        '.SEGMENT DIGIT 0 ? "1"\n.PEN_DOWN\n 3 a',
        '.SEGMENT DIGIT 0 ? "1"\n.PEN_DOWN\n nan 1',
    ],
)
def test_bad_pen_digits_are_refused(text: str) -> None:
    with pytest.raises(LabError, match="pen digits"):
        parse_pendigits(text)
