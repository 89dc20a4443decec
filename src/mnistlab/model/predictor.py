"""A trained network that predicts, through ONNX Runtime: PyTorch is not needed and not loaded."""

import os
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from mnistlab.errors import StoreError, one_line
from mnistlab.images import DIGITS, MAX_CLASSES, MIN_CLASSES, SIDE, ClassNames, Task
from mnistlab.model import Probabilities

MAX_BYTES = 200_000_000  # of a model file
MAX_SECONDS = 1.0  # for one picture
OUTPUTS = ("logits", "probabilities")
NAMES = TypeAdapter(ClassNames)

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it when it is imported


@dataclass(frozen=True, eq=False)
class Guess:
    """What a network says of one picture: `probabilities` (classes,).

    It is unsure when the highest of them is below `unsure_below`; with None it never is.
    """

    probabilities: Probabilities
    unsure_below: float | None = None
    classes: tuple[str, ...] = DIGITS

    @property
    def digit(self) -> int:
        """The most probable class: its place among the classes."""
        return int(self.probabilities.argmax())

    @property
    def label(self) -> str:
        """The name of the most probable class."""
        return self.classes[self.digit]

    @property
    def runner_up(self) -> int:
        """The second most probable class: its place among the classes."""
        return int(np.argsort(-self.probabilities, kind="stable")[1])

    @property
    def unsure(self) -> bool:
        """Whether the most probable class is not probable enough."""
        return self.unsure_below is not None and bool(self.probabilities.max() < self.unsure_below)


class Predictor:
    """A model in memory; `name` is what people call it, `unsure_below` its own threshold."""

    def __init__(self, content: bytes, name: str, place: str = "") -> None:
        """Open an ONNX file's content, which must come from us or have passed `check_model`.

        It must turn pixels (n, 28, 28), or (n, 28, 28, 3), into logits and probabilities of 2 to
        100 classes per picture. Raises StoreError, which names `place`, or `name` without one.
        """
        self.content, self.name, self.place = content, one_line(name), one_line(place or name)
        self.session = self._open(content)
        self.channels = self._check_form()
        self.unsure_below = self._read_threshold()
        self.classes = self._read_classes()
        self._check_answers()

    @property
    def task(self) -> Task:
        """What the network is given and asked."""
        return Task(self.channels, len(self.classes))

    def predict(self, pictures: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], Probabilities]:
        """Logits and probabilities, both (n, classes), of pictures (n, 28, 28) or (n, 28, 28, 3).

        Pixels are from 0 to 255, ink high. Raises StoreError if the model fails or gives anything
        else.
        """
        logits, probabilities = self._run(pictures)
        wanted = (len(pictures), len(self.classes))
        if any(array.shape != wanted for array in (logits, probabilities)):
            raise self._refusal(f"does not give {len(self.classes)} numbers per picture")
        if not (np.isfinite(logits).all() and np.isfinite(probabilities).all()):
            raise self._refusal("gives numbers that are not finite")
        if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or (probabilities < 0).any():
            raise self._refusal("gives probabilities that do not add up to 1")
        return logits, probabilities

    def guess(self, picture: npt.NDArray[Any]) -> Guess | None:
        """What the model says of one picture (28, 28); None of a blank one. Raises StoreError."""
        if not picture.any():
            return None
        return Guess(self.predict(picture[None])[1][0], self.unsure_below, self.classes)

    def _run(self, pictures: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        given = {"pixels": pictures.astype(np.float32)}
        try:
            found: list[npt.NDArray[np.float32]] = self.session.run(list(OUTPUTS), given)
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            raise self._refusal(f"does not run ({_first_line(error)})") from None
        return found

    def _open(self, content: bytes) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a picture is too small to share out
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        quiet = {"providers": ["CPUExecutionProvider"], "enable_fallback": 0}  # which prints
        try:
            return onnxruntime.InferenceSession(content, options, **quiet)
        except Exception as error:
            raise self._refusal(f"not an ONNX model ({_first_line(error)})") from None

    def _check_form(self) -> int:
        """The channels of what the model takes."""
        inputs = [(each.name, each.type, each.shape) for each in self.session.get_inputs()]
        outputs = {each.name: each.type for each in self.session.get_outputs()}
        form = [(name, kind, shape[1:]) for name, kind, shape in inputs]
        right = [[("pixels", "tensor(float)", [SIDE, SIDE, *rgb])] for rgb in ((), (3,))]
        if form not in right or isinstance(inputs[0][2][0], int):
            found = ", ".join(f"{name} {kind} {shape}" for name, kind, shape in inputs)[:120]
            wanted = f"one float input pixels (n, {SIDE}, {SIDE}) or (n, {SIDE}, {SIDE}, 3)"
            raise self._refusal(f"takes {found or 'nothing'}, not {wanted}")
        if any(outputs.get(name) != "tensor(float)" for name in OUTPUTS):
            raise self._refusal("has no float outputs logits and probabilities")
        return 1 if form == right[0] else 3

    def _metadata(self, key: str) -> str:
        """What the file says of itself. Raises ValueError if that is not even text."""
        return str(self.session.get_modelmeta().custom_metadata_map.get(key, ""))

    def _read_threshold(self) -> float | None:
        try:
            text = self._metadata("unsure_below")
            value = float(text) if text else None
        except ValueError:
            value = np.nan
        if value is not None and not 0 <= value <= 1:
            raise self._refusal("its unsure_below is not a number from 0 to 1")
        return value

    def _read_classes(self) -> tuple[str, ...]:
        """Their names; of a file that has none, numbers as many as it gives."""
        try:
            if text := self._metadata("classes"):
                return NAMES.validate_json(text)
            count = self._run(self._blank(1))[0].shape[-1]
            return NAMES.validate_python(tuple(map(str, range(min(count, MAX_CLASSES + 1)))))
        except (ValueError, IndexError):
            fault = f"its classes are not {MIN_CLASSES} to {MAX_CLASSES} different names"
            raise self._refusal(fault) from None

    def _blank(self, count: int) -> npt.NDArray[np.float32]:
        return np.zeros((count, *Task(self.channels).picture()), np.float32)

    def _check_answers(self) -> None:
        self.predict(self._blank(2))
        started = time.perf_counter()
        self.predict(self._blank(1))
        seconds = time.perf_counter() - started
        if seconds > MAX_SECONDS:
            raise self._refusal(f"takes {seconds:.1f} s per picture, at most {MAX_SECONDS:.0f} s")

    def _refusal(self, reason: str) -> StoreError:
        return StoreError(f"{self.place}: {one_line(reason)}; give a model.onnx of a run")


def open_model(path: Path, name: str = "") -> Predictor:
    """The model in an ONNX file, called `name`, or as its path. Raises StoreError."""
    from mnistlab.model.check import check_model

    place = one_line(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            reason = f"larger than {MAX_BYTES // 1_000_000} MB"
            raise StoreError(f"{place}: {reason}; give a model.onnx of a run")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"{place}: cannot be read ({reason}); check the path") from None
    check_model(content, place)
    return Predictor(content, name or str(path), place)


def shipped_model() -> Predictor:
    """The model for drawn digits that comes with mnistlab; `drawing.md` is its card."""
    path = resources.files("mnistlab") / "model" / "drawing.onnx"
    return Predictor(path.read_bytes(), "drawing")


def _first_line(error: Exception) -> str:
    return one_line(error)[:120] or type(error).__name__
