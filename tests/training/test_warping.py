"""Warping: against torch's own sampling, interpolation and pooling, to a grey level."""

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from mnistlab.images import Bytes
from mnistlab.training.warping import spline, warp

Floats = npt.NDArray[np.float32]
BEFORE_RGB = "0b3a84440eaf7b007aa374229cd4fe2041043204bbf99e2cab0addadf8ced64e"
STRAIGHT = np.eye(2, 3, dtype=np.float32)


def drawn(seed: int, count: int = 40) -> tuple[Bytes, Floats, Floats, Floats]:
    """Noise, so that a pixel's error shows, and maps that reach outside it."""
    random = np.random.default_rng(seed)
    maps = STRAIGHT + random.normal(0, [0.2, 0.2, 4], (count, 2, 3)).astype(np.float32)
    bends = random.normal(0, 1.5, (count, 2, 5, 5)).astype(np.float32)
    thickness = random.uniform(-1, 1, count).astype(np.float32)
    return random.integers(0, 256, (count, 28, 28), np.uint8), maps, bends, thickness


def torch_warped(pixels: Bytes, maps: Floats, bends: Floats, thickness: Floats) -> Floats:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    units = torch.from_numpy(maps) / torch.tensor([1, 1, 14])  # half pictures
    grid = functional.affine_grid(units, [len(pixels), 1, 28, 28], align_corners=False)
    bent = torch.from_numpy(bends / 14)
    fine = functional.interpolate(bent, (28, 28), mode="bicubic", align_corners=True)
    ink = functional.grid_sample(
        torch.from_numpy(pixels).float()[:, None],
        grid + fine.permute(0, 2, 3, 1),
        align_corners=False,
        padding_mode="zeros",
    )
    thick = functional.max_pool2d(functional.pad(ink, (1, 1, 1, 1)), 3, 1)
    thin = -functional.max_pool2d(functional.pad(-ink, (1, 1, 1, 1)), 3, 1)
    amount = torch.from_numpy(thickness)[:, None, None, None]
    blended = ink + amount.clamp(min=0) * (thick - ink) - amount.clamp(max=0) * (thin - ink)
    return np.asarray(blended[:, 0].numpy())


@pytest.mark.parametrize("left_out", ["", "maps", "bends", "thickness"])
def test_it_is_what_torch_makes_of_the_same_numbers(left_out: str) -> None:
    pixels, maps, bends, thickness = drawn(0)
    maps = maps if left_out != "maps" else np.tile(STRAIGHT, (len(pixels), 1, 1))
    bends = bends * (left_out != "bends")
    thickness = thickness * (left_out != "thickness")
    expected = torch_warped(pixels, maps, bends, thickness)
    found = warp(
        pixels,
        maps,
        None if left_out == "bends" else bends,
        None if left_out == "thickness" else thickness,
    )
    away = np.abs(found - expected)
    assert away.max() < 1
    assert (away < 0.51).mean() > 0.999  # rounded, not cut off


def test_the_spline_passes_through_its_points_and_keeps_what_is_level() -> None:
    weights = spline()
    assert np.allclose(weights.sum(0), 1, atol=1e-6)
    assert weights[:, 0] == pytest.approx([1, 0, 0, 0, 0])
    assert weights[:, 27] == pytest.approx([0, 0, 0, 0, 1])
    # pixel 9 lies a third past the second point: 1.25t³ − 2.25t² + 1 with t = 1/3 for it
    assert weights[1, 9] == pytest.approx(1.25 / 27 - 2.25 / 9 + 1)
    assert np.allclose(weights[:, ::-1], weights[::-1], atol=1e-6)


def test_by_hand() -> None:
    pixels = np.zeros((2, 28, 28), np.uint8)
    pixels[:, 10, 10] = 200
    half = np.array([[1, 0, 0.5], [0, 1, 0]])
    moved = warp(pixels, np.stack([STRAIGHT, half]), thickness=[0.5, 0])
    assert moved[0, 9:12, 9:12].tolist() == [[100, 100, 100], [100, 200, 100], [100, 100, 100]]
    assert moved[0].sum() == 200 + 8 * 100
    assert moved[1, 10, 9:11].tolist() == [100, 100]
    assert moved[1].sum() == 200


def test_far_outside_and_not_a_number_are_blank() -> None:
    pixels, maps, _, thickness = drawn(1, 4)
    maps[0, :, 2], maps[1, :, 2], maps[2], maps[3] = 1e9, -np.inf, np.nan, 1e38
    assert not warp(pixels, maps, None, np.abs(thickness))[:3].any()


def test_any_memory_order_and_none_at_all() -> None:
    pixels, maps, bends, thickness = drawn(2, 6)
    expected = warp(pixels[::2], maps[::2], bends[::2], thickness[::2])
    assert np.array_equal(expected, warp(pixels, maps, bends, thickness)[::2])
    assert warp(pixels[:0], maps[:0]).shape == (0, 28, 28)


def test_channels_are_varied_alike_each_as_a_picture_of_its_own() -> None:
    _, maps, bends, thickness = drawn(4, 7)
    pixels = np.random.default_rng(4).integers(0, 256, (7, 28, 28, 3), np.uint8)
    found = warp(pixels, maps, bends, thickness)
    assert found.shape == pixels.shape
    assert found.flags.c_contiguous
    for channel in range(3):
        alone = warp(pixels[..., channel], maps, bends, thickness)
        assert np.array_equal(found[..., channel], alone)
    assert warp(pixels[:0], maps[:0]).shape == (0, 28, 28, 3)


def test_grey_pictures_are_varied_as_they_were_before_there_were_others() -> None:
    pixels = (np.arange(20 * 28 * 28) * 7919 % 65521 % 256).astype(np.uint8).reshape(20, 28, 28)
    maps = np.eye(2, 3) + (np.arange(120).reshape(20, 2, 3) * 7 % 13 - 6) / 30
    bends = (np.arange(1000).reshape(20, 2, 5, 5) * 7 % 11 - 5) / 3
    varied = warp(pixels, maps, bends, (np.arange(20) * 7 % 9 - 4) / 4)
    assert hashlib.sha256(varied.tobytes()).hexdigest() == BEFORE_RGB


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        warp(np.zeros((2, 20, 20), np.uint8), np.tile(STRAIGHT, (2, 1, 1)))
