"""What a model says of images and strokes: an answer for each, whatever is wrong with others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mnistlab.data.framing import frame_ink, frame_strokes
from mnistlab.data.strokes import parse_drawing, stroke_lines
from mnistlab.errors import LabError, StoreError, one_line
from mnistlab.images import Bytes
from mnistlab.model.predictor import Guess, Predictor


@dataclass(frozen=True)
class Answer:
    """About an image or a line of strokes: a guess, None for a blank one, or what is wrong."""

    source: str
    guess: Guess | None = None
    error: str | None = None

    def record(self) -> dict[str, Any]:
        """The answer as JSON holds it: `digit`, `label`, `probabilities`, `unsure`, or `error`.

        `digit` is the class's place, `label` its name. Of a model without a threshold of *unsure*,
        `unsure` is None.
        """
        if self.error is not None:
            return {"source": self.source, "error": self.error}
        if self.guess is None:
            nothing = dict.fromkeys(("digit", "label", "probabilities"))
            return {"source": self.source, **nothing, "unsure": True}
        guess = self.guess
        unsure = None if guess.unsure_below is None else guess.unsure
        rounded = [round(float(value), 6) for value in guess.probabilities]
        answer = {"digit": guess.digit, "label": guess.label, "probabilities": rounded}
        return {"source": self.source, **answer, "unsure": unsure}

    def line(self) -> str:
        """The answer in words."""
        return f"{self.source}: {self.error or in_words(self.guess)}"


def in_words(guess: Guess | None) -> str:
    """A guess as people say it: `9 (98.2 %)`, `unsure: 4 (51.0 %) or 9 (47.3 %)`, `blank`."""
    if guess is None:
        return "blank"
    first, second = (
        f"{guess.classes[place]} ({percent(guess.probabilities[place])})"
        for place in (guess.digit, guess.runner_up)
    )
    return f"unsure: {first} or {second}" if guess.unsure else first


def percent(share: float) -> str:
    """A share from 0 to 1 in per cent, never rounded to none or all if it is neither."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def never_unsure(model: Predictor) -> str:
    """What is to be said once of a model without a threshold of *unsure*; nothing of others."""
    if model.unsure_below is not None:
        return ""
    return f"{model.name} has no threshold of unsure, so it is never said to be unsure."


def require_grey(model: Predictor) -> None:
    """Raise StoreError for a model of RGB images, which cannot be shown strokes."""
    if model.channels != 1:
        remedy = "strokes are grey; give a model of grey images"
        raise StoreError(f"{model.name}: a model of RGB images, and {remedy}")


def ask_images(model: Predictor, paths: Iterable[Path], whole: bool = False) -> Iterator[Answer]:
    """What the model says of each image file.

    A grey model whose classes are all called by one character is taken for one of drawn signs, and
    shown the image's ink, framed; any other, or with `whole`, all of the image, scaled.
    """
    signs = model.channels == 1 and all(len(name) == 1 for name in model.classes)
    for path in paths:
        source = one_line(path)
        try:
            picture = _framed(path) if signs and not whole else _whole(path, model.channels)
            yield Answer(source, model.guess(picture))
        except LabError as error:
            reason = str(error).removeprefix(f"{path}: ")
            yield Answer(source, error=one_line(reason).removeprefix(f"{source}: "))


def _framed(path: Path) -> Bytes:
    from mnistlab.data.ink import find_ink, read_image

    return frame_ink(find_ink(read_image(path)))


def _whole(path: Path, channels: int) -> Bytes:
    """The whole image (28, 28), or (28, 28, 3), scaled as the images of a data folder are."""
    from PIL import Image

    from mnistlab.data.folders import read_picture
    from mnistlab.data.ink import errors_named

    with errors_named(path):
        picture, _ = read_picture(path)
    return np.array(Image.fromarray(picture).convert("L" if channels == 1 else "RGB"))


def ask_strokes(model: Predictor, stream: BinaryIO, name: str) -> Iterator[Answer]:
    """What the model says of each line of a strokes file."""
    for number, line in stroke_lines(stream):
        source = f"{one_line(name)}:{number}"
        try:
            yield Answer(source, model.guess(frame_strokes(parse_drawing(line).strokes)))
        except LabError as error:
            yield Answer(source, error=one_line(error))


def ask_file(model: Predictor, path: Path) -> Iterator[Answer]:
    """What the model says of each line of the strokes file at `path`."""
    try:
        with path.open("rb") as stream:
            yield from ask_strokes(model, stream, str(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        yield Answer(one_line(path), error=f"cannot be read ({reason}): check the path")
