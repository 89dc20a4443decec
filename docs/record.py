"""Record README's animation: strokes replayed as real pointer motion through the real window.

xvfb-run -a -s "-screen 0 1200x800x24" python docs/record.py docs/demo.jsonl docs/draw.webp [--dark]

Needs Linux with Xvfb and xdotool. Every drawing of the file is drawn, waited for, and wiped off.
"""

import argparse
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageGrab

from mnistlab.data.strokes import Drawing, Stroke, read_strokes
from mnistlab.drawing.window import Window
from mnistlab.model.predictor import shipped_model

STEP = 0.022  # of the board's side between two pointer motions
EVERY = 3  # pointer motions a frame
FRAME, PAUSE = 60, 1500  # milliseconds that a frame is shown, and the last one of a drawing
MARGIN = 0.17  # of the board's side around a drawing
WIDTH = 720  # pixels of the animation


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("strokes", type=Path)
    parser.add_argument("animation", type=Path)
    parser.add_argument("--dark", action="store_true")
    arguments = parser.parse_args()
    recorder = Recorder(Window([shipped_model()], Path("corrections.jsonl"), arguments.dark))
    for drawing in read_strokes(arguments.strokes):
        recorder.draw(drawing)
    recorder.save(arguments.animation)
    print(
        f"{arguments.animation}: {len(recorder.frames)} frames, "
        f"{arguments.animation.stat().st_size:,} bytes"
    )


class Recorder:
    """A hand at the window and an eye on it."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []
        window.root.geometry("+0+0")
        window.root.focus_force()
        self._wait(0.5)

    def draw(self, drawing: Drawing) -> None:
        """Draw, look a while, wipe."""
        board = self.window.board
        origin = np.array([board.winfo_rootx(), board.winfo_rooty()])
        side = min(board.winfo_width(), board.winfo_height())
        for stroke in placed(drawing):
            for number, (x, y) in enumerate((origin + stroke * side).round().astype(int)):
                self._do("mousemove", str(x), str(y), *(("mousedown", "1") if number == 0 else ()))
                if number % EVERY == 0:
                    self._look(FRAME)
            self._do("mouseup", "1")
        self._wait(0.2)
        self._look(PAUSE)
        self._do("key", "Escape")
        self._look(4 * FRAME)

    def save(self, path: Path) -> None:
        """Write the frames as the kind of file that the name says: WebP is the smallest."""
        (first, *others), shown = self.frames, self.durations
        first.save(
            path, save_all=True, append_images=others, duration=shown, loop=0, quality=60, method=4
        )

    def _do(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], check=True)
        self._wait(0.02)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.window.root.update()
            time.sleep(0.002)

    def _look(self, milliseconds: int) -> None:
        root = self.window.root
        left, top = root.winfo_rootx(), root.winfo_rooty()
        box = (left, top, left + root.winfo_width(), top + root.winfo_height())
        seen = ImageGrab.grab(box, xdisplay="")
        self.frames.append(
            seen.resize((WIDTH, round(seen.height * WIDTH / seen.width)), Image.Resampling.LANCZOS)
        )
        self.durations.append(milliseconds)


def placed(drawing: Drawing) -> list[Stroke]:
    """The strokes in shares of the board, centred, with a point every `STEP` along them."""
    points = np.concatenate(drawing.strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (1 - 2 * MARGIN) / float((high - low).max())
    return [_evenly((stroke - (low + high) / 2) * scale + 0.5) for stroke in drawing.strokes]


def _evenly(stroke: Stroke) -> Stroke:
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    at = np.linspace(0, travelled[-1], max(2, int(travelled[-1] / STEP)))
    return np.stack([np.interp(at, travelled, stroke[:, axis]) for axis in (0, 1)], axis=1)


if __name__ == "__main__":
    main()
