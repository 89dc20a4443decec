"""Reading image files and finding the ink in them, whatever the file claims to be."""

import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from mnistlab.data import ink
from mnistlab.data.ink import find_ink, read_image
from mnistlab.errors import DataError

ALLOWED = {
    "PNG": ("RGB", "RGBA", "LA", "L", "P", "1", "I;16"),
    "JPEG": ("RGB", "L", "CMYK"),
    "GIF": ("P", "L"),
    "BMP": ("RGB", "L"),
    "TIFF": ("RGB", "RGBA", "L", "I;16", "F"),
    "WEBP": ("RGB", "RGBA"),
    "PPM": ("RGB", "L", "1"),
}
KINDS = [(kind, mode) for kind, modes in ALLOWED.items() for mode in modes]


def a_drawing(mode: str, width: int = 60, height: int = 40) -> Image.Image:
    """A dark bar on white, from a tenth of the height down to a half."""
    levels = np.full((height, width), 255, np.uint8)
    levels[height // 10 : height // 2, width // 4 : width // 2] = 0
    grey = Image.fromarray(levels)
    if mode == "I;16":
        return Image.fromarray(levels.astype(np.uint16) * 257)
    if mode in ("LA", "RGBA"):
        clear = ImageOps.invert(grey)  # only the bar is opaque
        blank = Image.new(mode, grey.size)
        blank.putalpha(clear)
        return blank
    return grey.convert(mode)


@pytest.mark.parametrize(("kind", "mode"), KINDS)
def test_every_allowed_format_is_read(tmp_path: Path, kind: str, mode: str) -> None:
    path = tmp_path / "no-ending"
    a_drawing(mode).save(path, kind)
    grey = read_image(path)
    expected = np.asarray(a_drawing("L"), float)
    assert grey.shape == (40, 60)
    assert np.abs(grey - expected).mean() < 4  # JPEG and a palette are not exact


@pytest.mark.parametrize("mode", ["RGBA", "L", "I;16", "F", "P"])
def test_a_large_image_is_shrunk_area_by_area(tmp_path: Path, mode: str) -> None:
    a_drawing(mode, 1200, 800).save(tmp_path / "large", "TIFF")
    grey = read_image(tmp_path / "large")
    expected = a_drawing("L", 1200, 800).resize((400, 267), Image.Resampling.BOX)
    assert grey.shape == (267, 400)
    assert np.abs(grey - np.asarray(expected, float)).mean() < 1.5


def test_a_photograph_is_turned_as_its_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    a_drawing("RGB").save(tmp_path / "turned", "JPEG", exif=exif, quality=95)
    turned = np.rot90(np.asarray(a_drawing("L"), float), -1)
    assert np.abs(read_image(tmp_path / "turned") - turned).mean() < 4


@pytest.mark.parametrize("name", ["picture.png", "picture.eps", "picture"])
def test_postscript_never_reaches_ghostscript(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", forbidden)
    monkeypatch.setattr(subprocess, "check_call", forbidden)
    head = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / name).write_bytes(head)
    with pytest.raises(DataError, match="not an image"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("kind", ["DDS", "SPIDER", "ICO", "TGA", "PCX"])
def test_other_formats_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture"  # saving as SPIDER claims a file's ending for the whole process
    a_drawing("RGB" if kind != "SPIDER" else "F", 64, 64).save(path, kind)
    with pytest.raises(DataError, match="not an image: expected PNG, JPEG"):
        read_image(path)


def test_avif_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B" + bytes(400))
    with pytest.raises(DataError, match="not an image"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(("kind", "mode"), KINDS)
def test_a_damaged_image_gives_levels_or_a_data_error(tmp_path: Path, kind: str, mode: str) -> None:
    path, random = tmp_path / "damaged", np.random.default_rng(0)
    a_drawing(mode).save(path, kind)
    whole = path.read_bytes()
    for _ in range(60):
        changed = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for place in random.integers(0, len(changed), 3):
            changed[place] = random.integers(256)
        path.write_bytes(changed)
        with suppress(DataError):
            assert max(read_image(path).shape) <= ink.WORK_SIDE


def test_small_files_take_little_memory(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="memory is measured by getrusage")
    sizes = {"WEBP": (4000, 4000), "PNG": (4000, 4000)}
    for kind, size in sizes.items():
        Image.new("RGBA", size, (0, 0, 0, 9)).save(tmp_path / kind, kind)
    code = (
        "import resource, sys, pathlib\n"
        "from mnistlab.data.ink import read_image\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "for path in sys.argv[1:]: read_image(pathlib.Path(path))\n"
        "print(peak() - before)\n"
    )
    paths = [str(tmp_path / kind) for kind in sizes]
    ran = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(ran.stdout) * unit < 300e6


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "GIF", "TIFF"])
def test_more_pixels_than_are_decoded_are_refused(tmp_path: Path, kind: str) -> None:
    side = int(ink.MAX_DECODED**0.5) + 1
    Image.new("L", (side, side)).save(tmp_path / "large", kind)
    with pytest.raises(DataError, match=f"{side}×{side} pixels, at most .*: shrink the image"):
        read_image(tmp_path / "large")


def test_a_large_photograph_is_shrunk_while_it_is_decoded(tmp_path: Path) -> None:
    Image.new("L", (6000, 4000), 255).save(tmp_path / "photo", "JPEG")  # 24 million pixels
    assert read_image(tmp_path / "photo").shape == (267, 400)
    Image.new("L", (8000, 6000)).save(tmp_path / "huge", "JPEG")
    with pytest.raises(DataError, match="8000×6000 pixels, at most 40,000,000"):
        read_image(tmp_path / "huge")


def test_a_name_no_file_can_have() -> None:
    with pytest.raises(DataError) as caught:
        read_image(Path("a\0b"))
    assert "cannot be read" in str(caught.value)


def test_ink_is_found_dark_on_light_and_light_on_dark() -> None:
    page = np.full((80, 100), 250.0) - np.linspace(0, 60, 100)  # light falls unevenly
    page[20:60, 45:50] -= 120
    for grey in (page, 255 - page):
        found = find_ink(grey)
        assert found[20:60, 45:50].min() > 0.9
        assert found.sum() == pytest.approx(found[20:60, 45:50].sum())


def test_a_blank_page_and_dust() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not find_ink(np.full((50, 50), 200.0)).any()
    page = np.full((100, 100), 250.0)
    page[20:80, 40:50], page[5, 5] = 20, 20
    found = find_ink(page)
    assert found[5, 5] == 0
    assert found[30, 45] == 1
