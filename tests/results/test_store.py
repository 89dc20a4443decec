import hashlib
import io
import json
import os
import shutil
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors.numpy import load_file

from mnistlab import atomic
from mnistlab.book.module import Module
from mnistlab.book.trial import Book, Network
from mnistlab.data.split import Split, split
from mnistlab.errors import StoreError
from mnistlab.images import DataSet
from mnistlab.results.plan import Plan
from mnistlab.results.store import Store, check_run
from mnistlab.training.fit import run
from mnistlab.training.record import Run
from tests.conftest import random_images

FILES = ["model.onnx", "predictions.npy", "run.json", "weights.safetensors"]


@pytest.fixture
def parts(tiny: DataSet) -> Split:
    return split(tiny, 60)


@pytest.fixture
def plan(tiny_book: Book, parts: Split) -> Plan:
    return Plan(book=tiny_book, data=parts.info, engine="native", device="cpu")


@pytest.fixture
def finished(plan: Plan, parts: Split) -> Run:
    return run(plan.job(plan.book.trials[0], 0), parts)


@pytest.fixture
def identity(plan: Plan) -> str:
    """Of the run that is finished."""
    return plan.identity(plan.book.trials[0], 0)


@pytest.fixture
def store(plan: Plan, parts: Split, finished: Run, identity: str, tmp_path: Path) -> Store:
    """A results folder with that run."""
    store = Store(tmp_path / "out")
    store.prepare(plan, parts.test)
    store.write(identity, finished)
    return store


def edited(run: Run, **values: Any) -> Run:
    return replace(run, record=run.record.model_copy(update=values))


