"""What a filter sees: every image's patches side by side, made once for all epochs, seeds and worker processes."""

import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from mnistlab import atomic
from mnistlab.book.trial import SIDE, Conv
from mnistlab.data.images import Bytes
from mnistlab.data.split import Split, open_split
from mnistlab.errors import StoreError

CHUNK = 256  # images unfolded at a time, so that what is being written stays in the processor's cache
PARTS = ("train", "validation")  # what training sees; test images are scored once a run, and unfolded then
UNUSED_SECONDS = 7 * 24 * 3600  # a store of patches takes 4 to 6 times the room of its images


def unfold(pixels: Bytes, conv: Conv, file: Path | None = None) -> Bytes:
    """Images (n, 28, 28) → patches (n, positions·(k² + 1)), row by row, each followed by a 255 for the bias.

    Positions run over the image row by row, the k² pixels of a patch too; padding is 0. Into memory, or into a .npy
    file, which may be larger than memory. Raises OSError.
    """
    side, end = conv.side_before_pool(SIDE), conv.padding + SIDE
    shape = (len(pixels), side**2 * (conv.kernel**2 + 1))
    whole = np.lib.format.open_memmap(file, "w+", np.uint8, shape) if file else np.empty(shape, np.uint8)
    patches = whole.reshape(len(pixels), side, side, -1)
    patches[..., -1] = 255
    for first in range(0, len(pixels), CHUNK):
        images = pixels[first : first + CHUNK]
        padded = np.zeros((len(images), end + conv.padding, end + conv.padding), np.uint8)
        padded[:, conv.padding : end, conv.padding : end] = images
        for pixel in range(conv.kernel**2):
            row, column = divmod(pixel, conv.kernel)
            seen = padded[:, row :: conv.stride, column :: conv.stride]
            patches[first : first + CHUNK, :, :, pixel] = seen[:, :side, :side]
    return whole


class Patches:
    """Patches of one convolution: those given, by the very array of pixels, and any others made when asked for."""

    def __init__(self, conv: Conv, given: tuple[tuple[Bytes, Bytes], ...] = ()) -> None:
        self.conv, self.known = conv, list(given)

    def of(self, pixels: Bytes) -> Bytes:
        """What `unfold` makes of `pixels`, made once for each array."""
        for known, patches in self.known:
            if known is pixels:
                return patches
        self.known.append((pixels, unfold(pixels, self.conv)))
        return self.known[-1][1]


def share_patches(split_folder: Path, conv: Conv) -> Path:
    """Write the patches of a split's training and validation images beside it unless they are there.

    The name holds the hash of the split and all that determines the patches. Those unused for a week are removed.
    Raises StoreError.
    """
    beside = f"{split_folder.name}-patches-"
    folder = split_folder.with_name(f"{beside}{conv.kernel}-{conv.stride}-{conv.padding}")
    try:
        if not atomic.is_whole(folder, [f"{part}.npy" for part in PARTS]):
            _remove_unused(split_folder.parent)
            split = open_split(split_folder)
            with atomic.whole_folder(folder) as temporary:
                for part in PARTS:
                    unfold(getattr(split, part).pixels, conv, temporary / f"{part}.npy")
        os.utime(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error}); set MNISTLAB_CACHE to a folder that can") from None
    return folder


def _remove_unused(splits: Path) -> None:
    for old in splits.glob("*-patches-*"):
        with suppress(OSError):  # another lab removes it, or still maps it
            if time.time() - old.stat().st_mtime > UNUSED_SECONDS:
                atomic.remove_folder(old)


def open_patches(folder: Path, split: Split, conv: Conv) -> Patches:
    """Map shared patches into memory: copy-on-write, so every process reads the same pages."""
    given = [
        (getattr(split, part).pixels, np.load(folder / f"{part}.npy", mmap_mode="c", allow_pickle=False))
        for part in PARTS
    ]
    return Patches(conv, tuple(given))
