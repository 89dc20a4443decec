"""Folders of class folders of images, brought to 28×28; in colour where any of them has colour."""

import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from mnistlab.data.ink import FORMATS, MAX_DECODED, WORK_SIDE
from mnistlab.data.labels import MAX_IMAGES, Labelled, data_set
from mnistlab.errors import DataError, one_line
from mnistlab.images import SIDE, Bytes, DataSet

PARTS = dict.fromkeys(("train", "training"), "train")
PARTS |= dict.fromkeys(("validation", "valid", "val"), "validation")
PARTS |= dict.fromkeys(("test", "testing"), "test")
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"}
SUFFIXES |= {".ppm", ".pgm", ".pbm", ".pnm"}
MAX_UNREADABLE = 0.01  # of the files; one is left out in any case
NAMED = 3  # files or classes in a remark


class Picture(NamedTuple):
    """An image file's pixels, (28, 28) uint8 if grey, else (28, 28, 3), and where it lay."""

    part: str
    label: str
    pixels: Bytes
    scaled: bool


def read_class_folders(folder: Path, name: str) -> DataSet:
    """Return the data set in folders of images named after their classes, in a folder `train` with
    or without `test` and `validation` (or `val`) beside it, or directly. Raises DataError.

    Images are scaled, not inverted, and transparent ones lie on white. Hidden files and those
    without an image's ending are passed over; few unreadable ones are left out with a remark.
    """
    class_folders = _class_folders(folder)
    files = [(part, path) for part, of_class in class_folders for path in _image_files(of_class)]
    if len(files) > MAX_IMAGES:
        raise DataError(f"{folder}: more than {MAX_IMAGES:,} images; take some out")
    pictures, unreadable = _read_all(files)
    if len(unreadable) > max(1, MAX_UNREADABLE * len(files)):
        path, reason = next(iter(unreadable.items()))
        found = f"{len(unreadable):,} of {len(files):,} images cannot be read, first {path.name}"
        raise DataError(f"{folder}: {one_line(found)} ({reason}); mend them or take them out")
    if not any(picture.part == "train" for picture in pictures):
        raise DataError(f"{folder}: no image to train on; put some in a folder for each class")
    colour = any(picture.pixels.ndim == 3 for picture in pictures)
    parts = {part: _together(part, pictures, colour) for part in {each.part for each in pictures}}
    inside = [f"{path.name}/{each.name}" for _, path in class_folders for each in _folders_in(path)]
    blank = {path.name for _, path in class_folders} - {picture.label for picture in pictures}
    return data_set(folder, name, parts, _remarks(pictures, unreadable, blank, inside))


def _class_folders(folder: Path) -> list[tuple[str, Path]]:
    """The class folders with the part that each belongs to."""
    tops = [(PARTS.get(path.name.lower(), ""), path) for path in _folders_in(folder)]
    if "train" not in dict(tops):
        return [("train", path) for path in _folders_in(folder)]
    return [(part, path) for part, top in tops if part for path in _folders_in(top)]


def _folders_in(folder: Path) -> Iterator[Path]:
    return (path for path in _shown(folder) if path.is_dir())


def _image_files(folder: Path) -> Iterator[Path]:
    return (path for path in _shown(folder) if path.suffix.lower() in SUFFIXES)


def _shown(folder: Path) -> list[Path]:
    """What is in a folder and not hidden, by name, in the same order on every system."""
    inside = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(inside, key=lambda path: path.name)


def _read_all(files: list[tuple[str, Path]]) -> tuple[list[Picture], dict[Path, str]]:
    """The images, and why which files are none."""
    pictures, unreadable = [], {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part, path in files:
            try:
                pixels, scaled = read_picture(path)
            except Exception as error:  # a damaged file makes decoders raise almost anything
                unreadable[path] = one_line(error)[:80]
            else:
                pictures.append(Picture(part, path.parent.name, pixels, scaled))
    return pictures, unreadable


def read_picture(path: Path) -> tuple[Bytes, bool]:
    """An image file's pixels, (28, 28) where its channels are equal, and whether it was scaled."""
    with Image.open(path, formats=FORMATS) as file:
        scaled = file.size != (SIDE, SIDE)
        file.draft(None, (WORK_SIDE, WORK_SIDE))  # a large JPEG is shrunk while it is decoded
        if file.width * file.height > MAX_DECODED:
            raise ValueError(f"{file.width}×{file.height} pixels, at most {MAX_DECODED:,}")
        ImageOps.exif_transpose(file, in_place=True)
        small = _in_colour(file).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.array(small)
    grey = pixels[..., :1]
    return (grey[..., 0].copy() if (pixels == grey).all() else pixels), scaled


def _in_colour(image: Image.Image) -> Image.Image:
    """An image as RGB: 16-bit greys brought to 8 bits, what is transparent laid on white."""
    if image.mode == "F":
        raise ValueError("its levels are fractions; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        levels = np.rint(np.asarray(image, np.float64) * (255 / 65535)).clip(0, 255)
        image = Image.fromarray(levels.astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _together(part: str, pictures: list[Picture], colour: bool) -> Labelled:
    some = [picture for picture in pictures if picture.part == part]
    shape = (SIDE, SIDE, 3) if colour else (SIDE, SIDE)
    pixels = np.empty((len(some), *shape), np.uint8)
    for place, picture in zip(pixels, some, strict=True):
        grey = colour and picture.pixels.ndim == 2
        place[...] = picture.pixels[..., None] if grey else picture.pixels
    return Labelled(pixels, [picture.label for picture in some])


def _remarks(
    pictures: list[Picture], unreadable: Collection[Path], blank: Collection[str], inside: list[str]
) -> Iterator[str]:
    """What was done to the files, in sentences."""
    scaled, many = sum(picture.scaled for picture in pictures), f"{len(pictures):,}"
    if scaled:
        how = "whatever their proportions, by Pillow's antialiased bilinear filter"
        yield f"{scaled:,} of {many} images were scaled to {SIDE}×{SIDE}, {how}"
    if unreadable:
        names = _first([f"{path.parent.name}/{path.name}" for path in unreadable])
        yield f"images that cannot be read were left out ({len(unreadable):,}): {names}"
    if blank:
        named = _first(sorted(blank))
        yield f"class folders without an image directly in them were left out: {named}"
    if inside:
        yield f"folders inside class folders were passed over: {_first(inside)}"


def _first(names: list[str]) -> str:
    more = [f"{len(names) - NAMED:,} more"] if len(names) > NAMED else []
    return one_line(", ".join(names[:NAMED] + more))
