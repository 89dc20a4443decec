"""A results folder: what was run, the test images, and a folder for each finished run.

    book.json            the plan: the book as it was run, the data, the engine, the device
    test-<8 digits>.npz  the test images and labels, named by the hash of both
    <identity>/          a run: run.json, weights.safetensors, model.onnx, predictions.npy

A run's folder is named by the hash of all that determines its result, and has that name only when
it is complete. Both JSON files hold the SHA-256 of themselves, and of the files beside them.
"""

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from mnistlab import atomic
from mnistlab.book.trial import Trial
from mnistlab.errors import StoreError, one_line
from mnistlab.images import Images
from mnistlab.results.plan import Plan, about
from mnistlab.results.sealing import expect, reading, sealed, sha256_of, unsealed, verified
from mnistlab.training.identity import HEX_DIGITS, identity
from mnistlab.training.record import FORMAT, Job, Run, RunRecord

SETS = "sets.json"  # of a folder of several data sets: see `across`
RUN_FILES = {"weights.safetensors", "model.onnx", "predictions.npy"}


@dataclass(frozen=True)
class StoredRun:
    """A finished run and its folder."""

    record: RunRecord
    folder: Path

    def with_trial_name(self, name: str) -> "StoredRun":
        """Return the same run under the name that a book gives its trial."""
        return replace(self, record=self.record.model_copy(update={"trial": name}))

    def model(self) -> Path:
        """Return its ONNX file. Raises StoreError, saying why, if it has none."""
        if self.record.status == "done" and self.record.no_model is None:
            return self.folder / "model.onnx"
        what = f"this run has no model.onnx: {self.record.no_model or self.record.reason}"
        raise StoreError(one_line(f"{self.folder}: {what}; give another run"))

    def predictions(self) -> npt.NDArray[np.float32]:
        """Return the test probabilities (n, classes). Raises StoreError."""
        path = self.folder / "predictions.npy"
        with reading(path):
            array: npt.NDArray[np.float32] = np.load(path, allow_pickle=False)
            expect(array.dtype == np.float32 and bool(((array >= 0) & (array <= 1)).all()))
        return array


class _AnotherError(StoreError):
    """A folder is about other data, or trained for other epochs."""


def check_run(folder: Path) -> StoredRun:
    """Return a run wherever it lies, its files being what was written. Raises StoreError."""
    with reading(folder / "run.json"):
        content, hashes = unsealed(folder / "run.json")
        run = StoredRun(RunRecord.model_validate_json(content), folder)
    verified(folder, hashes)
    return run


