import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from mnistlab.book.trial import Book
from mnistlab.data.split import Split, split
from mnistlab.errors import StoreError
from mnistlab.images import DataSet
from mnistlab.model.artifact import read_weights
from mnistlab.results.store import Plan, Store
from mnistlab.training.fit import run
from mnistlab.training.record import Run


@pytest.fixture
def parts(tiny: DataSet) -> Split:
    return split(tiny, 60)


@pytest.fixture
def plan(tiny_book: Book, parts: Split) -> Plan:
    return Plan(book=tiny_book, data=parts.info, engine="native", device="cpu")


@pytest.fixture
def finished(plan: Plan, parts: Split) -> Run:
    return run(plan.job(plan.book.trials[0], 0), parts)


def test_a_stored_run_comes_back_in_files_that_others_read(
    plan: Plan, parts: Split, finished: Run, tmp_path: Path
) -> None:
    store = Store(tmp_path / "out")
    store.prepare(plan, parts.test)
    identity = plan.identity(plan.book.trials[0], 0)
    assert store.find(identity) is None
    stored = store.write(identity, finished)
    assert stored.folder == tmp_path / "out" / identity
    assert sorted(path.name for path in stored.folder.iterdir()) == [
        "model.onnx", "predictions.npy", "run.json", "weights.safetensors",
    ]  # fmt: skip
    found = store.find(identity)
    assert found is not None
    assert found.record == finished.record
    np.testing.assert_array_equal(found.predictions(), finished.test_probabilities)
    for name, value in read_weights(stored.folder / "weights.safetensors").items():
        np.testing.assert_array_equal(value, finished.weights[name])
    session = onnxruntime.InferenceSession(
        stored.folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    with np.load(store.folder / "test.npz", allow_pickle=False) as test:
        np.testing.assert_array_equal(test["labels"], parts.test.labels)
        (probabilities,) = session.run(
            ["probabilities"], {"pixels": test["pixels"].astype(np.float32)}
        )
    np.testing.assert_allclose(probabilities, finished.test_probabilities, atol=1e-5)


def test_identity_depends_on_everything_that_decides_the_result(plan: Plan) -> None:
    trial, other = plan.book.trials
    renamed = trial.model_copy(update={"name": "renamed", "why": "another reason"})
    base = plan.identity(trial, 0)
    assert plan.identity(renamed, 0) == base
    data = plan.data
    others = [
        plan.identity(trial, 1),
        plan.identity(other, 0),
        plan.model_copy(update={"device": "cuda"}).identity(trial, 0),
        plan.model_copy(update={"engine": "native-v2"}).identity(trial, 0),
        plan.model_copy(update={"data": data.model_copy(update={"sha256": "0"})}).identity(
            trial, 0
        ),
        plan.model_copy(update={"data": data.model_copy(update={"sizes": {"train": 1}})}).identity(
            trial, 0
        ),
    ]
    assert len({base, *others}) == 7


def test_runs_of_other_seeds_count_and_runs_of_other_settings_do_not(
    plan: Plan, parts: Split, finished: Run, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    store.prepare(plan, parts.test)
    trial = plan.book.trials[0]
    for seed in (7, 0):
        store.write(
            plan.identity(trial, seed),
            Run(
                finished.record.model_copy(update={"seed": seed}),
                finished.weights,
                finished.test_probabilities,
            ),
        )
    store.write("0123456789abcdef", finished)
    assert [(run.record.trial, run.record.seed) for run in store.runs(plan)] == [("a", 0), ("a", 7)]


def test_a_run_stored_under_another_trial_name_takes_the_books_name(
    plan: Plan, parts: Split, finished: Run, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    store.prepare(plan, parts.test)
    store.write(plan.identity(plan.book.trials[0], 0), finished)
    renamed = plan.book.trials[0].model_copy(update={"name": "new name"})
    book = plan.book.model_copy(update={"trials": (renamed,)})
    assert [run.record.trial for run in store.runs(plan.model_copy(update={"book": book}))] == [
        "new name"
    ]


def test_a_diverged_run_is_stored_without_arrays(
    plan: Plan, parts: Split, finished: Run, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    store.prepare(plan, parts.test)
    record = finished.record.model_copy(update={"status": "diverged", "epoch": None, "scores": {}})
    stored = store.write("0" * 16, Run(record, {}, np.empty((0, 10), np.float32)))
    assert [path.name for path in stored.folder.iterdir()] == ["run.json"]
    assert json.loads((stored.folder / "run.json").read_text("utf-8"))["epoch"] is None


def test_the_plan_comes_back_and_test_images_are_written_once(
    plan: Plan, parts: Split, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    store.prepare(plan, parts.test)
    before = (tmp_path / "test.npz").stat().st_mtime_ns
    store.prepare(plan, parts.test)
    assert (tmp_path / "test.npz").stat().st_mtime_ns == before
    assert store.plan() == plan


def test_folders_that_hold_no_results_or_damaged_ones(
    plan: Plan, parts: Split, finished: Run, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="not a results folder"):
        Store(tmp_path).plan()
    store = Store(tmp_path)
    store.prepare(plan, parts.test)
    identity = plan.identity(plan.book.trials[0], 0)
    stored = store.write(identity, finished)
    (stored.folder / "predictions.npy").write_bytes(b"rubbish")
    with pytest.raises(StoreError, match=r"predictions\.npy: damaged or of another version"):
        stored.predictions()
    (stored.folder / "run.json").write_text("{}", "utf-8")
    with pytest.raises(
        StoreError,
        match=r"run\.json: damaged or of another version .*; delete its folder and run the book "
        r"again to make it anew",
    ):
        store.find(identity)
    (tmp_path / "book.json").write_text("[", "utf-8")
    with pytest.raises(
        StoreError,
        match=r"book\.json: damaged .*; run the book again with this --out to make it anew",
    ):
        store.plan()


def test_a_folder_that_is_no_run_of_the_plan_does_not_stop_the_report(
    plan: Plan, parts: Split, finished: Run, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    store.prepare(plan, parts.test)
    identity = plan.identity(plan.book.trials[0], 0)
    store.write(identity, finished)
    (tmp_path / "0123456789abcdef").mkdir()
    (tmp_path / "0123456789abcdef" / "run.json").write_text("{}", "utf-8")
    assert [run.folder.name for run in store.runs(plan)] == [identity]
    (tmp_path / identity / "run.json").write_text("{}", "utf-8")
    with pytest.raises(StoreError, match="damaged or of another version"):
        store.runs(plan)
