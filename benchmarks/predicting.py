"""How long a prediction takes: the first of a process, with its start, and later ones in a window.

python -m benchmarks.predicting
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from mnistlab.data.framing import frame_strokes
from mnistlab.drawing.evidence import Explainer
from mnistlab.model.predictor import shipped_model

STARTS, LATER = 10, 300
FIRST = """
import numpy as np
from mnistlab.data.framing import frame_strokes
from mnistlab.model.predictor import shipped_model
shipped_model().guess(frame_strokes([np.array([[0, 0], [60, 0], [20, 100]])]))
"""


def main() -> None:
    """Time each and print medians."""
    argparse.ArgumentParser(description="How long a prediction takes.").parse_args()
    strokes = [np.array([[0.0, 0], [60, 0], [20, 100]])]
    model = shipped_model()
    explainer, picture = Explainer(model), frame_strokes(strokes)
    report = {
        "first prediction, from the start of the process, ms": [
            milliseconds(first) for _ in range(STARTS)
        ],
        "framing, ms": [milliseconds(lambda: frame_strokes(strokes)) for _ in range(LATER)],
        "prediction, ms": [milliseconds(lambda: model.guess(picture)) for _ in range(LATER)],
        "evidence by occlusion, ms": [
            milliseconds(lambda: explainer.explain(picture, 7, 1)) for _ in range(LATER)
        ],
    }
    shown = {
        name: {
            "n": len(times),
            "median": round(float(np.median(times)), 2),
            "slowest": round(max(times), 2),
        }
        for name, times in report.items()
    }
    print(json.dumps(shown, indent=1))


def first() -> None:
    subprocess.run([sys.executable, "-c", FIRST], check=True)


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
