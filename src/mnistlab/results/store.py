"""Runs on disk. A results folder holds

    book.json       what was run: the resolved book, the data, the engine, the device
    results.json    the contract that others read (see `summary`)
    report.md, plots/, test.npz (test pixels and labels, written once)
    <identity>/     one finished run: run.json, weights.safetensors, model.onnx, predictions.npy

A run's folder is named by the hash of everything that determines its result, and has that name only
when complete.
"""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from mnistlab import atomic
from mnistlab.book.trial import Book, Trial
from mnistlab.data.split import DataInfo
from mnistlab.errors import StoreError
from mnistlab.images import Images
from mnistlab.training.identity import DIGITS, identity
from mnistlab.training.record import Job, Run, RunRecord


class Plan(BaseModel):
    """What a results folder is about."""

    model_config = ConfigDict(frozen=True)

    book: Book
    data: DataInfo
    engine: str
    device: str

    def job(self, trial: Trial, seed: int) -> Job:
        """One of the runs that this is about."""
        return Job(trial, seed, self.engine, self.device)

    def identity(self, trial: Trial, seed: int) -> str:
        """The name of that run's folder."""
        return identity(self.job(trial, seed), self.data)


@dataclass(frozen=True)
class StoredRun:
    """A finished run and its folder."""

    record: RunRecord
    folder: Path

    def predictions(self) -> npt.NDArray[np.float32]:
        """Test probabilities (n_test, 10), memory-mapped. Raises StoreError."""
        try:
            array: npt.NDArray[np.float32] = np.load(
                self.folder / "predictions.npy", mmap_mode="r", allow_pickle=False
            )
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(self.folder / "predictions.npy", error) from None
        return array


class Store:
    """A results folder. Several labs may write to one at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, plan: Plan, test: Images) -> None:
        """Make the folder, see that it can be written to, and note what it is about. Raises
        StoreError.
        """
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.remove_leftovers(self.folder)
            atomic.write_whole(self.folder / "book.json", plan.model_dump_json(indent=1).encode())
            if not self._holds(test):
                buffer = io.BytesIO()
                np.savez_compressed(buffer, pixels=test.pixels, labels=test.labels)
                atomic.write_whole(self.folder / "test.npz", buffer.getvalue())

    def plan(self) -> Plan:
        """What the folder is about. Raises StoreError."""
        path = self.folder / "book.json"
        try:
            return Plan.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise StoreError(
                f"{self.folder}: not a results folder (no book.json); give one that `run` made"
            ) from None
        except (OSError, ValidationError) as error:
            raise _damaged(path, error) from None

    def test(self) -> Images:
        """The test images that the stored predictions are about. Raises StoreError."""
        path = self.folder / "test.npz"
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return Images(arrays["pixels"], arrays["labels"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise _damaged(path, error) from None

    def _holds(self, test: Images) -> bool:
        """Whether these are the test images in the folder: it may have been used with other data
        before.
        """
        try:
            stored = self.test()
        except StoreError:
            return False
        return np.array_equal(stored.labels, test.labels) and np.array_equal(
            stored.pixels, test.pixels
        )

    def find(self, identity: str) -> StoredRun | None:
        """The finished run of that identity, None if there is none. Raises StoreError."""
        folder = self.folder / identity
        if not folder.is_dir():
            return None
        try:
            return StoredRun(
                RunRecord.model_validate_json((folder / "run.json").read_bytes()), folder
            )
        except (OSError, ValidationError) as error:
            raise _damaged(folder / "run.json", error) from None

    def write(self, identity: str, run: Run, replace: bool = False) -> StoredRun:
        """Store a finished run, unless another lab has stored the same meanwhile and `replace` is
        not asked for.

        Raises StoreError.
        """
        from mnistlab.model.artifact import (  # ONNX: only what stores runs waits for it
            to_onnx,
            weights_to_bytes,
        )

        folder = self.folder / identity
        with self._writing(), atomic.whole_folder(folder, replace) as temporary:
            (temporary / "run.json").write_text(run.record.model_dump_json(indent=1), "utf-8")
            if run.record.status == "done":
                (temporary / "weights.safetensors").write_bytes(weights_to_bytes(run.weights))
                (temporary / "model.onnx").write_bytes(to_onnx(run.record.network, run.weights))
                np.save(temporary / "predictions.npy", run.test_probabilities, allow_pickle=False)
        return StoredRun(run.record, folder)

    def write_file(self, name: str, content: bytes) -> Path:
        """Write a file of the report, whole or not at all. Raises StoreError."""
        with self._writing():
            atomic.write_whole(self.folder / name, content)
        return self.folder / name

    def runs(self, plan: Plan) -> list[StoredRun]:
        """The finished runs of the plan's trials, whatever their seed, in the book's order and by
        seed.

        Each run says what it is: runs of another lab, or of an earlier call with more seeds, count
        too, and those of other settings do not. Raises StoreError.
        """
        folders = [path.parent.name for path in self.folder.glob(f"{'?' * DIGITS}/run.json")]
        stored = [self._find_for(plan, name) for name in folders]
        found = [
            (
                place,
                run.record.seed,
                StoredRun(run.record.model_copy(update={"trial": trial.name}), run.folder),
            )
            for run in stored
            for place, trial in enumerate(plan.book.trials)
            if run and plan.identity(trial, run.record.seed) == run.folder.name
        ]
        return [run for _, _, run in sorted(found, key=lambda each: each[:2])]

    def _find_for(self, plan: Plan, name: str) -> StoredRun | None:
        """The run in a folder; None if it cannot be read and is none of the plan's own. Raises
        StoreError.
        """
        try:
            return self.find(name)
        except StoreError:
            if name in {
                plan.identity(trial, seed) for trial in plan.book.trials for seed in plan.book.seeds
            }:
                raise
            return None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"{self.folder}: cannot be written ({reason}); give another --out"
            ) from None


def _damaged(path: Path, error: Exception) -> StoreError:
    """In our words: NumPy's would advise unpickling. Only a run's own folder may be advised to be
    deleted.
    """
    reason = (
        error.strerror
        if isinstance(error, OSError) and error.strerror
        else "its content is not what was written"
    )
    whole = path.name in ("book.json", "test.npz")
    remedy = (
        "run the book again with this --out"
        if whole
        else "delete its folder and run the book again"
    )
    return StoreError(f"{path}: damaged or of another version ({reason}); {remedy} to make it anew")
