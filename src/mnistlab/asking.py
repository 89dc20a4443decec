"""Asks a model what images and strokes show, before one's eyes."""

import json
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from mnistlab.drawing.answers import ask_file, ask_images, ask_strokes, never_unsure, require_grey
from mnistlab.model.predictor import Predictor, open_model, shipped_model
from mnistlab.results.models import best_model
from mnistlab.results.store import Store
from mnistlab.terminal import complain, say


def answer(
    files: Sequence[Path], strokes: str | None, model: Path | None, whole: bool, as_json: bool
) -> bool:
    """Say what each image and drawing shows, and return whether there was an answer to all.

    With `whole` images are shown to the model as they are, not their ink alone.
    """
    asked = _model(model)
    if strokes:
        require_grey(asked)
    if remark := never_unsure(asked):
        complain(remark)
    answers = [ask_images(asked, files, whole)]
    if strokes == "-":
        answers.append(ask_strokes(asked, sys.stdin.buffer, "-"))
    elif strokes:
        answers.append(ask_file(asked, Path(strokes)))
    all_answered = True
    for it in chain(*answers):
        all_answered &= it.error is None
        tell = complain if it.error is not None and not as_json else say
        tell(json.dumps(it.record()) if as_json else it.line())
    return all_answered


def _model(place: Path | None) -> Predictor:
    """The model to predict with; of a results folder its best, which is said."""
    if place is None:
        return shipped_model()
    name, path = best_model(place)
    if (place / "book.json").is_file() and (stored := Store(place).find(path.parent.name)):
        complain(f"model: trial {name}, seed {stored.record.seed}, the best in validation")
    return open_model(path, name)
