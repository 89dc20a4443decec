"""What a model says of images and strokes, one answer for each, whatever is wrong with the
others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mnistlab.data.framing import frame_ink, frame_strokes
from mnistlab.data.strokes import parse_drawing, stroke_lines
from mnistlab.errors import LabError
from mnistlab.model.predictor import Guess, Predictor


@dataclass(frozen=True)
class Answer:
    """About one image or one line of strokes: a guess, None for a blank one, or what is wrong with
    it.
    """

    source: str
    guess: Guess | None = None
    error: str | None = None

    def record(self) -> dict[str, Any]:
        """The answer as JSON holds it: `digit`, `probabilities`, `unsure`, or `error`."""
        if self.error is not None:
            return {"source": self.source, "error": self.error}
        if self.guess is None:
            return {"source": self.source, "digit": None, "probabilities": None, "unsure": True}
        guess, rounded = self.guess, [round(float(value), 6) for value in self.guess.probabilities]
        return {
            "source": self.source,
            "digit": guess.digit,
            "probabilities": rounded,
            "unsure": guess.unsure,
        }

    def line(self) -> str:
        """The answer in words."""
        if self.error is not None:
            return f"{self.source}: {self.error}"
        return f"{self.source}: {in_words(self.guess)}"


def in_words(guess: Guess | None) -> str:
    """A guess as people say it."""
    if guess is None:
        return "blank"
    first, second = (
        f"{guess.probabilities[digit]:.1%}" for digit in (guess.digit, guess.runner_up)
    )
    if guess.unsure:
        return f"unsure: {guess.digit} ({first}) or {guess.runner_up} ({second})"
    return f"{guess.digit} ({first})"


def ask_images(model: Predictor, paths: Iterable[Path]) -> Iterator[Answer]:
    """What the model says of each image file."""
    from mnistlab.data.ink import find_ink, read_image

    for path in paths:
        try:
            yield Answer(str(path), model.guess(frame_ink(find_ink(read_image(path)))))
        except LabError as error:
            yield Answer(str(path), error=str(error).removeprefix(f"{path}: "))


def ask_strokes(model: Predictor, stream: BinaryIO, name: str) -> Iterator[Answer]:
    """What the model says of each line of a strokes file."""
    for number, line in stroke_lines(stream):
        source = f"{name}:{number}"
        try:
            yield Answer(source, model.guess(frame_strokes(parse_drawing(line).strokes)))
        except LabError as error:
            yield Answer(source, error=str(error))


def ask_file(model: Predictor, path: Path) -> Iterator[Answer]:
    """What the model says of each line of the strokes file at `path`."""
    try:
        with path.open("rb") as stream:
            yield from ask_strokes(model, stream, str(path))
    except OSError as error:
        yield Answer(str(path), error=f"cannot be read ({error.strerror}): check the path")
