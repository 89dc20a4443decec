"""Augmentation: pictures vary each time they are seen, so a network learns what stays the same.

Affine maps and elastic deformations after Simard, Steinkraus and Platt, "Best practices for
convolutional neural networks applied to visual document analysis" (ICDAR 2003).
"""

import numpy as np
import numpy.typing as npt

from mnistlab.book.trial import Augment
from mnistlab.images import Bytes
from mnistlab.training.nondigits import NonDigits
from mnistlab.training.warping import POINTS, warp

Labels = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

NO_DIGIT = -1  # the label of a picture whose target is an equal share for every class


class Augmenter:
    """Varies batches as a trial's `augment` says, every number drawn from one Generator.

    A batch draws pictures of no digit first (see `_with_nondigits`), then seven uniform numbers per
    picture, then the elastic displacements; a setting that is 0 changes no other's numbers, but for
    `nothing` and `elastic`, which draw none when they are 0.
    """

    def __init__(self, settings: Augment, random: np.random.Generator) -> None:
        self.settings, self.random = settings, random
        self.nondigits = NonDigits(random) if settings.nothing else None

    def __call__(self, pixels: Bytes, labels: Labels) -> tuple[Bytes, Labels]:
        """Return pixels (n, 28, 28), or (n, 28, 28, 3), and labels (n,) varied, as new arrays.

        A share `nothing` of the pictures is replaced by some of no digit, whose label is −1.
        """
        pixels, labels = self._with_nondigits(pixels, labels)
        uniform = self.random.uniform(-1, 1, (7, len(pixels)))
        maps, thickness = self._maps(uniform[:6]), self.settings.thickness * uniform[6]
        return warp(pixels, maps, self._displacements(len(pixels)), thickness), labels

    def _with_nondigits(self, pixels: Bytes, labels: Labels) -> tuple[Bytes, Labels]:
        """The first pictures replaced, so many that the share holds on average in small batches."""
        if self.nondigits is None:
            return pixels, labels.copy()
        count = int(self.settings.nothing * len(pixels) + self.random.random())
        pictures = self.nondigits.pictures(pixels, count)
        none = np.full(count, NO_DIGIT, np.int32)
        return np.concatenate([pictures, pixels[count:]]), np.concatenate([none, labels[count:]])

    def _maps(self, uniform: Floats) -> Floats:
        """Affine maps (n, 2, 3) from (6, n) numbers in ±1: turned, slanted, scaled, shifted."""
        settings = self.settings
        angle, slant = np.radians(settings.rotate) * uniform[0], settings.shear * uniform[1]
        width, height = np.exp(settings.scale * uniform[2:4])
        right, down = settings.shift * uniform[4:6]
        cos, sin = np.cos(angle), np.sin(angle)
        x = [cos * width, (cos * slant - sin) * height, right]
        y = [sin * width, (sin * slant + cos) * height, down]
        return np.moveaxis(np.array([x, y]), 2, 0)

    def _displacements(self, count: int) -> npt.NDArray[np.float32] | None:
        if not self.settings.elastic:
            return None
        normal = self.random.standard_normal((count, 2, POINTS, POINTS), np.float32)
        return normal * np.float32(self.settings.elastic)
