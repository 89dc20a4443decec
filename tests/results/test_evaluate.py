"""`compare`, `report` and `evaluate` as a user calls them, on a results folder that was really
trained.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from mnistlab import cli
from mnistlab.book.reading import parse_book
from mnistlab.book.trial import Book
from mnistlab.errors import DataError, StoreError
from mnistlab.images import DIGITS, DataSet, Images
from mnistlab.lab import run_book
from mnistlab.results.evaluate import evaluate
from mnistlab.results.store import Store, StoredRun
from mnistlab.results.summary import read_results
from mnistlab.training.record import Run
from tests.conftest import BASE, random_images
from tests.data.test_idx import write_folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "out"
    run_book(small_book(), learned(), folder, jobs=1)
    return folder


def small_book() -> Book:
    trials = '[[trial]]\nname = "a"\n[[trial]]\nname = "b"\nfrom = "a"\nlearning_rate = 0.001\n'
    return parse_book(f"seeds = 3\nvalidation = 60\n{BASE}{trials}", "tiny", "tiny.toml")


def learned() -> DataSet:
    """What the runs are trained and tested on."""
    return DataSet("tiny", random_images(360), random_images(80, seed=1))


def first(out: Path) -> StoredRun:
    return read_results(Store(out)).runs[0]


def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["mnistlab", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    printed = capsys.readouterr()
    return caught.value.code, printed.out, printed.err


def test_on_the_test_images_of_its_own_data_a_run_has_the_figures_it_stored(out: Path) -> None:
    run = first(out)
    found = evaluate(run.folder, learned())
    assert (found.data, found.own, found.images) == ("tiny", True, 80)
    stored = run.record.scores["test"].model_dump()
    assert found.scores.model_dump() == pytest.approx(stored, abs=1e-5)


def test_of_other_data_too_only_the_test_images_are_used(out: Path) -> None:
    other = DataSet("other", random_images(50, seed=7), random_images(30, seed=8))
    found = evaluate(first(out).folder, other)
    assert (found.data, found.own, found.images) == ("other", False, 30)
    assert found.mistakes.confusion.sum(axis=1).tolist() == [3] * 10


def test_a_runs_own_data_is_known_by_its_images_and_not_by_its_name(out: Path) -> None:
    own, run = learned(), first(out)
    assert evaluate(run.folder, DataSet("mnist", own.train, own.test)).own
    assert evaluate(run.folder, DataSet("fewer", random_images(50), own.test)).own
    assert not evaluate(run.folder, DataSet("tiny", own.train, random_images(80, seed=2))).own


def named(images: Images, classes: tuple[str, ...]) -> DataSet:
    """Images of digits, labelled by their places in `classes`; those of other digits left out."""
    place = [classes.index(name) if name in classes else len(classes) for name in DIGITS]
    labels = np.array(place, np.uint8)[images.labels]
    known = labels < len(classes)
    part = Images(images.pixels[known], labels[known], classes)
    return DataSet("named", part, part)


def test_classes_are_matched_by_name_whatever_their_order_or_number(out: Path) -> None:
    run, test = first(out), learned().test
    found = evaluate(run.folder, named(test, DIGITS[::-1]))
    assert found.own
    assert found.scores.model_dump() == pytest.approx(
        run.record.scores["test"].model_dump(), abs=1e-5
    )
    assert [it.name for it in found.mistakes.recalls] == list(DIGITS)
    some = evaluate(run.folder, named(test, ("7", "3")))
    assert [it.images for it in some.mistakes.recalls] == [0, 0, 0, 8, 0, 0, 0, 8, 0, 0]
    assert some.mistakes.recalls[7] == found.mistakes.recalls[7]


def test_classes_and_colours_that_the_run_does_not_know_are_refused(out: Path) -> None:
    run, test = first(out), learned().test
    strange = named(test, (*DIGITS, "a shoe", "a\u202eb", "c", "d"))
    with pytest.raises(DataError) as caught:
        evaluate(run.folder, strange)
    assert str(caught.value) == (
        "named: the run has no class a shoe, a\\u202eb, c, …; give data of its own, 0, 1, 2, …"
    )
    rgb = Images(test.pixels[..., None].repeat(3, axis=3), test.labels)
    with pytest.raises(DataError) as caught:
        evaluate(run.folder, DataSet("rgb", rgb, rgb))
    assert str(caught.value) == "rgb: RGB images, the run was trained on grey ones; give such"


def test_a_folder_that_is_no_run_or_has_no_network_is_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run's folder"):
        evaluate(out, learned())
    run = first(out)
    diverged = run.record.model_copy(update={"status": "diverged", "epoch": None, "scores": {}})
    stored = Store(tmp_path).write(
        run.folder.name, Run(diverged, {}, np.empty((0, 10), np.float32))
    )
    with pytest.raises(StoreError, match="diverged, so it has no network"):
        evaluate(stored.folder, learned())


def test_compare_says_the_verdict(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = said(monkeypatch, capsys, "compare", str(out), "a", "b")
    assert code == 0
    for expected in (
        "a → b: ",
        "Lowering learning rate from 0.003 to 0.001",
        "n = 3",
        "smoothness",
        "Test images gained",
    ):
        assert expected in printed
    assert "The book does not make this change" not in printed
    code, printed, _ = said(monkeypatch, capsys, "compare", str(out), "b", "a")
    assert code == 0
    assert "Raising learning rate from 0.001 to 0.003" in printed
    assert "The book does not make this change" in printed


def test_compare_and_report_refuse_in_one_line(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = said(monkeypatch, capsys, "compare", str(out), "a", "c")
    assert (code, error) == (2, "mnistlab: c: no such trial here; there are a, b\n")
    code, _, error = said(monkeypatch, capsys, "report", str(tmp_path))
    assert code == 2
    assert "not a results folder" in error
    code, _, error = said(monkeypatch, capsys, "evaluate", str(tmp_path), "--data", "mini")
    assert code == 2
    assert "not a run's folder" in error


def test_report_is_rebuilt_from_the_stored_runs_alone(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("report.md", "report.html", "results.json")
    before = [(out / name).read_bytes() for name in files]
    for name in files:
        (out / name).unlink()
    code, printed, _ = said(monkeypatch, capsys, "report", str(out))
    assert code == 0
    assert str(out / "report.html") in printed
    assert [(out / name).read_bytes() for name in files] == before


def test_evaluate_prints_figures_confusion_and_calibration(
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "tiny").mkdir()
    data = str(write_folder(tmp_path / "tiny", learned()))
    code, printed, _ = said(monkeypatch, capsys, "evaluate", str(first(out).folder), "--data", data)
    assert code == 0
    for expected in (
        "Trial a, seed 0, on 80 test images of tiny",
        "F1 (macro)",
        "taken for",
        "Calibration",
    ):
        assert expected in printed


def test_other_data_of_the_same_size_is_kept_out_of_a_results_folder(out: Path) -> None:
    report, (book, own) = (out / "report.md").read_bytes(), (small_book(), learned())
    other = DataSet("tiny", own.train, random_images(80, seed=2))
    with pytest.raises(StoreError, match="--out"):
        run_book(book, other, out, jobs=1)
    assert np.array_equal(Store(out).test().labels, own.test.labels)
    assert (out / "report.md").read_bytes() == report
