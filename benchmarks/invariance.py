"""Whether framing leaves a trace of size, place, sampling, pen and light, on held-out people's
strokes.

    python -m benchmarks.invariance [--out results/drawing-benchmark]

Asks the networks of the three folds that `benchmarks/drawing.py` stored about the writers that each
never saw.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from benchmarks.drawing import FOLDS, fold_of, framed, labels_of
from mnistlab.data.framing import frame_ink, frame_strokes
from mnistlab.data.ink import find_ink
from mnistlab.data.pendigits import load_pendigits
from mnistlab.data.strokes import Drawing, Stroke
from mnistlab.model.predictor import Predictor, open_model

CANVAS, DIGIT = 280, 200  # pixels
IMAGES_A_FOLD = 150
PENS = (2, 4, 8, 16, 28, 40)  # pixels

Array = npt.NDArray[Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("results/drawing-benchmark"))
    arguments = parser.parse_args()
    drawings = load_pendigits()
    folds = []
    for fold in range(FOLDS):
        model = open_model(next((arguments.out / f"without-{fold}").glob("*/model.onnx")))
        held = [drawing for drawing in drawings if fold_of(drawing) == fold]
        folds.append(strokes_unchanged(model, held) | images_right(model, held))
    report = {key: float(np.mean([fold[key] for fold in folds])) for key in folds[0]}
    (arguments.out / "invariance.json").write_text(json.dumps(report, indent=1), "utf-8")
    print(json.dumps(report, indent=1))


def answers(model: Predictor, pictures: Sequence[Array]) -> Array:
    return np.asarray(model.predict(np.stack(pictures))[1].argmax(axis=1))


def strokes_unchanged(model: Predictor, held: Sequence[Drawing]) -> dict[str, float]:
    """The share of drawings whose answer stays, for each change of the strokes."""
    random = np.random.default_rng(0)
    changes: dict[str, Callable[[Stroke], Stroke]] = {
        "scaled 0.2": lambda stroke: stroke * 0.2,
        "scaled 3": lambda stroke: stroke * 3,
        "moved": lambda stroke: stroke + np.array([12_345.6, -789.1]),
        "every second point": lambda stroke: _sparser(stroke, 2),
        "every third point": lambda stroke: _sparser(stroke, 3),
        "ten times as many points": _denser,
    }
    usual = model.predict(framed(held))[1].argmax(axis=1)
    shares = {}
    for name, change in changes.items():
        asked = [frame_strokes([change(stroke) for stroke in drawing.strokes]) for drawing in held]
        shares[f"same answer, strokes {name}"] = float((answers(model, asked) == usual).mean())
    scales, places = random.uniform(0.2, 3, len(held)), random.uniform(-1e4, 1e4, (len(held), 2))
    asked = [
        frame_strokes([stroke * scale + place for stroke in drawing.strokes])
        for drawing, scale, place in zip(held, scales, places, strict=True)
    ]
    shares["same answer, scaled 0.2 to 3 and moved anywhere"] = float(
        (answers(model, asked) == usual).mean()
    )
    return shares


def images_right(model: Predictor, held: Sequence[Drawing]) -> dict[str, float]:
    """Accuracy on the same drawings as strokes, and as images with many pens and lights."""
    random = np.random.default_rng(0)
    some = [held[i] for i in random.choice(len(held), IMAGES_A_FOLD, replace=False)]
    labels = labels_of(some)
    shares = {"accuracy as strokes": float((answers(model, list(framed(some))) == labels).mean())}
    kinds: dict[str, Callable[[Drawing], Array]] = {
        f"pen {pen}": partial(photo, pen=pen) for pen in PENS
    }
    kinds["light from one side"] = lambda drawing: (
        photo(drawing, 8) * (0.4 + 0.6 * np.linspace(0, 1, CANVAS))
    )
    kinds["light from a corner, light ink"] = lambda drawing: (
        (255 - photo(drawing, 8)) * 0.5 + _corner() * 120
    )
    kinds["noise"] = lambda drawing: np.clip(
        photo(drawing, 8) + random.normal(0, 8, (CANVAS, CANVAS)), 0, 255
    )
    for name, make in kinds.items():
        pictures = [frame_ink(find_ink(make(drawing))) for drawing in some]
        shares[f"accuracy as images, {name}"] = float((answers(model, pictures) == labels).mean())
    return shares


def photo(drawing: Drawing, pen: int) -> Array:
    """The drawing as an image (280, 280), dark on white, drawn with a round pen of `pen` pixels."""
    points = np.concatenate(drawing.strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = min(DIGIT, CANVAS - pen - 4) / max(float((high - low).max()), 1e-9)
    image = Image.new("L", (CANVAS, CANVAS), 255)
    draw = ImageDraw.Draw(image)
    for stroke in drawing.strokes:
        path = ((stroke - (low + high) / 2) * scale + CANVAS / 2).tolist()
        draw.line([tuple(point) for point in path], fill=0, width=pen, joint="curve")
        for x, y in path:
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=0)
    return np.asarray(image, np.float64)


def _corner() -> Array:
    along = np.linspace(0, 1, CANVAS)
    return (along[:, None] + along) / 2


def _sparser(stroke: Stroke, step: int) -> Stroke:
    return np.concatenate([stroke[:-1:step], stroke[-1:]])


def _denser(stroke: Stroke) -> Stroke:
    at = np.linspace(0, len(stroke) - 1, 10 * len(stroke))
    return np.stack(
        [np.interp(at, np.arange(len(stroke)), stroke[:, axis]) for axis in (0, 1)], axis=1
    )


if __name__ == "__main__":
    main()
