"""README says what is so: its Python runs, its book is one, its tables name every key and
option.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mnistlab.book.reading import SETTING_KEYS, parse_book, shipped_books

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_in_readme_runs_and_is_short(tmp_path: Path) -> None:
    (code,) = blocks("python")
    assert len(code.splitlines()) < 15
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert len(done.stdout.splitlines()) == 6
    assert "n = 2" in done.stdout


def test_the_book_in_readme_is_one() -> None:
    (text,) = blocks("toml")
    assert [trial.name for trial in parse_book(text, "mine", "mine.toml").trials] == [
        "plain",
        "normed",
    ]


def test_every_setting_and_shipped_book_is_named() -> None:
    for key in SETTING_KEYS:
        assert f"`{key}`" in README
    for book in shipped_books():
        assert f"`{book}`" in README


@pytest.mark.parametrize("command", ["run", "draw", "predict"])
def test_every_option_is_named(command: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "mnistlab", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for option in set(re.findall(r"--[a-z]+", shown.stdout)) - {"--help"}:
        assert f"`{option}" in README, option


ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("benchmarks/*.md"),
    *ROOT.glob("src/**/*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_links_to_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target.replace("%20", " ")).exists(), target
