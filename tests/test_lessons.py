"""The lessons: books that run in a lecture, and a page whose figures are those of their runs."""

import json
import struct
from pathlib import Path

import pytest

from benchmarks import lessons
from mnistlab import run_book
from mnistlab.book.reading import read_book
from mnistlab.book.trial import Book, Trial
from mnistlab.images import DataSet

NAMES = tuple(lessons.PICTURES)
KNOWN = json.loads(lessons.FIGURES.read_text("utf-8"))
IMAGES = 4167  # that `mini` has to train on
MAX_MULTIPLICATIONS = 6e12  # of a lesson: two minutes on two cores at 25 thousand million a second


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_about_mini_and_every_trial_asks_something(name: str) -> None:
    book = read_book(name)
    assert book.data == "mini"
    assert len(book.seeds) >= 5
    assert book.trials[0].parent is None
    assert all(trial.parent for trial in book.trials[1:])
    assert all("?" in trial.why for trial in book.trials)


def multiplications(trial: Trial) -> int:
    """Multiply-adds of one image forward; backward takes twice as many again."""
    network, count = trial.network, sum(n * m for n, m in trial.network.linear().values())
    for layer, (channels, side) in zip(network.conv, network.shapes(), strict=False):
        count += layer.out * channels * (layer.kernel * layer.side_before_pool(side)) ** 2
    return count


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_takes_under_two_minutes_on_two_cores(name: str) -> None:
    book = read_book(name)
    passes = sum(multiplications(trial) * trial.training.epochs for trial in book.trials)
    assert 3 * passes * IMAGES * len(book.seeds) < MAX_MULTIPLICATIONS
    assert KNOWN[name]["cpu_seconds"] < 2 * 120


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_those_of_the_book(name: str) -> None:
    book, known = read_book(name), KNOWN[name]
    trials = [(trial.name, trial.network.parameters()) for trial in book.trials]
    assert [(row["trial"], row["weights"]) for row in known["trials"]] == trials
    assert known["seeds"] == len(book.seeds)
    assert {row["n"] + row["not counted"] for row in known["trials"]} == {len(book.seeds)}


def test_the_page_has_every_lesson_its_figures_and_its_picture() -> None:
    page = lessons.PAGE.read_text("utf-8")
    assert lessons.with_figures(page, KNOWN) == page
    for name in NAMES:
        assert f"`mnistlab run {name}`" in page
        assert f"](lessons/{name}.png)" in page
    for title in KNOWN:
        assert f"<!-- trials: {title} -->\n| trial |" in page


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_a_small_png(name: str) -> None:
    data = Path(lessons.FOLDER, f"{name}.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) < 150_000
    width, height = struct.unpack(">II", data[16:24])
    assert width > 800
    assert height > 200


def test_a_page_takes_new_figures_and_keeps_its_words() -> None:
    page = "Words.\n<!-- trials: luck -->\nold\n<!-- end -->\nMore.\n"
    new = lessons.with_figures(page, KNOWN)
    assert "old" not in new
    assert new.startswith("Words.\n<!-- trials: luck -->\n| trial | change |")
    assert new.endswith(" CPU seconds of training.\n<!-- end -->\nMore.\n")
    assert "old" not in lessons.with_figures(page, {})


def test_what_single_runs_would_have_said() -> None:
    found = lessons.luck("b", {0: 0.90, 1: 0.91, 2: 0.92, 9: 0.5}, {0: 0.91, 1: 0.91, 2: 0.919})
    assert found["one seed"] == {"of": 3, "opposite": 1, "none": 1, "large": 1}
    # seeds 0 and 1: +0.01, 0 and 2: +0.019, 1 and 0: 0, 1 and 2: +0.009, 2 and 0 or 1: -0.01
    assert found["own seeds"] == {"of": 6, "opposite": 2, "none": 1, "large": 5}
    assert lessons.twice([0.90, 0.903, 0.905]) == {"pairs": 3, "large": 2}


def test_figures_are_taken_from_the_runs(tiny: DataSet, tiny_book: Book, tmp_path: Path) -> None:
    results = run_book(tiny_book, tiny, tmp_path, jobs=1)
    found = lessons.figures(results)
    scores = {
        (run.record.trial, run.record.seed): run.record.scores["test"].accuracy
        for run in results.runs
    }
    first, second = found["trials"]
    assert first["test"][0] == pytest.approx((scores["a", 0] + scores["a", 1]) / 2)
    assert (first["verdict"], second["verdict"]) == (None, "too few seeds")
    assert [row["trial"] for row in found["luck"]] == ["b"]
    line = lessons.trials_table("tiny", found).splitlines()[3]
    assert line.startswith("| b | from a: learning rate 0.003 → 0.001 |")
    assert line.endswith(" | too few seeds |")
