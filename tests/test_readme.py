"""README says what is so: its Python runs, its book is one, it names every key and option."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mnistlab import cli
from mnistlab.book.reading import SETTING_KEYS, parse_book, shipped_books

COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_in_readme_runs_and_is_short(tmp_path: Path) -> None:
    (code,) = blocks("python")
    assert len(code.splitlines()) < 15
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert len(done.stdout.splitlines()) == 6
    assert "n = 2" in done.stdout


def test_the_book_in_readme_is_one() -> None:
    (text,) = blocks("toml")
    trials = parse_book(text, "mine", "mine.toml").trials
    assert [trial.name for trial in trials] == ["plain", "normed"]


def test_every_setting_and_shipped_book_is_named() -> None:
    for key in SETTING_KEYS:
        assert f"`{key}`" in README
    for book in shipped_books():
        assert f"`{book}`" in README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_named(command: str) -> None:
    assert f"`mnistlab {command}" in README
    for parameter in COMMANDS[command].params:
        for option in parameter.opts:
            assert not option.startswith("--") or f"`{option}" in README or f" {option} " in README


ROOT = Path(__file__).parents[1]
FOLDERS = ["*.md", "docs/**/*.md", "benchmarks/*.md", "src/**/*.md"]
PAGES = [page for folder in FOLDERS for page in ROOT.glob(folder)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_links_to_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target.replace("%20", " ")).exists(), target


def test_the_tree_names_every_module_and_none_that_is_not_there() -> None:
    tree = README.split("```\nsrc/mnistlab/\n")[1].split("hatch_build.py")[0]
    named = set(re.findall(r"\w+\.py\b", tree))
    source = ROOT / "src" / "mnistlab"
    there = {path.name for path in source.rglob("*.py") if not path.name.startswith("__")}
    assert named == there
