"""Pictures for the window: the drawing with its evidence, and what the network sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from mnistlab.data.framing import Framing
from mnistlab.drawing.evidence import Evidence
from mnistlab.drawing.sketch import UNITS, Point
from mnistlab.images import SIDE

FINER = 3  # strokes are drawn this many times larger, then shrunk: antialiasing
PEN_SHARE = 0.034  # width of the pen that is seen, as a share of the board
COARSER = 4  # evidence is smooth, so it is moved on a board this many times smaller
STRONGEST = 0.75  # opacity of the strongest evidence

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """Colours, red, green and blue from 0 to 255."""

    window: Colour
    board: Colour
    ink: Colour
    text: Colour
    faint: Colour
    line: Colour
    bar: Colour
    unsure: Colour
    speaks_for: Colour = (230, 120, 20)
    speaks_against: Colour = (45, 125, 245)

    def hex(self, name: str) -> str:
        """A colour as Tk writes it."""
        red, green, blue = getattr(self, name)
        return f"#{red:02x}{green:02x}{blue:02x}"


LIGHT = Theme(
    window=(246, 246, 248), board=(255, 255, 255), ink=(25, 27, 34), text=(25, 27, 34),
    faint=(112, 117, 128), line=(222, 224, 230), bar=(60, 110, 220), unsure=(196, 110, 0),
)  # fmt: skip
DARK = Theme(
    window=(24, 26, 31), board=(34, 37, 44), ink=(240, 241, 245), text=(236, 238, 243),
    faint=(150, 156, 168), line=(58, 62, 72), bar=(110, 160, 255), unsure=(255, 180, 70),
)  # fmt: skip


def paint_board(
    strokes: Sequence[Sequence[Point]], side: int, theme: Theme, framing: Framing,
    evidence: Evidence | None,
) -> Image.Image:  # fmt: skip
    """The board, `side` pixels square: the evidence where it was found, and the strokes."""
    board = Image.new("RGB", (side, side), theme.board)
    if evidence is not None:
        tint = _tint(evidence, theme).filter(ImageFilter.GaussianBlur(1.2))
        tint = _where_it_was(tint, framing, side)
        board.paste(tint.convert("RGB"), mask=tint.getchannel("A"))
    board.paste(theme.ink, mask=stroke_mask(strokes, side))
    return board


def paint_picture(picture: npt.NDArray[np.uint8], side: int, theme: Theme) -> Image.Image:
    """What the network sees, `side` pixels square, its pixels as squares."""
    seen = Image.new("RGB", (SIDE, SIDE), theme.board)
    seen.paste(theme.ink, mask=Image.fromarray(picture))
    return seen.resize((side, side), Image.Resampling.NEAREST)


def stroke_mask(strokes: Sequence[Sequence[Point]], side: int) -> Image.Image:
    """How much of each pixel the strokes cover, 0 to 255; corners between points are rounded."""
    scale, pen = FINER * side / UNITS, PEN_SHARE * side * FINER
    image = Image.new("L", (FINER * side, FINER * side))
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        points = rounded(_thinned(np.array(stroke, np.float64) * scale, pen / 3))
        draw.line(points.ravel().tolist(), fill=255, width=max(1, round(pen)))
        for x, y in points.tolist():
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return image.reduce(FINER)


def _thinned(points: npt.NDArray[np.float64], apart: float) -> npt.NDArray[np.float64]:
    """Points (n, 2), about one for each `apart` of the path; the first and the last stay."""
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    _, first = np.unique(np.floor(travelled / apart), return_index=True)
    return points[np.union1d(first, len(points) - 1)]


def rounded(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Points (n, 2) of a smooth curve through the same ends.

    Chaikin's corner cutting, twice ("An algorithm for high-speed curve generation", 1974).
    """
    for _ in range(2):
        if len(points) < 3:
            return points
        near, far = 0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]
        between = np.stack([near, far], axis=1).reshape(-1, 2)
        points = np.concatenate([points[:1], between[1:-1], points[-1:]])
    return points


def ppm(image: Image.Image) -> bytes:
    """An image as the file that Tk reads without help."""
    return b"P6 %d %d 255 " % image.size + image.tobytes()


def _where_it_was(tint: Image.Image, framing: Framing, side: int) -> Image.Image:
    """What lies over the picture's pixels, brought to where on the board they came from."""
    coarse = max(1, side // COARSER)
    step = framing.scale * UNITS / coarse  # pixels of the picture per pixel of the result
    x, y = framing.offset
    matrix, smooth = (step, 0, x, 0, step, y), Image.Resampling.BICUBIC
    moved = tint.transform((coarse, coarse), Image.Transform.AFFINE, matrix, smooth)
    return moved.resize((side, side), smooth)


def _tint(evidence: Evidence, theme: Theme) -> Image.Image:
    """The evidence at each pixel, 28×28: red, green, blue, and the opacity its strength."""
    values = evidence.over_pixels()
    tint = np.empty((SIDE, SIDE, 4), np.uint8)
    tint[:, :, :3] = np.where(values[:, :, None] > 0, theme.speaks_for, theme.speaks_against)
    tint[:, :, 3] = np.abs(values) * (255 * STRONGEST / max(float(np.abs(values).max()), 1e-6))
    return Image.fromarray(tint)
