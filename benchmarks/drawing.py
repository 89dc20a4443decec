"""What fixed the 9, and how far the drawing model can be trusted, on strokes it never saw.

    python -m benchmarks.drawing --data FOLDER_WITH_MNIST [--out results/drawing-benchmark]

Three folds over the 30 writers of UCI's pen digits, by writer number mod 3; whole writers are held
out. The threshold of *unsure* is chosen inside the training folds, on their validation images,
which are MNIST's: of these, 2 % of the right answers may be called unsure. This threshold, and not
the one that a run chooses for its own model, is what the shipped model carries. Runs are stored, so
that a benchmark that was stopped goes on where it was.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from benchmarks.no_digits import letters, pairs, scribbles
from mnistlab.book.reading import read_book
from mnistlab.book.trial import Book, Extra
from mnistlab.data.catalog import load_data
from mnistlab.data.framing import frame_strokes
from mnistlab.data.pendigits import load_pendigits
from mnistlab.data.split import split
from mnistlab.data.strokes import Drawing
from mnistlab.images import DataSet, Images
from mnistlab.lab import run_book
from mnistlab.model.predictor import Predictor, open_model

# two thirds of the drawings five times are about as many pictures as all of them three times
FOLDS, COPIES = 3, 5
FLAGGED = 0.02  # the share of right answers that the threshold may call unsure
AUGMENTED_EPOCHS = 4  # of the network that sees no stroke: enough for a step of the table
CANVAS, OLD_PEN = 280, 18  # pixels of the window that the project began with

Array = npt.NDArray[Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="mnist", help="mnist, or a folder with its four files")
    parser.add_argument("--out", type=Path, default=Path("results/drawing-benchmark"))
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    lab = Lab(load_data(arguments.data), arguments.out, arguments.jobs)
    drawings = load_pendigits()
    report = {"folds": three_folds(lab, drawings), "steps": steps(lab, drawings)}
    (arguments.out / "drawing.json").write_text(json.dumps(report, indent=1), "utf-8")
    print(json.dumps(report, indent=1))


class Lab:
    """Trains what is not trained yet and opens it."""

    def __init__(self, data: DataSet, out: Path, jobs: int) -> None:
        self.data, self.out, self.jobs = data, out, jobs

    def model(self, book: Book, name: str) -> Predictor:
        """The model of a book's one trial with its one seed."""
        results = run_book(book, self.data, self.out / name, jobs=self.jobs, device="cpu")
        (record,) = results.records
        print(
            f"{name}: {record.status}, {record.seconds:.0f} s, MNIST test "
            f"{record.scores['test'].accuracy:.4f}",
            flush=True,
        )
        return open_model(next((self.out / name).glob("*/model.onnx")), name)


def drawing_book(writers_to_exclude: Sequence[str] | None) -> Book:
    """The shipped book without those writers, or without any strokes for None."""
    book = read_book("drawing")
    if writers_to_exclude is None:
        return book.model_copy(update={"extra": ()})
    extra = Extra(strokes="pendigits", exclude_writers=tuple(writers_to_exclude), copies=COPIES)
    return book.model_copy(update={"extra": (extra,)})


def fold_of(drawing: Drawing) -> int:
    return int(drawing.writer or 0) % FOLDS


def excluded(drawings: Sequence[Drawing], kept: set[int]) -> list[str]:
    """The writers outside the folds that are kept."""
    return sorted({drawing.writer or "" for drawing in drawings if fold_of(drawing) not in kept})


def framed(drawings: Sequence[Drawing]) -> Array:
    return np.stack([frame_strokes(drawing.strokes) for drawing in drawings])


def labels_of(drawings: Sequence[Drawing]) -> Array:
    return np.array([int(drawing.label or -1) for drawing in drawings])


def three_folds(lab: Lab, drawings: Sequence[Drawing]) -> dict[str, Any]:
    """Every drawing answered by a network that never saw its writer."""
    answers: list[tuple[list[Drawing], Array, float, dict[str, float]]] = []
    for fold in range(FOLDS):
        book = drawing_book(excluded(drawings, {other for other in range(FOLDS) if other != fold}))
        model = lab.model(book, f"without-{fold}")
        threshold = chosen_threshold(model, split(lab.data, book.validation).validation)
        held = [drawing for drawing in drawings if fold_of(drawing) == fold]
        probabilities = model.predict(framed(held))[1]
        answers.append(
            (held, probabilities, threshold, flagged_of_no_digits(model, threshold, held))
        )
    return summary(answers)


