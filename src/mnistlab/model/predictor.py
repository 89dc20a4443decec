"""A trained network that predicts, through ONNX Runtime: torch is not needed and not loaded."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.errors import StoreError
from mnistlab.images import CLASSES, SIDE
from mnistlab.model import Probabilities

# the highest probability below which an answer is called unsure; chosen in benchmarks/drawing.py
UNSURE_BELOW = 0.9
MAX_BYTES = 200_000_000  # of a model file


@dataclass(frozen=True, eq=False)
class Guess:
    """What a network says of one picture: `probabilities` (10,), and whether it should be
    believed.
    """

    probabilities: Probabilities

    @property
    def digit(self) -> int:
        """The most probable digit."""
        return int(self.probabilities.argmax())

    @property
    def runner_up(self) -> int:
        """The second most probable digit."""
        return int(np.argsort(-self.probabilities, kind="stable")[1])

    @property
    def unsure(self) -> bool:
        """Whether the most probable digit is not probable enough."""
        return bool(self.probabilities.max() < UNSURE_BELOW)


class Predictor:
    """A model in memory; `name` is what people call it."""

    def __init__(self, content: bytes, name: str) -> None:
        """Open the content of an ONNX file. Raises StoreError for anything but pixels (n, 28, 28)
        to ten classes.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = (
            1  # a picture is too small to share out
        )
        options.log_severity_level = 4
        self.name, self.content = name, content
        try:
            self.session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            raise StoreError(
                f"{name}: not an ONNX model ({_first_line(error)}); give a model.onnx of a run"
            ) from None
        self._check_contract()

    def predict(self, pictures: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], Probabilities]:
        """Logits and probabilities, both (n, 10), of pictures (n, 28, 28) with values 0 to 255, ink
        high.
        """
        logits, probabilities = self.session.run(
            ["logits", "probabilities"], {"pixels": pictures.astype(np.float32)}
        )
        return logits, probabilities

    def guess(self, picture: npt.NDArray[Any]) -> Guess | None:
        """What the model says of one picture (28, 28); None for a blank one, of which there is
        nothing to say.
        """
        return Guess(self.predict(picture[None])[1][0]) if picture.any() else None

    def _check_contract(self) -> None:
        inputs = [(i.name, i.type, i.shape[1:]) for i in self.session.get_inputs()]
        outputs = {o.name for o in self.session.get_outputs()}
        if (
            inputs != [("pixels", "tensor(float)", [SIDE, SIDE])]
            or not {"logits", "probabilities"} <= outputs
        ):
            raise StoreError(
                f"{self.name}: takes {_described(inputs)}, not one float input pixels (n, "
                f"{SIDE}, {SIDE}) "
                "with outputs logits and probabilities; give a model.onnx of a run"
            )
        try:
            found = self.predict(np.zeros((2, SIDE, SIDE)))
        except Exception as error:
            raise StoreError(
                f"{self.name}: does not run ({_first_line(error)}); export it again"
            ) from None
        if any(np.shape(array) != (2, CLASSES) or not np.isfinite(array).all() for array in found):
            raise StoreError(
                f"{self.name}: does not give ten numbers a picture; give a model.onnx of a run"
            )


def open_model(path: Path, name: str = "") -> Predictor:
    """The model in an ONNX file. Raises StoreError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StoreError(
                f"{path}: larger than {MAX_BYTES // 1_000_000} MB; give a model.onnx of a run"
            )
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    return Predictor(content, name or str(path))


def shipped_model() -> Predictor:
    """The model for drawn digits that comes with mnistlab; `drawing.md` beside it says how it was
    made.
    """
    return Predictor(
        (resources.files("mnistlab") / "model" / "drawing.onnx").read_bytes(), "drawing"
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _described(inputs: list[tuple[str, str, list[Any]]]) -> str:
    return ", ".join(f"{name} {kind} {shape}" for name, kind, shape in inputs)[:120] or "nothing"
