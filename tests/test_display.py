"""What the command line prints of data and of mistakes, for few and many classes."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mnistlab import display, progress, terminal
from mnistlab.book.trial import Book
from mnistlab.data.split import split
from mnistlab.images import DataSet, Images
from mnistlab.report.verdict_words import prospects_words
from mnistlab.results.evaluate import Evaluation
from mnistlab.results.looks import plan_looks
from mnistlab.results.mistakes import TestPredictions as Predictions
from mnistlab.results.mistakes import find_mistakes
from mnistlab.results.plan import Plan
from mnistlab.results.store import StoredRun
from mnistlab.results.summary import Results
from mnistlab.training.record import Epoch, Job
from mnistlab.training.scores import score
from tests.made_up import INFO, record, runs, trial

CLOTHES = ("T-shirt/top", "Ankle boot", "血小板\x1b[31m")


def images(labels: list[int], classes: tuple[str, ...], channels: int = 1) -> Images:
    shape = (len(labels), 28, 28) if channels == 1 else (len(labels), 28, 28, channels)
    return Images(np.zeros(shape, np.uint8), np.array(labels, np.uint8), classes)


def test_data_is_told_class_by_class_and_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    train, test = images([0] * 1200 + [1, 2], CLOTHES, 3), images([2, 2], CLOTHES, 3)
    remarks = ("images were scaled", "3 files were skipped")
    display.print_data(DataSet("clothes", train, test, images([1], CLOTHES, 3), remarks))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("clothes: 28×28 pixels, RGB, 3 classes, SHA-256 ")
    assert lines[1:3] == list(remarks)
    assert [line.split() for line in lines[3:]] == [
        ["class", "train", "validation", "test"],
        ["T-shirt/top", "1,200", "0", "0"],
        ["Ankle", "boot", "1", "1", "0"],
        ["血小板\\x1b[31m", "1", "0", "2"],
        ["all", "1,202", "1", "2"],
    ]


def printed(classes: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is said of a run that takes the last of four images of class 1 for one of class 0."""
    labels, table = np.array([1, 1, 1, 1], np.uint8), np.full((4, len(classes)), 0.001, np.float32)
    table[np.arange(4), [1, 1, 1, 0]] = 1 - table[0, 2:].sum()
    found = find_mistakes(Predictions((0,), table[None], labels, classes))
    run = StoredRun(record("a", 0), Path())
    display.print_evaluation(Evaluation(run, "data", False, 4, score(table, labels), found))
    return capsys.readouterr().out.splitlines()


def test_few_classes_have_a_matrix_under_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(CLOTHES, capsys)
    head = next(index for index, line in enumerate(lines) if line.startswith("truly"))
    assert lines[head].split() == ["truly", "T-sh…", "Ankl…", "血小…", "recall"]
    assert lines[head + 2].split()[:7] == ["Ankle", "boot", "1", "3", "0", "75.0", "%"]
    assert lines[head + 3].split()[1:] == ["0", "0", "0", "–"]
    assert "“Ankle boot” taken for “T-shirt/top”: 1 of 4" in lines


