"""The report over several data sets: the same in three files, harmless, and in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from mnistlab.book.trial import Trial
from mnistlab.errors import UnfinishedError
from mnistlab.report.across import to_html, to_markdown, write_across
from mnistlab.results.across import read_across, write_sets
from tests.browser import Browser
from tests.made_up import trial
from tests.report.test_pages import EVIL, store_of
from tests.results.test_across import across

TRIALS = [trial("1"), trial("2", "1", 0.0005), trial("3", "2", 0.0007)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def sets_of(folder: Path, trials: list[Trial] = TRIALS, evil: str = "") -> Path:
    """Sets `one` and `two words`; the second has fewer seeds."""
    for name, seeds in (("one", 4), ("two words", 2)):
        store_of(folder / name, trials, seeds, evil)
    write_sets(folder, ["one", "two words"])
    write_across(folder)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sets_of(tmp_path_factory.mktemp("across"))


def texts(folder: Path) -> list[str]:
    markdown = (folder / "report.md").read_text("utf-8").replace("\\", "")
    return [(folder / "report.html").read_text("utf-8"), markdown]


def test_both_pages_and_the_json_say_the_same(made: Path) -> None:
    contract = json.loads((made / "across.json").read_text("utf-8"))
    assert list(contract["data"]) == ["one", "two words"]
    assert [it["trial"] for it in contract["verdicts"]] == ["2", "3"]
    for change, each in zip(read_across(made).changes(), contract["verdicts"], strict=True):
        assert each["n"] == change.over_all.n == 2
        assert each["verdict"] == "too few seeds"
        assert each["on"]["one"]["verdict"] == "helped"
        assert each["apart"] is None
        for text in texts(made):
            assert f"{100 * each['on']['one']['difference']:+.2f} [" in text
            assert f"{100 * each['difference']:+.2f} points" in text
            assert f"Not counted: trial {each['trial']} on two words has no pair with seeds 2 to 3"


def test_markdown_is_a_table_with_a_column_per_set(made: Path) -> None:
    html = MarkdownIt("commonmark").enable("table").render((made / "report.md").read_text("utf-8"))
    assert [html.count(f"<{tag}>") for tag in ("table", "tr", "th")] == [2, 6, 7]
    assert '<a href="two%20words/report.md">two words</a>' in html


def test_effects_that_differ_are_said_to() -> None:
    up = [0.01, 0.011, 0.012]
    found = across([up, [0.0, 0.001, -0.001]], [[-each for each in up], up])
    for write in (to_html, to_markdown):
        text = write(found, found.changes()).replace("\\", "")
        apart = "the intervals on a (+1.10 [0.85, 1.35]) and on b (−1.10 [−1.35, −0.85])"
        assert f"Seen, not tested: {apart} exclude each other." in text
        assert text.count("Seen, not tested") == 2
        assert "made no difference that matters: 0.00 points" in text


def test_what_cannot_be_written_is_unfinished_work(tmp_path: Path) -> None:
    store_of(tmp_path / "one", TRIALS)
    write_sets(tmp_path, ["one"])
    (tmp_path / "across.json").mkdir()
    with pytest.raises(UnfinishedError, match="cannot be written"):
        write_across(tmp_path)


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_in_a_browser(made: Path, browser: Browser, width: int) -> None:
    browser.open(made / "report.html", width)
    assert browser.complaints == []
    assert browser.requests == [(made / "report.html").as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.querySelectorAll('#changes tbody td').length") == 8
    target = browser.run("document.querySelectorAll('nav a')[1].href")
    assert target == (made / "two words" / "report.html").as_uri()


def test_nothing_that_came_in_with_a_name_can_run(tmp_path: Path, browser: Browser) -> None:
    folder = sets_of(tmp_path, evil=EVIL)
    browser.open(folder / "report.html")
    assert browser.complaints == []
    assert browser.run("document.querySelectorAll('script, img').length") == 0
    assert EVIL in browser.run("document.querySelector('h1').textContent")
    html = (
        MarkdownIt("commonmark").enable("table").render((folder / "report.md").read_text("utf-8"))
    )
    assert "<script" not in html
    assert 'href="javascript' not in html
