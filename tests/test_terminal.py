"""What a terminal and a pipe get: where lines end, and what a code page lacks."""

import io
import sys

import pytest

from mnistlab import terminal

SENTENCE = "Lowering weight decay from 0.01 to 0.001 helped: +2.09 points [2.01, 2.17], n = 5."


class Screen(io.StringIO):
    """A terminal of any width."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [20, 50, 80])
def test_sentences_end_between_words_on_a_terminal_and_not_at_all_in_a_pipe(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", screen := Screen())
    monkeypatch.setattr(sys, "stderr", errors := Screen())
    terminal.tell(SENTENCE)
    terminal.complain(f"{SENTENCE} {'/x' * 50}")
    lines = screen.getvalue().splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= columns
    assert [word for line in lines for word in line.split()] == SENTENCE.split()
    assert "/x" * 50 in errors.getvalue().split()
    monkeypatch.setattr(sys, "stdout", pipe := io.StringIO())
    terminal.tell(SENTENCE)
    terminal.say(SENTENCE)
    assert pipe.getvalue() == f"{SENTENCE}\n" * 2


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("cp437", "a ->b: -0.5 ± 1 x … 深"),
        ("cp1252", "a ->b: -0.5 ± 1 × … 深"),
        ("ascii", "a ->b: -0.5 +/- 1 x ... 深"),
        ("utf-8", "a →b: −0.5 ± 1 × … 深"),
    ],
)
def test_what_a_code_page_lacks_is_readable(
    page: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, page))
    monkeypatch.setattr(sys, "stderr", None)  # as of a program without a console
    terminal.prepare()
    terminal.say("a →b: −0.5 ± 1 × … 深")
    expected = shown if page == "utf-8" else shown.replace("深", "?")
    if page == "cp437":
        expected = expected.replace("…", "...")
    assert file.getvalue().decode(page).splitlines() == [expected]
