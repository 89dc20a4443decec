"""Folders of class folders of images, as people have them: of all kinds, sizes and states."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistlab.data import folders
from mnistlab.data.folders import read_class_folders
from mnistlab.errors import DataError
from mnistlab.images import Bytes, DataSet, Images

LOSSLESS: dict[str, dict[str, Any]] = {
    "png": {},
    "bmp": {},
    "tiff": {},
    "pgm": {},
    "gif": {},
    "WEBP": {"lossless": True},
}


def export(folder: Path, images: Images, ending: str = "png") -> None:
    """Write images as people would have them: a folder a class, a numbered file an image."""
    for number, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
        of_class = folder / images.classes[label]
        of_class.mkdir(parents=True, exist_ok=True)
        file = of_class / f"{number:05}.{ending}"
        Image.fromarray(pixels).save(file, **LOSSLESS[ending])


def save(path: Path, image: Image.Image | Bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)


def two_classes(folder: Path, each: int = 50) -> Path:
    """A folder of grey images of the classes a and b, without parts."""
    for number in range(2 * each):
        pixels = np.full((28, 28), number % 256, np.uint8)
        save(folder / "ab"[number % 2] / f"{number:03}.png", pixels)
    return folder


def by_class(images: Images, some: int) -> Images:
    """The first images, class by class, as they lie in folders."""
    return images[np.argsort(images.labels[:some], kind="stable")]


@pytest.mark.parametrize("ending", LOSSLESS)
def test_real_pictures_come_back_bit_by_bit(tmp_path: Path, mini: DataSet, ending: str) -> None:
    train, test = by_class(mini.train, 120), by_class(mini.test, 60)
    export(tmp_path / "train", train, ending)
    export(tmp_path / "test", test, ending)
    data = read_class_folders(tmp_path, "own")
    assert data.remarks == ()
    assert data.classes == mini.classes
    assert data.sha256 == DataSet("mini", train, test).sha256


def test_validation_images_are_used_and_parts_may_be_called_otherwise(tmp_path: Path) -> None:
    names = {"Training": "train", "testing": "test", "val": "validation", "notes": None}
    for level, top in enumerate(names, 1):
        for label in "ab":
            save(tmp_path / top / label / "1.png", np.full((28, 28), level, np.uint8))
    data = read_class_folders(tmp_path, "own")
    assert data.validation is not None
    parts = (data.train, data.test, data.validation)
    assert [part.pixels[:, 0, 0].tolist() for part in parts] == [[1, 1], [2, 2], [3, 3]]


def test_class_folders_alone_give_a_sixth_to_the_test(tmp_path: Path) -> None:
    data = read_class_folders(two_classes(tmp_path), "own")
    assert (len(data.train), len(data.test)) == (84, 16)
    assert np.bincount(data.test.labels).tolist() == [8, 8]
    assert len(data.remarks) == 1


def test_one_image_in_colour_makes_the_set_rgb(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    two_classes(tmp_path / "train")
    save(tmp_path / "test" / "a" / "1.png", colours)
    data = read_class_folders(tmp_path, "own")
    assert data.task == (3, 2)
    np.testing.assert_array_equal(data.test.pixels[0], colours)
    assert data.train.pixels[3].tolist() == [[[6, 6, 6]] * 28] * 28


def test_grey_saved_as_rgb_stays_grey(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in "ab":
            save(tmp_path / part / label / "1.png", np.full((28, 28, 3), 9, np.uint8))
    assert read_class_folders(tmp_path, "own").train.pixels.shape == (2, 28, 28)


def test_other_sizes_are_scaled_whole_by_a_triangle_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_DECODED", 400_000)  # a JPEG is shrunk while it is decoded
    wide = np.zeros((40, 56), np.uint8)
    wide[:, 28:] = 255
    two_classes(tmp_path / "train")
    save(tmp_path / "test" / "a" / "1.png", wide)
    save(tmp_path / "test" / "a" / "2.jpg", np.full((2000, 3000), 255, np.uint8))
    data = read_class_folders(tmp_path, "own")
    # halving weighs four neighbours by 1, 3, 3 and 1 eighths
    row = [0] * 13 + [round(255 / 8), round(255 * 7 / 8)] + [255] * 13
    assert data.test.pixels[0].tolist() == [row] * 28
    assert data.test.pixels[1].min() == 255
    assert data.remarks == (
        "2 of 102 images were scaled to 28×28, whatever their proportions, "
        "by Pillow's antialiased bilinear filter",
    )


def test_16_bits_are_brought_to_8_and_transparency_lies_on_white(tmp_path: Path) -> None:
    levels = np.arange(784, dtype=np.uint16).reshape(28, 28) % 256
    clear = np.zeros((28, 28, 4), np.uint8)
    clear[:14, :, 3] = 255
    two_classes(tmp_path / "train")
    for name in ("1.png", "2.tiff"):
        save(tmp_path / "test" / "a" / name, Image.fromarray(levels * 257))
    save(tmp_path / "test" / "a" / "3.png", clear)
    first, second, third = read_class_folders(tmp_path, "own").test.pixels
    np.testing.assert_array_equal(first, levels)
    np.testing.assert_array_equal(second, levels)
    assert third[:, 0].tolist() == [0] * 14 + [255] * 14


def test_a_photograph_is_turned_as_its_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    picture = np.zeros((28, 28), np.uint8)
    picture[:14] = 255
    two_classes(tmp_path / "train")
    (tmp_path / "test" / "a").mkdir(parents=True)
    Image.fromarray(picture).save(tmp_path / "test" / "a" / "1.png", exif=exif)
    turned = read_class_folders(tmp_path, "own").test.pixels[0]
    np.testing.assert_array_equal(turned, np.rot90(picture, -1))


def test_hidden_and_other_files_are_passed_over(tmp_path: Path) -> None:
    two_classes(tmp_path)
    for name in (".hidden.png", "._1.png", "notes.txt", "Thumbs.db", "model.pkl"):
        (tmp_path / "a" / name).write_bytes(b"no image")
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("no class")
    data = read_class_folders(tmp_path, "own")
    assert len(data.train) + len(data.test) == 100
    assert len(data.remarks) == 1


def spoil(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        (folder / name).write_bytes((folder / "a" / "000.png").read_bytes()[:40])


def test_few_unreadable_images_are_left_out_named_and_counted(tmp_path: Path) -> None:
    two_classes(tmp_path, 250)
    spoil(tmp_path, ["a/x1.png", "a/x2.png", "b/x3.png", "b/x4.png", "b/x5.png"])
    data = read_class_folders(tmp_path, "own")
    assert len(data.train) + len(data.test) == 500
    assert data.remarks[0] == (
        "images that cannot be read were left out (5): a/x1.png, a/x2.png, b/x3.png, 2 more"
    )
    spoil(tmp_path, ["a/x6.png"])
    with pytest.raises(
        DataError, match=r"6 of 506 images cannot be read, first x1\.png \("
    ) as said:
        read_class_folders(tmp_path, "own")
    assert str(said.value).endswith("mend them or take them out")


def test_one_unreadable_image_is_left_out_of_any_set_and_two_of_a_small_one_refused(
    tmp_path: Path,
) -> None:
    two_classes(tmp_path, 5)
    spoil(tmp_path, ["a/x.png"])
    assert "were left out (1): a/x.png" in read_class_folders(tmp_path, "own").remarks[0]
    spoil(tmp_path, ["a/y.png"])
    with pytest.raises(DataError, match="2 of 12 images cannot be read"):
        read_class_folders(tmp_path, "own")


@pytest.mark.parametrize("kind", ["eps", "empty", "huge", "fractions"])
def test_what_counts_as_unreadable(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *of, **_: started.append(of))
    two_classes(tmp_path)
    path = tmp_path / "a" / "x.tiff"
    match kind:
        case "eps":
            Image.new("L", (28, 28)).save(path, "EPS")
        case "empty":
            path.write_bytes(b"")
        case "huge":
            monkeypatch.setattr(folders, "MAX_DECODED", 784)
            save(path, Image.new("L", (28, 29)))
        case "fractions":
            save(path, Image.new("F", (28, 28)))
    assert "a/x.tiff" in read_class_folders(tmp_path, "own").remarks[0]
    assert not started


def test_an_empty_class_folder_is_left_out_and_said(tmp_path: Path) -> None:
    two_classes(tmp_path)
    for name in ("c", "d"):
        (tmp_path / name).mkdir()
    data = read_class_folders(tmp_path, "own")
    assert data.classes == ("a", "b")
    assert data.remarks[0] == "class folders without an image directly in them were left out: c, d"


def test_images_one_folder_deeper_are_passed_over_and_said(tmp_path: Path) -> None:
    two_classes(tmp_path)
    for place in ("a/2020", "c/2021"):
        save(tmp_path / place / "1.png", np.zeros((28, 28), np.uint8))
    data = read_class_folders(tmp_path, "own")
    assert data.classes == ("a", "b")
    assert data.remarks[:2] == (
        "class folders without an image directly in them were left out: c",
        "folders inside class folders were passed over: a/2020, c/2021",
    )


def test_classes_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    two_classes(tmp_path / "train")
    save(tmp_path / "test" / "c" / "1.png", np.zeros((28, 28), np.uint8))
    with pytest.raises(DataError, match="class 'c' is in test and not in train; add images of it"):
        read_class_folders(tmp_path, "own")


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train" / "a").mkdir(parents=True)
    with pytest.raises(DataError, match="no image to train on; put some in a folder for each"):
        read_class_folders(tmp_path, "own")


def test_too_many_images_are_refused_before_any_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAX_IMAGES", 99)
    monkeypatch.delattr(folders, "_read_all")
    with pytest.raises(DataError, match="more than 99 images; take some out"):
        read_class_folders(two_classes(tmp_path), "own")
