"""Digits in styles that the training strokes hold too few of, drawn by rules of their own.

    python -m benchmarks.styles [--model FILE.onnx …]

None of these rules is used in training: each style has a few skeletons, their corners are moved,
cut round, slanted and stretched anew for every drawing. Prints what share of each style the shipped
model, or each of those given, reads right, and what share it reads right without being unsure.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnistlab.data.framing import frame_strokes
from mnistlab.model.predictor import Predictor, open_model, shipped_model
from mnistlab.randomness import Purpose, generator

EACH = 50  # drawings of each skeleton
JITTER = 0.22  # standard deviation of a corner's place, in units of the grid
TURN, SHEAR, STRETCH = 0.08, 0.16, 0.2  # standard deviations: radians, x by y, log of the width
ROUNDINGS = 2  # times that corners are cut

Strokes = list[npt.NDArray[np.float64]]

# corners on a grid of 4 by 6, x right and y down, strokes parted by |
STYLES = {
    "1 with flag and base line": (
        "0.8,1.5 2,0 2,6|0.6,6 3.4,6",
        "1,1 2,0 2,6 0.8,6 3.2,6",
        "0.5,2 2.2,0 1.8,6|0.4,6 3,5.9",
        "1.2,0.7 2,0 2,6|1,6 3,6",
        "0.6,1 2,0 2,6|0,6 4,6",
    ),
    "1 with base line alone": ("2,0 2,6|0.8,6 3.2,6", "2.2,0 1.9,6 1,6 3,5.9"),
    "1 with flag alone": ("0.8,1.6 2,0 2,6", "0.4,2.4 2.2,0 1.8,6", "1.2,0.9 2,0 2.1,6"),
    "7 with crossbar": (
        "0,0 4,0 1.5,6|0.8,3 3.8,3",
        "0,0.9 0,0 3.8,0 1.6,6|1,3.2 3.4,2.8",
        "0,0.4 2,0 3.8,0.2 2.4,3 2.1,6|0.9,3 3.8,2.8",
        "0,0 3.6,0 2.8,2 0.8,6|1.2,2.6 3.6,2.9",
        "0.8,0.6 1.4,0 2.8,0.1 2.8,1.4 2,6|0.6,3.3 4,3",
    ),
    "7 without crossbar": ("0,0 4,0 1.5,6", "0,0.9 0,0 3.8,0 1.6,6", "0,0.3 2,0 3.8,0.1 2.3,3 2,6"),
    "9 open at the top": (
        "2.3,0.1 1,0.1 0.2,1.5 0.8,2.8 2,2.9 3.4,1.6 3.6,0.3 3.4,3 3,6",
        "2.4,0.4 1.2,0 0.2,1 0.6,2.5 1.8,2.8 3.3,1.8 3.6,0.5 3.6,3 3,5.4 1.8,6 0.6,5.4",
        "2.2,0 0.7,0.2 0.4,1.6 1.2,2.6 2.6,2.4 3.4,0.4 3,3 2,6",
        "2,0.4 1.4,0 0.4,0.4 0.4,2 1.4,2.6 3,2 3.4,0.4 3.2,3.6 3.2,6",
    ),
    "9 open at the stem": (
        "2.2,2.6 1,3 0.2,1.8 0.6,0.5 2,0 3.2,0.8 3.4,2 3.2,4 2.4,6",
        "2,2.4 0.8,2.6 0.3,1.4 1,0.1 2.6,0.1 3.3,1.2 3.2,6",
        "1.6,2.7 0.5,2.2 0.4,0.8 1.6,0 3,0.4 3.4,1.8 2.8,4 1.4,6",
        "2.2,2.5 1,2.8 0.2,1.4 1,0.2 2.4,0 3.4,1.2 3.4,4 2.6,5.8 1.2,6 0.4,5.2",
    ),
    "9 with straight stem": (
        "3.2,0.6 2,0 0.6,0.6 0.4,2 1.6,2.8 3,2 3.2,0.6 3.2,3 3.2,6",
        "2,0 0.6,0.6 0.6,2 1.8,2.6 3,1.8 3,0.6 1.8,0 3,0.8 2.8,6",
    ),
    "9 with curled stem": (
        "3.2,0.6 2,0 0.6,0.6 0.4,2 1.6,2.8 3,2 3.2,0.6 3.2,4.8 2.4,6 1,5.9 0.4,5",
        "3,0.8 1.8,0 0.4,1 1,2.6 2.6,2.4 3.2,0.8 3.4,4 2.6,6 0.2,6",
    ),
    "4 closed": (
        "3,0 0,4 4.2,4|3,0 3,6",
        "2.6,0 0.2,3.6 4,3.6|2.7,0.2 2.6,6",
        "3,6 3,0 0,4 4,4",
    ),
    "4 open": ("0.6,0 0.3,3 4,3|2.8,0.2 2.7,6", "1.2,0 0,3.6 4,3.5|2.8,1.6 2.6,6"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", type=Path, nargs="+", default=[], metavar="FILE.onnx")
    models = [open_model(path) for path in parser.parse_args().model] or [shipped_model()]
    print("| style | n |", " | ".join(f"{model.name}: right | and sure" for model in models), "|")
    print("| --- |" + " --- |" * (1 + 2 * len(models)))
    for style, drawings in made().items():
        pictures = np.stack([frame_strokes(strokes) for strokes in drawings])
        found = [share for model in models for share in shares(model, int(style[0]), pictures)]
        cells = " | ".join(f"{100 * share:.1f} %" for share in found)
        print(f"| {style} | {len(drawings)} | {cells} |")


def made() -> dict[str, list[Strokes]]:
    """Every style's drawings, the same each time."""
    random = generator(0, Purpose.drawings)
    return {
        style: [drawn(skeleton, random) for skeleton in skeletons for _ in range(EACH)]
        for style, skeletons in STYLES.items()
    }


def drawn(skeleton: str, random: np.random.Generator) -> Strokes:
    """One drawing of a skeleton: its corners moved and rounded, then turned, slanted, stretched."""
    turn, shear = random.normal(0, TURN), random.normal(0, SHEAR)
    width = np.exp(random.normal(0, STRETCH))
    hand = np.array([[width, shear - turn], [turn, 1.0]])
    strokes = []
    for stroke in skeleton.split("|"):
        corners = np.array([[float(x) for x in corner.split(",")] for corner in stroke.split()])
        moved = corners + random.normal(0, JITTER, corners.shape)
        strokes.append(rounded(moved) @ hand.T)
    return strokes


def rounded(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Corners (n, 2) cut off, the ends kept.

    G. Chaikin, "An algorithm for high-speed curve generation", Computer Graphics and Image
    Processing 3 (1974).
    """
    for _ in range(ROUNDINGS):
        first, second = corners[:-1], corners[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], axis=1)
        corners = np.concatenate([corners[:1], cut.reshape(-1, 2), corners[-1:]])
    return corners


def shares(model: Predictor, digit: int, pictures: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Of pictures (n, 28, 28) of a digit, the share read right, and right without being unsure."""
    probabilities = model.predict(pictures)[1]
    right = probabilities.argmax(axis=1) == digit
    sure = probabilities.max(axis=1) >= (model.unsure_below or 0)
    return float(right.mean()), float((right & sure).mean())


if __name__ == "__main__":
    main()