class Store:
    """A results folder. Several labs may write to one at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, plan: Plan, test: Images) -> None:
        """Make the folder and note what it is about. Raises StoreError.

        A folder that is about something else is refused before anything is written.
        """
        self._refuse_another(plan)
        digest = sha256_of(test.pixels.tobytes() + test.labels.tobytes())
        path = self.folder / f"test-{digest[:8]}.npz"
        with self._writing("give another --out"):
            for folder in (self.folder, self.folder / "plots", self.folder / "logs"):
                atomic.recover_from_kills(folder)
            if self._holds(plan, test):
                packed = path.read_bytes()
            else:
                archive = io.BytesIO()
                np.savez_compressed(archive, pixels=test.pixels, labels=test.labels)
                packed = archive.getvalue()
                atomic.write_whole(path, packed)
            atomic.write_whole(self.folder / "book.json", sealed(plan, {path.name: packed}))

    def plan(self) -> Plan:
        """Return what the folder is about. Raises StoreError."""
        return self._read_book()[0]

    def test(self, expected: Plan | None = None) -> Images:
        """Return the test images that the stored predictions are about.

        Raises StoreError, also where the folder is not about what is `expected`.
        """
        plan, hashes = self._read_book()
        if expected is not None:
            self._refuse(plan, expected)
        count, ((name, content),) = plan.data.sizes["test"], verified(self.folder, hashes).items()
        with reading(self.folder / name):
            announced = sum(member.file_size for member in ZipFile(io.BytesIO(content)).infolist())
            task = plan.data.task
            expect(announced <= 2 * count * prod(task.picture()))
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                pixels, labels = arrays["pixels"], arrays["labels"]
            expect(pixels.shape == (count, *task.picture()) and labels.shape == (count,))
            expect(pixels.dtype == labels.dtype == np.uint8 and labels.max() < task.classes)
        return Images(pixels, labels, plan.data.classes)

    def find(self, identity: str) -> StoredRun | None:
        """Return the finished run of that identity, None if there is none.

        Raises StoreError if any of its files is not what was written.
        """
        folder = self.folder / identity
        if not folder.is_dir():
            return None
        with reading(folder / "run.json"):
            content, hashes = unsealed(folder / "run.json")
            record = RunRecord.model_validate_json(content)
            expect(record.format == FORMAT and _identity(record) == identity)
            expect(set(hashes) == _files_of(record))
        verified(folder, hashes)
        run = StoredRun(record, folder)
        if record.status == "done":
            shape = (record.data.sizes["test"], record.data.task.classes)
            with reading(folder / "predictions.npy"):
                expect(run.predictions().shape == shape)
        return run

    def has_intact(self, identity: str) -> bool:
        """Return whether that run is there, and all its files what was written."""
        try:
            return self.find(identity) is not None
        except StoreError:
            return False

    def write(self, identity: str, run: Run, replace: bool = False) -> StoredRun:
        """Store a finished run. Raises StoreError.

        What another lab has stored of it meanwhile stays unless it is damaged, or `replace`.
        """
        files = _files(run)
        folder, replace = self.folder / identity, replace or not self.has_intact(identity)
        with self._writing(), atomic.whole_folder(folder, replace) as temporary:
            for name, content in {**files, "run.json": sealed(run.record, files)}.items():
                (temporary / name).write_bytes(content)
        return StoredRun(run.record, folder)

    def write_file(self, name: str, content: bytes) -> None:
        """Write a file of the report, whole or not at all. Raises StoreError."""
        with self._writing():
            atomic.write_whole(self.folder / name, content)

    def runs(self, plan: Plan) -> list[StoredRun]:
        """Return the finished runs of the plan's trials, in the book's order and by seed.

        Every stored seed counts, whoever trained it; runs of other settings do not. Raises
        StoreError if one of the plan's own is damaged.
        """
        with suppress(OSError):  # a folder that can only be read
            atomic.recover_from_kills(self.folder)
        own = {plan.identity(trial, seed) for trial in plan.book.trials for seed in plan.book.seeds}
        found = self._intact_runs(own)
        seeds = sorted({run.record.seed for run in found.values() if run})
        asked = [(trial, plan.identity(trial, s)) for trial in plan.book.trials for s in seeds]
        return [
            run.with_trial_name(trial.name) for trial, name in asked if (run := found.get(name))
        ]

    def _intact_runs(self, needed: Collection[str] = ()) -> dict[str, StoredRun | None]:
        """All runs by identity but damaged ones. Raises StoreError if one of those is `needed`."""
        found = {}
        for folder in self.folder.glob("?" * HEX_DIGITS):
            try:
                found[folder.name] = self.find(folder.name)
            except StoreError:
                if folder.name in needed:
                    raise
        return found

    def _read_book(self) -> tuple[Plan, dict[str, str]]:
        path = self.folder / "book.json"
        if not path.exists():
            lacking = f"{self.folder}: not a results folder (no book.json)"
            raise StoreError(f"{lacking}; give one that `run` made")
        with reading(path):
            content, hashes = unsealed(path)
            expect([Path(name).name for name in hashes] == [*hashes] and len(hashes) == 1)
            return Plan.model_validate_json(content), hashes

    def _refuse_another(self, plan: Plan) -> None:
        """Raise StoreError if the folder is about something else; runs tell where the book cannot.

        A folder whose book.json is damaged is about what its intact runs are about.
        """
        if (self.folder / SETS).is_file():
            raise StoreError(f"{self.folder}: is about several data sets; give another --out")
        try:
            self._refuse(self.plan(), plan)
        except _AnotherError:
            raise
        except StoreError:
            for run in filter(None, self._intact_runs().values()):
                self._refuse(plan.model_copy(update={"data": run.record.data}), plan)

    def _refuse(self, stored: Plan, plan: Plan) -> None:
        for then, now in zip(about(stored), about(plan), strict=True):
            if then != now:
                what = f"its runs are {then}, not {now}"
                raise _AnotherError(f"{self.folder}: {what}; give another --out")

    def _holds(self, plan: Plan, test: Images) -> bool:
        """Whether these very test images are in the folder."""
        try:
            stored = self.test(plan)
        except StoreError:
            return False
        labels = np.array_equal(stored.labels, test.labels)
        return labels and np.array_equal(stored.pixels, test.pixels)

    @contextmanager
    def _writing(self, remedy: str = "mend that and give the same command again") -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: no name that a file can have
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(f"{self.folder}: cannot be written ({reason}); {remedy}") from None


def _identity(record: RunRecord) -> str:
    """The identity that a run has by what it says about itself."""
    trial = Trial(name=record.trial, network=record.network, training=record.training)
    return identity(Job(trial, record.seed, record.engine, record.device), record.data)


def _files_of(record: RunRecord) -> set[str]:
    """The names of the files beside its `run.json`. Raises KeyError of a run that is not stored."""
    lacking = set() if record.no_model is None else {"model.onnx"}
    return {"done": RUN_FILES - lacking, "diverged": set[str]()}[record.status]


def _files(run: Run) -> dict[str, bytes]:
    """The files of a run beside `run.json`: none unless it is done."""
    from mnistlab.model.artifact import to_onnx, weights_to_bytes  # ONNX is slow to import

    record = run.record
    if record.status != "done":
        return {}
    predictions = io.BytesIO()
    np.save(predictions, run.test_probabilities, allow_pickle=False)
    files = {"weights.safetensors": weights_to_bytes(run.weights)}
    files["predictions.npy"] = predictions.getvalue()
    if record.no_model is not None:
        return files
    kind, threshold = (record.data.classes, record.data.channels), record.unsure_below
    model = run.model or to_onnx(record.network, run.weights, threshold, *kind)
    return {**files, "model.onnx": model}
