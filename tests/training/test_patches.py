"""Patches against PyTorch's unfold, and their shared store."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistlab.book.trial import SIDE, Conv
from mnistlab.data.images import Images
from mnistlab.data.split import DataInfo, Split, open_split, share_split
from mnistlab.errors import StoreError
from mnistlab.training import patches as module
from mnistlab.training.patches import Patches, open_patches, share_patches, unfold

CONV = Conv(out=4, kernel=7, stride=3, padding=1)


def split() -> Split:
    random = np.random.default_rng(0)
    parts = {
        part: Images(random.integers(0, 256, (count, SIDE, SIDE), np.uint8), np.zeros(count, np.uint8))
        for part, count in (("train", 300), ("validation", 40), ("test", 30))
    }
    return Split(DataInfo(name="noise", sha256="0" * 64, sizes={}), **parts)


@pytest.mark.parametrize(
    "conv",
    [
        CONV,
        Conv(out=1, kernel=1),
        Conv(out=1, kernel=28),
        Conv(out=1, kernel=5, stride=2, padding=4),
        Conv(out=1, kernel=3, stride=28, padding=28),
    ],
)
def test_unfold_is_pytorchs_with_a_column_for_the_bias(conv: Conv) -> None:
    pixels = split().train.pixels
    images = torch.from_numpy(pixels).float().unsqueeze(1)
    expected = torch.nn.functional.unfold(images, conv.kernel, padding=conv.padding, stride=conv.stride)
    ours = unfold(pixels, conv).reshape(len(pixels), -1, conv.kernel**2 + 1)
    assert np.array_equal(ours[:, :, :-1], expected.transpose(1, 2).numpy())
    assert (ours[:, :, -1] == 255).all()


def test_patches_of_an_array_are_made_once() -> None:
    parts, patches = split(), Patches(CONV)
    first = patches.of(parts.train.pixels)
    assert patches.of(parts.train.pixels) is first
    assert patches.of(parts.test.pixels) is not first
    assert np.array_equal(first, unfold(parts.train.pixels, CONV))


def test_shared_patches_are_those_of_the_split(tmp_path: Path) -> None:
    folder = share_split(split(), tmp_path)
    parts = open_split(folder)
    shared = open_patches(share_patches(folder, CONV), parts, CONV)
    for part in (parts.train, parts.validation):
        mapped = shared.of(part.pixels)
        assert isinstance(mapped, np.memmap)
        assert np.array_equal(mapped, unfold(part.pixels, CONV))


def test_shared_patches_hold_nothing_of_the_test_images(tmp_path: Path) -> None:
    folder = share_split(split(), tmp_path)
    parts = open_split(folder)
    stored = share_patches(folder, CONV)
    assert sorted(path.name for path in stored.iterdir()) == ["train.npy", "validation.npy"]
    assert all(pixels is not parts.test.pixels for pixels, _ in open_patches(stored, parts, CONV).known)


def test_another_geometry_or_split_is_another_store(tmp_path: Path) -> None:
    folder = share_split(split(), tmp_path)
    other = CONV.model_copy(update={"padding": 2})
    assert share_patches(folder, CONV) != share_patches(folder, other)
    assert share_patches(folder, CONV) == share_patches(folder, CONV.model_copy(update={"out": 9}))


def test_patches_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = share_split(split(), tmp_path)
    share_patches(folder, CONV)
    monkeypatch.setattr(module, "unfold", lambda *_: pytest.fail("made again"))
    share_patches(folder, CONV)


def test_two_labs_that_share_at_the_same_moment_agree(tmp_path: Path) -> None:
    folder = share_split(split(), tmp_path)
    threads = [threading.Thread(target=share_patches, args=(folder, CONV)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = open_split(folder)
    shared = open_patches(share_patches(folder, CONV), parts, CONV)
    assert np.array_equal(shared.of(parts.train.pixels), unfold(parts.train.pixels, CONV))
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted(
        [folder.name, share_patches(folder, CONV).name]
    )


def test_patches_unused_for_long_make_room(tmp_path: Path) -> None:
    folder = share_split(split(), tmp_path)
    old, used = share_patches(folder, CONV), share_patches(folder, Conv(out=1, kernel=3))
    for store in (old, used):
        os.utime(store, (0, time.time() - 8 * 24 * 3600))
    share_patches(folder, Conv(out=1, kernel=3))
    share_patches(folder, Conv(out=1, kernel=9))
    assert not old.exists()
    assert used.exists()
    assert folder.exists()


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    folder = share_split(split(), tmp_path)
    with pytest.raises(StoreError, match="MNISTLAB_CACHE"):
        share_patches(folder / "missing", CONV)
