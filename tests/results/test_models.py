"""Which models a place offers."""

import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from mnistlab.book.trial import Book
from mnistlab.errors import StoreError
from mnistlab.images import DataSet
from mnistlab.lab import run_book
from mnistlab.model.predictor import open_model
from mnistlab.results.models import best_model, find_models
from mnistlab.results.store import Store, check_run
from mnistlab.training.record import Run


def test_a_results_folder_offers_each_trials_best_run(
    tiny: DataSet, tiny_book: Book, tmp_path: Path
) -> None:
    results = run_book(tiny_book, tiny, tmp_path / "out", jobs=1, device="cpu")
    found = find_models(tmp_path / "out")
    assert [name for name, _ in found] == ["a", "b"]
    for name, path in found:
        losses = {
            r.seed: r.scores["validation"].loss or 0.0 for r in results.records if r.trial == name
        }
        assert f'"seed": {min(losses, key=losses.__getitem__)},' in (
            path.parent / "run.json"
        ).read_text("utf-8")
        assert open_model(path, name).name == name
    ((name, path),) = find_models(found[0][1].parent)
    assert path == found[0][1]
    assert find_models(path) == [("model", path)]


def test_the_best_model_is_the_best_trials_best_run(
    tiny: DataSet, tiny_book: Book, tmp_path: Path
) -> None:
    results = run_book(tiny_book, tiny, tmp_path / "out", jobs=1, device="cpu")
    best = results.best()
    assert best is not None
    assert best.trial == "a"  # b learns more slowly
    reversed_book = tiny_book.model_copy(update={"trials": tiny_book.trials[::-1]})
    run_book(reversed_book, tiny, tmp_path / "out", jobs=1, device="cpu")
    assert [name for name, _ in find_models(tmp_path / "out")] == ["b", "a"]
    name, path = best_model(tmp_path / "out")
    assert (name, path) == find_models(tmp_path / "out")[1]
    assert best_model(path) == ("model", path)


def test_a_damaged_model_is_named_by_its_path(
    tiny: DataSet, tiny_book: Book, tmp_path: Path
) -> None:
    run_book(tiny_book, tiny, tmp_path / "out", only=["a"], jobs=1, device="cpu")
    ((name, path),) = find_models(tmp_path / "out")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError) as caught:
        open_model(path, name)
    assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(StoreError, match=r"model\.onnx: damaged"):
        find_models(path.parent)  # its hash tells, even where it could still be opened


def test_runs_without_a_model_are_passed_over_and_say_why_where_there_is_no_other(
    tiny: DataSet, tiny_book: Book, tmp_path: Path
) -> None:
    results = run_book(tiny_book, tiny, tmp_path / "out", jobs=1, device="cpu")
    best, store = results.best(), Store(tmp_path / "out")
    assert best is not None
    assert best.trial == "a"

    def take_away(folder: Path) -> None:
        run = check_run(folder)
        record = run.record.model_copy(update={"no_model": "has Shape"})
        weights = load_file(folder / "weights.safetensors")
        store.write(folder.name, Run(record, weights, run.predictions()), replace=True)

    before = best_model(store.folder)[1].parent
    take_away(before)
    assert [name for name, _ in find_models(store.folder)] == ["a", "b"]
    assert best_model(store.folder)[1].parent != before  # the trial's other seed
    take_away(best_model(store.folder)[1].parent)
    assert [name for name, _ in find_models(store.folder)] == ["b"]
    said = "this run has no model.onnx: has Shape; give another run"
    for place in (store.folder, before):
        with pytest.raises(StoreError, match=said):
            best_model(place)
    for run in results.runs:
        take_away(run.folder)
    with pytest.raises(StoreError, match=said):
        find_models(store.folder)


def test_places_without_a_model(tiny: DataSet, tiny_book: Book, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none", tmp_path / ("n" * 300), Path("\0")):
        with pytest.raises(StoreError, match="no model there"):
            find_models(place)
    run_book(tiny_book, tiny, tmp_path / "out", only=["a"], jobs=1, device="cpu")
    for run in (tmp_path / "out").glob("*/run.json"):
        shutil.rmtree(run.parent)
    with pytest.raises(StoreError, match="no finished run"):
        find_models(tmp_path / "out")
