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
    drawing = Drawing((np.array([[1.0, 2.5], [3, 4]]), np.array([[0.0, 0]])), "9", "12")
    path = tmp_path / "folder" / "mine.jsonl"
    append_drawing(path, drawing)
    append_drawing(path, Drawing(drawing.strokes))
    first, second = read_strokes(path)
    assert (first.label, first.writer) == ("9", "12")
    assert (second.label, second.writer) == (None, None)
    assert [stroke.tolist() for stroke in first.strokes] == [[[1.0, 2.5], [3.0, 4.0]], [[0.0, 0.0]]]
    assert json.loads(path.read_text("utf-8").splitlines()[0])["label"] == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "the line: input should be an object"),
        ("{}", "strokes: field required"),
        ('{"strokes": 3}', "strokes: input should be a valid array"),
        ('{"strokes": [[1, 2]]}', r"strokes\.0\.0: input should be a valid array"),
        ('{"strokes": [3]}', r"strokes\.0: input should be a valid array"),
        ('{"strokes": [[[1, 2, 3]]]}', "at most 2 items"),
        ('{"strokes": [[["1", 2]]]}', r"strokes\.0\.0\.0: input should be a valid number"),
        ('{"strokes": [[[true, 2]]]}', "a valid number"),
        ('{"strokes": [[[NaN, 2]]]}', "finite"),
        ('{"strokes": [[[Infinity, 2]]]}', "finite"),
        ('{"strokes": [[[1e300, 2]]]}', "less than or equal to 1000000000"),
        ('{"strokes": [[[1' + "0" * 400 + ", 2]]]}", "finite"),
        ('{"strokes": [[[1' + "0" * 5000 + ", 2]]]}", "not JSON"),
        ('{"strokes": [], "label": true}', "label"),
        ('{"strokes": [], "label": 9.5}', "label"),
        ('{"strokes": [], "label": ""}', "label"),
        ('{"strokes": [], "label": [9]}', "label"),
        ('{"strokes": [], "label": "' + "x" * 101 + '"}', "label"),
        ('{"strokes": [], "label": 1' + "0" * 100 + "}", "label"),
        ('{"strokes": [], "label": "a\\u001bb"}', "label"),
        ('{"strokes": [], "writer": [1]}', "writer"),
        ('{"strokes": [], "writer": 1' + "0" * 200 + "}", "writer"),
        ('{"strokes": [], "writer": "' + "x" * 101 + '"}', "writer"),
        ('{"strokes": [[' + ",".join(["[1]"] * 600_000) + "]]}", "field required"),
    ],
)
def test_a_bad_line_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(LabError, match=said) as caught:
        parse_drawing(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("written", "label", "kept"),
    [
        ("9", "9", "9"),
        ('"9"', "9", "9"),
        ("10", "10", '"10"'),
        ('"T-shirt/top"', "T-shirt/top", '"T-shirt/top"'),
        ('"é"', "é", '"\\u00e9"'),
        ('"09"', "09", '"09"'),
        ("null", None, None),
    ],
)
def test_a_label_is_a_number_or_a_name(written: str, label: str | None, kept: str | None) -> None:
    drawing = parse_drawing(f'{{"strokes": [], "label": {written}}}')
    assert drawing.label == label
    line = format_drawing(drawing)  # digits as numbers, as others read them
    assert line == ('{"strokes":[]}' if kept is None else f'{{"strokes":[],"label":{kept}}}')
    assert parse_drawing(line).label == label


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


WHOLE = Drawing((np.array([[1.0, 2.0], [3.0, 4.0]]),), "3")


def test_half_a_line_is_taken_away_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    append_drawing(path, WHOLE)
    with path.open("ab") as file:
        file.write(format_drawing(WHOLE).encode()[:20])  # as a killed process leaves it
    append_drawing(path, WHOLE)
    assert len(read_strokes(path)) == 2


def test_a_whole_line_without_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"strokes": []}\nnot ours\n{"strokes": [], "label": 8}', "utf-8")
    append_drawing(path, WHOLE)
    assert path.read_bytes().splitlines()[1] == b"not ours"
    assert parse_drawing(path.read_bytes().splitlines()[2]).label == "8"
    assert parse_drawing(path.read_bytes().splitlines()[3]).label == "3"


def test_what_cannot_be_written_whole_is_not_written(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="a full disk is played by a limit")
    path = tmp_path / "mine.jsonl"
    append_drawing(path, WHOLE)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(LabError, match=r"mine\.jsonl: cannot be written \("):
            append_drawing(path, WHOLE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    append_drawing(path, WHOLE)
    assert path.read_bytes() == 2 * before


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_no_file_can_have(name: str) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        read_strokes(Path(name))


def test_pen_digits() -> None:
    eight, four = parse_pendigits(PENDIGITS)
    assert (eight.label, eight.writer, len(eight.strokes)) == ("8", "12", 1)
    assert (four.label, four.writer, len(four.strokes)) == ("4", "3", 2)
    assert eight.strokes[0].tolist() == [[267, -333], [260, -340]]  # y points up in the file