def chosen_threshold(model: Predictor, validation: Images) -> float:
    """The highest probability below which `FLAGGED` of the right answers about the validation
    images fall.
    """
    probabilities = model.predict(validation.pixels)[1]
    right = probabilities.argmax(axis=1) == validation.labels
    return float(np.quantile(probabilities.max(axis=1)[right], FLAGGED))


def flagged_of_no_digits(
    model: Predictor, threshold: float, held: Sequence[Drawing]
) -> dict[str, float]:
    random = np.random.default_rng(0)
    kinds = {
        "letters": letters(random, 8),
        "scribbles": scribbles(random, 240),
        "pairs": pairs(random, held, 240),
    }
    highest = {
        kind: model.predict(np.stack([frame_strokes(strokes) for strokes in made]))[1].max(axis=1)
        for kind, made in kinds.items()
    }
    highest["all"] = np.concatenate(list(highest.values()))
    return {kind: float((values < threshold).mean()) for kind, values in highest.items()} | {
        "n": len(highest["all"])
    }


def summary(
    answers: Sequence[tuple[list[Drawing], Array, float, dict[str, float]]],
) -> dict[str, Any]:
    drawings = [drawing for held, *_ in answers for drawing in held]
    probabilities = np.concatenate([found for _, found, *_ in answers])
    unsure = np.concatenate([found.max(axis=1) < threshold for _, found, threshold, _ in answers])
    right = probabilities.argmax(axis=1) == labels_of(drawings)
    return {
        **accuracies(drawings, right),
        "thresholds": [threshold for _, _, threshold, _ in answers],
        "unsure": {
            "of_right": float(unsure[right].mean()),
            "of_wrong": float(unsure[~right].mean()),
            "wrong": int((~right).sum()),
            "of_no_digits": [flagged for *_, flagged in answers],
        },
    }


def accuracies(drawings: Sequence[Drawing], right: Array) -> dict[str, Any]:
    labels, writers = labels_of(drawings), np.array([drawing.writer for drawing in drawings])
    by_writer = {
        str(writer): float(right[writers == writer].mean())
        for writer in sorted(set(writers), key=int)
    }
    return {
        "n": len(drawings),
        "accuracy": float(right.mean()),
        "by_digit": [float(right[labels == digit].mean()) for digit in range(10)],
        "mean_writer": float(np.mean(list(by_writer.values()))),
        "worst_writer": min(by_writer.values()),
        "by_writer": by_writer,
    }


def steps(lab: Lab, drawings: Sequence[Drawing]) -> dict[str, Any]:
    """From the window that the project began with to networks that saw no stroke; the last step is
    the three folds.
    """
    six = read_book("six-trials").with_seeds(1)
    old = lab.model(
        six.model_copy(update={"trials": (six.trial("4").model_copy(update={"parent": None}),)}),
        "trial-4",
    )
    augmented = lab.model(drawing_book(None).with_epochs(AUGMENTED_EPOCHS), "no-strokes")
    shrunk = np.stack([shrunk_canvas(drawing) for drawing in drawings])
    pictures, labels = framed(drawings), labels_of(drawings)
    asked = {
        "canvas shrunk to 28×28, network of trial 4": (old, shrunk),
        "plus framing": (old, pictures),
        "plus augmentation and the drawing network": (augmented, pictures),
    }
    return {
        step: accuracies(drawings, model.predict(given)[1].argmax(axis=1) == labels)
        for step, (model, given) in asked.items()
    }


def shrunk_canvas(drawing: Drawing) -> Array:
    """What the window of old showed its network: the tablet's 500×500 drawn on its canvas, shrunk
    to 28×28.
    """
    canvas = Image.new("L", (CANVAS, CANVAS))
    draw = ImageDraw.Draw(canvas)
    for stroke in drawing.strokes:
        points = [
            (float(x) * CANVAS / 500, float(y + 500) * CANVAS / 500) for x, y in stroke
        ]  # the file's y was flipped
        draw.line(points, fill=255, width=OLD_PEN, joint="curve")
        for x, y in points:
            draw.ellipse(
                (x - OLD_PEN / 2, y - OLD_PEN / 2, x + OLD_PEN / 2, y + OLD_PEN / 2), fill=255
            )
    return np.asarray(canvas.resize((28, 28), Image.Resampling.BILINEAR))


if __name__ == "__main__":
    main()