def sealed(values: dict[str, Any]) -> str:
    """JSON with its own hash, worked out apart from the store."""
    values.pop("sha256", None)
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    values["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    return json.dumps(values, indent=1)


def forge(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit a JSON file of the store and give it the hash of what it then holds."""
    values = json.loads(path.read_text("utf-8"))
    edit(values)
    path.write_text(sealed(values), "utf-8")


def forge_file(book_or_run: Path, name: str, content: bytes) -> None:
    """Change a file, and its hash beside it."""
    (book_or_run.parent / name).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    forge(book_or_run, lambda values: values["files"].update({name: sha256}))


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_stored_run_comes_back_in_files_that_others_read(
    plan: Plan, parts: Split, finished: Run, tmp_path: Path
) -> None:
    store = Store(tmp_path / "out")
    store.prepare(plan, parts.test)
    identity = plan.identity(plan.book.trials[0], 0)
    assert store.find(identity) is None
    stored = store.write(identity, finished)
    assert stored.folder == tmp_path / "out" / identity
    assert sorted(path.name for path in stored.folder.iterdir()) == FILES
    found = store.find(identity)
    assert found is not None
    assert found.record == finished.record
    np.testing.assert_array_equal(found.predictions(), finished.test_probabilities)
    for name, value in load_file(stored.folder / "weights.safetensors").items():
        np.testing.assert_array_equal(value, finished.weights[name])
    session = onnxruntime.InferenceSession(
        stored.folder / "model.onnx", providers=["CPUExecutionProvider"]
    )
    (packed,) = store.folder.glob("test-*.npz")
    with np.load(packed, allow_pickle=False) as test:
        np.testing.assert_array_equal(test["labels"], parts.test.labels)
        np.testing.assert_array_equal(store.test().pixels, test["pixels"])
        (probabilities,) = session.run(
            ["probabilities"], {"pixels": test["pixels"].astype(np.float32)}
        )
    np.testing.assert_allclose(probabilities, finished.test_probabilities, atol=1e-5)


def test_the_model_carries_its_own_threshold_of_unsure(
    store: Store, finished: Run, identity: str
) -> None:
    store.write(identity, edited(finished, unsure_below=0.75), replace=True)
    model = onnx.load(store.folder / identity / "model.onnx")
    said = {it.key: it.value for it in model.metadata_props}
    assert said.pop("classes") == json.dumps([*"0123456789"])
    assert said == {"unsure_below": "0.75"}


def test_json_files_hold_the_hashes_of_their_files_and_of_themselves(
    store: Store, identity: str
) -> None:
    for file in (store.folder / "book.json", store.folder / identity / "run.json"):
        values = json.loads(file.read_text("utf-8"))
        assert sealed(values) == file.read_text("utf-8")
        for name, sha256 in values["files"].items():
            assert hashlib.sha256((file.parent / name).read_bytes()).hexdigest() == sha256
    assert sorted([*values["files"], "run.json"]) == FILES


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
    plan: Plan, store: Store, finished: Run
) -> None:
    store.write(plan.identity(plan.book.trials[0], 7), edited(finished, seed=7))
    other = plan.model_copy(update={"engine": "torch"})
    store.write(other.identity(plan.book.trials[0], 0), edited(finished, engine="torch"))
    assert [(run.record.trial, run.record.seed) for run in store.runs(plan)] == [("a", 0), ("a", 7)]


def test_a_run_stored_under_another_trial_name_takes_the_books_name(
    plan: Plan, store: Store
) -> None:
    renamed = plan.book.trials[0].model_copy(update={"name": "new name"})
    book = plan.book.model_copy(update={"trials": (renamed,)})
    runs = store.runs(plan.model_copy(update={"book": book}))
    assert [run.record.trial for run in runs] == ["new name"]


def test_a_run_without_a_model_is_stored_and_found_exactly_so(
    plan: Plan, store: Store, finished: Run
) -> None:
    identity = plan.identity(plan.book.trials[0], 9)
    stored = store.write(identity, edited(finished, seed=9, no_model="has Shape"))
    assert sorted(path.name for path in stored.folder.iterdir()) == [
        name for name in FILES if name != "model.onnx"
    ]
    found = store.find(identity)
    assert found is not None
    with pytest.raises(StoreError) as caught:
        found.model()
    said = "this run has no model.onnx: has Shape; give another run"
    assert str(caught.value) == f"{stored.folder}: {said}"
    for before, after in ((None, "has Shape"), ("has Shape", None)):  # its files contradict it
        store.write(identity, edited(finished, seed=9, no_model=before), replace=True)
        forge(stored.folder / "run.json", lambda it, after=after: it.update(no_model=after))  # type: ignore[misc]
        assert not store.has_intact(identity)


def test_a_modules_own_onnx_file_is_stored(plan: Plan, store: Store, finished: Run) -> None:
    identity = plan.identity(plan.book.trials[0], 9)
    stored = store.write(identity, replace(edited(finished, seed=9), model=b"its own"))
    assert stored.model().read_bytes() == b"its own"


def test_a_module_is_trained_by_pytorch_whatever_trains_the_others(plan: Plan) -> None:
    module = Module(file="nets.py", name="Net", source="")
    own = plan.book.trials[1].model_copy(update={"network": Network(conv=(), module=module)})
    assert [plan.job(trial, 0).engine for trial in (plan.book.trials[0], own)] == [
        "native",
        "torch",
    ]
    assert plan.job(own, 0).device == plan.device


def test_a_diverged_run_is_stored_without_arrays(plan: Plan, store: Store, finished: Run) -> None:
    lost = edited(finished, seed=9, status="diverged", epoch=None, scores={})
    identity = plan.identity(plan.book.trials[0], 9)
    stored = store.write(identity, Run(lost.record, {}, np.empty((0, 10), np.float32)))
    assert [path.name for path in stored.folder.iterdir()] == ["run.json"]
    assert json.loads((stored.folder / "run.json").read_text("utf-8"))["epoch"] is None
    found = store.find(identity)
    assert found is not None
    assert found.record == lost.record


def test_the_plan_comes_back_and_test_images_are_written_once(
    plan: Plan, parts: Split, store: Store
) -> None:
    (packed,) = store.folder.glob("test-*.npz")
    content = parts.test.pixels.tobytes() + parts.test.labels.tobytes()
    assert packed.name == f"test-{hashlib.sha256(content).hexdigest()[:8]}.npz"
    before = packed.stat().st_mtime_ns
    store.prepare(plan, parts.test)
    assert packed.stat().st_mtime_ns == before
    assert store.plan() == plan


def test_another_data_set_or_split_is_refused_before_anything_is_written(
    plan: Plan, tiny: DataSet, store: Store
) -> None:
    before = contents(store.folder)
    other = split(DataSet("other", tiny.train, random_images(60, seed=2)), 60)
    for parts in (other, split(tiny, 50)):
        with pytest.raises(StoreError) as caught:
            store.prepare(plan.model_copy(update={"data": parts.info}), parts.test)
        said = str(caught.value)
        assert said.startswith(f"{store.folder}: its runs are of images {plan.data.sha256[:8]} (")
        assert said.endswith("; give another --out")
        assert f"validation {len(parts.validation)}, " in said
        assert "delete" not in said
    assert contents(store.folder) == before


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (("red", "blue"), ("rot", "blue"), '2 classes ["red", "blue"], train'),
        (("1, 2", "3"), ("1", "2, 3"), '2 classes ["1, 2", "3"], train'),
        (("a b", "c"), ("a\u00a0b", "c"), '2 classes ["a b", "c"], train'),
        (tuple(f"kind {n}" for n in range(47)), (*(f"kind {n}" for n in range(46)), "x"), "47 cl"),
        (tuple("0123456789"), tuple("9876543210"), "10 classes, train"),
    ],
)
def test_the_same_images_under_other_names_of_classes_are_another_thing(
    before: tuple[str, ...], after: tuple[str, ...], shown: str, plan: Plan, parts: Split,
    tmp_path: Path,
) -> None:  # fmt: skip
    def of(classes: tuple[str, ...]) -> Plan:
        return plan.model_copy(update={"data": plan.data.model_copy(update={"classes": classes})})

    store = Store(tmp_path / "named")
    store.prepare(of(before), parts.test)
    store.prepare(of(before), parts.test)
    with pytest.raises(StoreError, match=r"give another --out$") as caught:
        store.prepare(of(after), parts.test)
    assert f"({shown}" in str(caught.value)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


def test_a_first_look_does_not_overwrite_a_full_report_nor_the_other_way_round(
    plan: Plan, parts: Split, store: Store
) -> None:
    def of(book: Book) -> Plan:
        return plan.model_copy(update={"book": book})

    before = contents(store.folder)
    with pytest.raises(StoreError, match=r"--epochs 1.*; give another --out") as caught:
        store.prepare(of(plan.book.with_epochs(1)), parts.test)
    assert "the book's own epochs" in str(caught.value)
    assert contents(store.folder) == before
    store.prepare(of(plan.book.with_seeds(1)), parts.test)
    look = Store(store.folder / "look")
    look.prepare(of(plan.book.with_epochs(1).with_seeds(1)), parts.test)
    look.prepare(of(plan.book.with_epochs(1)), parts.test)
    for another in (plan, of(plan.book.with_epochs(2))):
        with pytest.raises(StoreError, match="its runs are made with --epochs 1, not made with "):
            look.prepare(another, parts.test)


def test_leftovers_of_killed_labs_are_cleared_and_files_of_the_user_stay(
    plan: Plan, parts: Split, store: Store, identity: str
) -> None:
    users = store.folder / ".tmp-x"
    stale = [folder / f"{atomic.TEMPORARY}{32 * 'a'}" for folder in (store.folder, users)]
    stale.append(store.folder / "plots" / f"{atomic.TEMPORARY}{32 * 'b'}")
    for path in stale:
        path.mkdir(parents=True)
        os.utime(path, (time.time() - 10_000,) * 2)
    os.utime(users, (time.time() - 10_000,) * 2)
    aside = store.folder / f"{atomic.REPLACED}{identity}"
    (store.folder / identity).rename(aside)  # as a kill in the midst of `--fresh` leaves it
    store.prepare(plan, parts.test)
    assert [path.exists() for path in stale] == [False, True, False]
    assert not aside.exists()
    assert store.find(identity) is not None


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    return content[:-4] + bytes([content[-4] ^ 1]) + content[-3:]


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: b"",
    "truncated": cut,
    "one bit": flip,
}


def damage(path: Path, kind: str) -> None:
    content = DAMAGES[kind](path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_damage_of_any_file_of_a_run_is_found_and_mended_by_storing_it_again(
    name: str, kind: str, store: Store, plan: Plan, identity: str, finished: Run
) -> None:
    file = store.folder / identity / name
    damage(file, kind)
    with pytest.raises(StoreError) as caught:
        store.find(identity)
    assert str(caught.value).startswith(f"{file}: damaged or of another version (")
    assert str(caught.value).endswith("run the book again with this --out to make it anew")
    assert "\n" not in str(caught.value)
    assert not store.has_intact(identity)
    with pytest.raises(StoreError):
        store.runs(plan)
    store.write(identity, finished)
    assert store.has_intact(identity)
    assert [run.folder.name for run in store.runs(plan)] == [identity]


def test_what_another_lab_has_stored_meanwhile_stays(
    store: Store, identity: str, finished: Run
) -> None:
    before = contents(store.folder)
    store.write(identity, finished)
    assert contents(store.folder) == before
    store.write(identity, finished, replace=True)
    assert contents(store.folder) != before


def test_a_flipped_bit_anywhere_in_a_record_is_found(store: Store, identity: str) -> None:
    file = store.folder / identity / "run.json"
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        flipped = whole[place] ^ (1 << place % 8)
        file.write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
        with pytest.raises(StoreError, match=r"run\.json: damaged"):
            store.find(identity)
    file.write_bytes(whole)
    assert store.find(identity) is not None


def test_swapped_records_and_swapped_folders_are_found(
    store: Store, plan: Plan, identity: str, finished: Run
) -> None:
    other = plan.identity(plan.book.trials[0], 1)
    store.write(other, edited(finished, seed=1))
    one, two = store.folder / identity, store.folder / other
    for first, second in ((one / "run.json", two / "run.json"), (one, two)):
        swap(first, second)
        for name in (identity, other):
            with pytest.raises(StoreError, match=r"run\.json: damaged"):
                store.find(name)
        swap(first, second)
        assert len(store.runs(plan)) == 2


def swap(one: Path, two: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


FORGERIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no scores": lambda it: it.update(scores={}),
    "half the scores": lambda it: it["scores"].pop("test"),
    "an epoch that was not": lambda it: it.update(epoch=99),
    "no epoch": lambda it: it.update(epoch=None),
    "no history": lambda it: it.update(history=[]),
    "an accuracy of 1e308": lambda it: it["scores"]["test"].update(accuracy=1e308),
    "a loss of 1e308": lambda it: it["history"][0].update(validation_loss=1e308),
    "another format": lambda it: it.update(format=2),
    "another seed": lambda it: it.update(seed=5),
    "another network": lambda it: it["network"].update(dropout=0.5),
    "another training": lambda it: it["training"].update(epochs=3),
    "other data": lambda it: it["data"].update(sha256=64 * "0"),
    "another split": lambda it: it["data"]["sizes"].update(train=1),
    "another engine": lambda it: it.update(engine="torch"),
    "a name that no trial has": lambda it: it.update(trial="../x"),
    "never stored": lambda it: it.update(status="pruned"),
    "no files": lambda it: it.update(files={}),
    "a file too many": lambda it: it["files"].update({"../book.json": 64 * "0"}),
    "files without hashes": lambda it: it.update(files=[*it["files"]]),
    "files of nothing": lambda it: it.update(files=None),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_record_of_the_right_hash_and_wrong_content_is_refused(
    kind: str, store: Store, identity: str
) -> None:
    file = store.folder / identity / "run.json"
    forge(file, lambda values: None)
    assert store.find(identity) is not None
    forge(file, FORGERIES[kind])
    with pytest.raises(StoreError, match=r"run\.json: damaged .*its content is not what"):
        store.find(identity)


@pytest.mark.parametrize("content", ["{}", "[]", "null", "[" * 100_000, "1e999", '"x"', "\udcff"])
def test_a_record_that_is_none_is_refused_in_one_line(
    content: str, store: Store, identity: str
) -> None:
    file = store.folder / identity / "run.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(StoreError, match=r"^[^\n]*run\.json: damaged [^\n]*$"):
        store.find(identity)


def huge_header(content: bytes) -> bytes:
    return content.replace(b"(60, 10), }" + 8 * b" ", b"(9000000000, 10), }")


@pytest.mark.parametrize(
    "content",
    [
        npy(np.full((60, 10), "x")),
        npy(np.full((60, 10), np.nan, np.float32)),
        npy(np.full((60, 10), 2, np.float32)),
        npy(np.zeros((60, 10))),
        npy(np.zeros((59, 10), np.float32)),
        huge_header(npy(np.zeros((60, 10), np.float32))),
        npy(np.zeros((60, 10), np.float32)).replace(b"fortran", b"f\x00rtran"),
        b"rubbish",
    ],
)
def test_predictions_of_the_right_hash_and_wrong_content_are_refused(
    content: bytes, store: Store, identity: str
) -> None:
    forge_file(store.folder / identity / "run.json", "predictions.npy", content)
    with pytest.raises(StoreError, match=r"^[^\n]*predictions\.npy: damaged [^\n]*$"):
        store.find(identity)


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_test_images_are_named_and_made_anew(
    kind: str, store: Store, plan: Plan, parts: Split
) -> None:
    (packed,) = store.folder.glob("test-*.npz")
    damage(packed, kind)
    with pytest.raises(StoreError) as caught:
        store.test()
    assert str(caught.value).startswith(f"{packed}: damaged or of another version (")
    store.prepare(plan, parts.test)
    np.testing.assert_array_equal(store.test().pixels, parts.test.pixels)


PIXELS, LABELS = np.zeros((60, 28, 28), np.uint8), np.zeros(60, np.uint8)


@pytest.mark.parametrize(
    "content",
    [
        npz(pixels=PIXELS),
        npz(pixels=PIXELS.astype(np.float32), labels=LABELS),
        npz(pixels=PIXELS[:59], labels=LABELS[:59]),
        npz(pixels=PIXELS, labels=LABELS[:59]),
        npz(pixels=PIXELS, labels=LABELS + 10),
        b"rubbish",
    ],
)
def test_test_images_of_the_right_hash_and_wrong_content_are_refused(
    content: bytes, store: Store, plan: Plan, parts: Split
) -> None:
    (packed,) = store.folder.glob("test-*.npz")
    forge_file(store.folder / "book.json", packed.name, content)
    with pytest.raises(StoreError, match=r"^[^\n]*test-.*\.npz: damaged [^\n]*$"):
        store.test()
    store.prepare(plan, parts.test)
    np.testing.assert_array_equal(store.test().pixels, parts.test.pixels)


def test_a_folder_that_another_lab_made_its_own_meanwhile_gives_no_test_images(
    store: Store, plan: Plan, parts: Split
) -> None:
    other = plan.model_copy(update={"data": plan.data.model_copy(update={"sha256": "1" * 64})})
    assert len(store.test(plan)) == len(parts.test)
    with pytest.raises(StoreError, match=r"its runs are of images .*; give another --out"):
        store.test(other)


def test_a_folder_with_a_damaged_book_is_about_what_its_runs_are_about(
    store: Store, plan: Plan, parts: Split
) -> None:
    (store.folder / "book.json").write_text("{")
    other = plan.model_copy(update={"data": plan.data.model_copy(update={"sha256": "1" * 64})})
    with pytest.raises(StoreError, match=r"its runs are of images .*; give another --out"):
        store.prepare(other, parts.test)
    store.prepare(plan, parts.test)
    assert store.plan() == plan


def test_a_run_that_was_being_replaced_is_found_by_whoever_reads(
    store: Store, plan: Plan, identity: str
) -> None:
    (store.folder / identity).rename(store.folder / f".mnistlab-old-{identity}")
    assert [found.folder.name for found in store.runs(plan)] == [identity]


def test_a_run_is_checked_wherever_it_lies(store: Store, identity: str, tmp_path: Path) -> None:
    elsewhere = (store.folder / identity).rename(tmp_path / "mine")
    check_run(elsewhere)
    damage(elsewhere / "model.onnx", "one bit")
    with pytest.raises(StoreError, match=r"model\.onnx: damaged"):
        check_run(elsewhere)


def test_test_images_that_would_unpack_to_much_more_take_no_memory(store: Store) -> None:
    (packed,) = store.folder.glob("test-*.npz")
    bomb = npz(pixels=np.zeros((100_000, 28, 28), np.uint8), labels=np.zeros(100_000, np.uint8))
    assert len(bomb) < 100_000 < 78_400_000
    forge_file(store.folder / "book.json", packed.name, bomb)
    tracemalloc.start()
    with pytest.raises(StoreError, match="damaged"):
        store.test()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_folder_that_holds_no_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"not a results folder \(no book.json\); give one that"):
        Store(tmp_path).plan()


PLAN_FORGERIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown parent": lambda it: it["book"]["trials"][1].update(parent="zzz"),
    "no trials": lambda it: it["book"].update(trials=[]),
    "no files": lambda it: it.update(files={}),
    "a file elsewhere": lambda it: it.update(files={"../test.npz": 64 * "0"}),
}


@pytest.mark.parametrize("kind", [*PLAN_FORGERIES, "one bit"])
def test_a_wrong_plan_is_named_and_made_anew(
    kind: str, store: Store, plan: Plan, parts: Split
) -> None:
    file = store.folder / "book.json"
    if kind in DAMAGES:
        damage(file, kind)
    else:
        forge(file, PLAN_FORGERIES[kind])
    with pytest.raises(StoreError, match=r"^[^\n]*book\.json: damaged [^\n]* to make it anew$"):
        store.plan()
    store.prepare(plan, parts.test)
    assert store.plan() == plan
    assert len(store.runs(plan)) == 1


def test_a_folder_that_is_no_run_of_the_plan_does_not_stop_the_report(
    plan: Plan, store: Store, identity: str
) -> None:
    (store.folder / "0123456789abcdef").mkdir()
    assert [run.folder.name for run in store.runs(plan)] == [identity]
    (store.folder / "0123456789abcdef" / "run.json").write_text("{}", "utf-8")
    shutil.copytree(store.folder / identity, store.folder / "fedcba9876543210")
    assert [run.folder.name for run in store.runs(plan)] == [identity]
    (store.folder / identity / "run.json").unlink()
    with pytest.raises(StoreError, match=r"run\.json: damaged .*No such file"):
        store.runs(plan)


def test_what_cannot_be_written_is_one_line_with_the_remedy(
    store: Store, plan: Plan, parts: Split, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = contents(store.folder)
    monkeypatch.setattr(os, "fsync", full)
    said = f"{store.folder}: cannot be written (No space left on device); "
    with pytest.raises(StoreError) as caught:
        store.prepare(plan, parts.test)
    assert str(caught.value) == said + "give another --out"
    for write in (
        lambda: store.write(plan.identity(plan.book.trials[0], 1), edited(finished, seed=1)),
        lambda: store.write_file("report.md", b"#"),
    ):
        with pytest.raises(StoreError) as caught:
            write()
        assert str(caught.value) == said + "mend that and give the same command again"
    assert contents(store.folder) == before
    with pytest.raises(StoreError, match="cannot be written"):
        Store(Path("a\0b")).prepare(plan, parts.test)