def test_many_classes_have_recalls_and_pairs_and_no_matrix(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = printed(tuple(f"class {number}" for number in range(47)), capsys)
    assert max(map(len, lines)) <= 79
    assert [line.split() for line in lines if line.startswith("class 1 ")] == [
        ["class", "1", "4", "75.0", "%", "[30.1,", "95.4]"]
    ]
    assert sum(line.startswith("class ") for line in lines) == 47
    assert lines[lines.index("Confused most:") + 1] == "“class 1” taken for “class 0”: 1 of 4"


@pytest.mark.parametrize("own", [True, False])
def test_what_is_said_before_the_first_run(
    own: bool, tiny: DataSet, tiny_book: Book, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tiny.train[np.arange(40)] if own else None
    data = DataSet("tiny", tiny.train, tiny.test, given, ("images were scaled",))
    book = tiny_book.model_copy(update={"validation": 100})
    plan = Plan(book=book, data=split(data, 100).info, engine="native", device="cpu")
    progress.RunDisplay(data).on_start(plan)
    came = "40 images that came with the data"
    share = "60 images, a sixth of the training images (the book asks for 100)"
    said = ["tiny: images were scaled", f"validation: {came if own else share}"]
    assert capsys.readouterr().out.splitlines() == [*said, f"verdicts: {prospects_words(plan)}"]


def test_a_book_without_changes_has_no_prospects(
    tiny: DataSet, tiny_book: Book, capsys: pytest.CaptureFixture[str]
) -> None:
    book = tiny_book.model_copy(update={"trials": tiny_book.trials[:1], "validation": 60})
    plan = Plan(book=book, data=split(tiny, 60).info, engine="native", device="cpu")
    progress.RunDisplay(tiny).on_start(plan)
    assert capsys.readouterr().out == ""


def test_results_name_the_best_and_say_what_each_change_did(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trials = (trial("1"), trial("2", "1", 0.25))
    book = Book(name="made-up", title="", seeds=(0, 1, 2), trials=trials)
    plan = Plan(book=book, data=INFO, engine="native", device="cpu", looks=plan_looks(3, 6))
    records = runs("1", [0.5, 0.51, 0.5]) + runs("2", [0.51, 0.5, 0.5])
    display.print_results(Results(plan, tuple(StoredRun(it, Path()) for it in records)))
    verdict, best, *_ = capsys.readouterr().out.splitlines()
    assert best.startswith("Best: 1, not told from 2. Highest mean validation accuracy, over the 3")
    assert verdict.startswith("2 from 1: Raising learning rate from 0.001 to 0.25 made no clear")
    assert verdict.endswith(" Open after look 1 of 2, after 3 seeds; the next is after 6.")


@pytest.mark.parametrize("columns", [50, 80, 120, 200])
@pytest.mark.parametrize("name", ["2", "a name of some thirty letters", "x" * 60])
def test_results_fit_the_terminal_and_no_figure_is_cut(
    columns: int, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "width", lambda _: columns)
    monkeypatch.setattr(progress, "width", lambda _: columns)
    trials = (trial("1"), trial(name, "1", 0.25))
    plan = Plan(
        book=Book(name="made-up", title="", seeds=(0, 1, 2), trials=trials),
        data=INFO, engine="native", device="cpu",
    )  # fmt: skip
    records = [
        record(each, seed, share, share)
        for each in ("1", name)
        for seed, share in enumerate([0.5, 0.51, 0.5] if each == "1" else [0.51, 0.5, 0.5])
    ]
    display.print_results(Results(plan, tuple(StoredRun(it, Path()) for it in records)))
    out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    lines = out.splitlines()
    assert all(len(line) <= columns for line in lines if name not in line or len(name) < 60)
    said = " ".join(line.strip() for line in lines)
    assert "Raising learning rate from 0.001 to 0.25 made no clear difference: " in said
    head = next(line for line in lines if line.startswith("trial "))
    assert head.split()[-4:] == ["test", "acc", "test", "loss"] or columns == 50
    assert "change" in head or columns == 50 or (columns == 80 and len(name) > 20)
    (row,) = (line for line in lines if line.startswith("1 "))
    assert "3   0.5033  0.5033 ± 0.0143     0.0600" in row or columns == 50
    assert "0.5033 ± 0.0143" in row


@pytest.mark.parametrize(("columns", "name"), [(50, "4"), (50, "x" * 60), (80, "x" * 60)])
def test_live_progress_has_room_for_all_that_matters(
    columns: int, name: str, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "width", lambda _: columns)
    shown = progress.RunDisplay(tiny)
    jobs = [Job(trial(name), seed, "native") for seed in range(20)]
    shown.on_jobs(jobs)
    shown.on_epoch(jobs[17], epoch(3))
    screen = io.StringIO()
    Console(file=screen, width=columns).print(shown.progress.get_renderable())
    total, run = screen.getvalue().splitlines()
    assert total.startswith("0 of 20 runs ")
    assert "time left: " in total
    assert run.startswith(f"trial {name[:4]}")
    assert " seed 17 " in run
    assert "epoch 3/8, val loss 0.1000" in run
    assert run.count("…") == (len(name) > 30)  # of the name alone


def epoch(number: int) -> Epoch:
    return Epoch(
        epoch=number, train_loss=0.1, train_accuracy=0.9, validation_loss=0.1,
        validation_accuracy=0.9, seconds=0.1,
    )  # fmt: skip
