"""What an image set is: images with their labels, and a data set of them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from mnistlab.errors import DataError, one_line

SIDE = 28  # pixels; every image is brought to 28×28
MIN_CLASSES, MAX_CLASSES = 2, 100
DIGITS = tuple("0123456789")

Bytes = npt.NDArray[np.uint8]


def _all_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("two classes of the same name")
    return names


ClassName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\P{Cc}+$")]
ClassNames = Annotated[
    tuple[ClassName, ...],
    Field(min_length=MIN_CLASSES, max_length=MAX_CLASSES),
    AfterValidator(_all_different),
]


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes: numbers by their value, others sorted."""
    try:
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    except ValueError:  # not all are numbers
        return tuple(sorted(names))


class Task(NamedTuple):
    """What a network is given and asked: the channels of an image (1 grey, 3 RGB), the classes."""

    channels: int = 1
    classes: int = 10

    def picture(self) -> tuple[int, ...]:
        """The shape of one image: (28, 28), or (28, 28, 3)."""
        return (SIDE, SIDE) if self.channels == 1 else (SIDE, SIDE, self.channels)


@dataclass(frozen=True)
class Images:
    """Images with their labels.

    `pixels` uint8 (n, 28, 28), grey and ink 255 on 0, or (n, 28, 28, 3), RGB; `labels` uint8 (n,),
    positions in `classes`, the names of 2 to 100 classes. Raises DataError where they are not.
    """

    pixels: Bytes
    labels: Bytes
    classes: tuple[str, ...] = DIGITS

    def __post_init__(self) -> None:
        _check_pixels(np.asarray(self.pixels), "pixels")
        labels = np.asarray(self.labels)
        _check_one_each(labels, len(self.pixels), "labels")
        if labels.dtype != np.uint8:
            raise DataError(f"labels: {labels.dtype}, not uint8; give positions in the classes")
        if len(labels) and (most := labels.max()) >= len(self.classes):
            raise DataError(f"labels: label {most} is not of the {len(self.classes)} classes")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: npt.NDArray[np.intp]) -> "Images":
        return Images(self.pixels[index], self.labels[index], self.classes)

    @property
    def task(self) -> Task:
        """What a network for these images is given and asked."""
        return Task(1 if self.pixels.ndim == 3 else self.pixels.shape[3], len(self.classes))


@dataclass(frozen=True)
class DataSet:
    """Images to train on, and others to test on.

    `validation` is None unless images to choose the epoch by came with the data; `remarks` are
    sentences on what was done to the files' images.
    """

    name: str
    train: Images
    test: Images
    validation: Images | None = None
    remarks: tuple[str, ...] = ()

    @classmethod
    def from_arrays(
        cls, x_train: npt.ArrayLike, y_train: npt.ArrayLike, x_test: npt.ArrayLike,
        y_test: npt.ArrayLike, classes: Sequence[str] | None = None, name: str = "arrays",
    ) -> "DataSet":  # fmt: skip
        """Return the data set of pixels `x` and labels `y` that are at hand.

        `x` is uint8 (n, 28, 28), with or without a last axis of 1, or (n, 28, 28, 3); `y` (n,) is
        whole numbers or texts. They name the classes, numbers in their order, texts sorted; with
        `classes` numbers are positions in these names, and texts some of them. Raises DataError.
        """
        arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
        try:
            known = {key: _array(each, key) for key, each in arrays.items()}
            train, test = _from_arrays(known, classes)
        except DataError as error:
            raise DataError(f"{name}: {error}") from None
        return cls(name, train, test)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.train.classes

    @property
    def task(self) -> Task:
        """What a network for these images is given and asked."""
        return self.train.task

    @cached_property
    def sha256(self) -> str:
        """The fingerprint of every pixel and label, hexadecimal, wherever the files came from."""
        digest = hashlib.sha256()
        for images in filter(None, (self.train, self.test, self.validation)):
            digest.update(len(images).to_bytes(8, "big"))
            digest.update(np.ascontiguousarray(images.pixels).data)
            digest.update(np.ascontiguousarray(images.labels).data)
        return digest.hexdigest()


def _from_arrays(
    arrays: dict[str, npt.NDArray[Any]], classes: Sequence[str] | None
) -> Iterable[Images]:
    """The images to train on and to test on. Raises DataError."""
    given = None if classes is None else _class_names(classes)
    pixels, labels = {}, {}
    for part in ("train", "test"):
        pixels[part] = _pictures(arrays[f"x_{part}"], f"x_{part}")
        labels[part] = _labels(arrays[f"y_{part}"], len(pixels[part]), given, f"y_{part}")
    if pixels["train"].shape[1:] != pixels["test"].shape[1:]:
        kinds = ["grey" if each.ndim == 3 else "RGB" for each in pixels.values()]
        raise DataError(f"x_train is {kinds[0]} and x_test {kinds[1]}; make them alike")
    names = given or _class_names(in_order(set(labels["train"])))
    if new := set(labels["test"]) - set(labels["train"]):
        remedy = "add images of it to train, or take it out"
        raise DataError(f"y_test: class {min(new)!r} is not in y_train; {remedy}")
    place = {name: at for at, name in enumerate(names)}
    for part in pixels:
        yield Images(pixels[part], np.array([place[it] for it in labels[part]], np.uint8), names)


def _array(values: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(values)
    except (ValueError, TypeError):
        raise DataError(f"{what}: not an array; give rows of the same length") from None


def _pictures(pixels: npt.NDArray[Any], what: str) -> Bytes:
    if pixels.shape[1:] == (SIDE, SIDE, 1):
        pixels = pixels[..., 0]
    _check_pixels(pixels, what)
    if not len(pixels):
        raise DataError(f"{what}: no images; give at least one")
    return np.ascontiguousarray(pixels)


def _check_pixels(pixels: npt.NDArray[Any], what: str) -> None:
    found = f"{what}: {pixels.dtype} of shape {pixels.shape}"
    if pixels.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 3)):
        raise DataError(f"{found}, not (n, 28, 28) or (n, 28, 28, 3); bring it to that shape")
    if pixels.dtype != np.uint8:
        remedy = "bring it to 0 to 255, round it, and convert it by .astype('uint8')"
        raise DataError(f"{found}, not uint8; {remedy}")


def _check_one_each(labels: npt.NDArray[Any], images: int, what: str) -> None:
    if labels.shape != (images,):
        found = f"{len(labels)} labels" if labels.ndim == 1 else f"of shape {labels.shape}"
        raise DataError(f"{what}: {found} of {images} images; give one label an image")


def _labels(
    labels: npt.NDArray[Any], images: int, classes: tuple[str, ...] | None, what: str
) -> list[str]:
    """The name of each image's class. Raises DataError."""
    labels = labels[:, 0] if labels.shape[1:] == (1,) else labels
    _check_one_each(labels, images, what)
    if labels.dtype.kind not in "iubU":
        raise DataError(f"{what}: {labels.dtype}; give whole numbers or texts")
    found = labels.tolist()
    if classes is None:
        return [one_line(each) for each in found]
    known = set(classes) if labels.dtype.kind == "U" else range(len(classes))
    if unknown := set(found).difference(known):
        outside = f"label {min(unknown)!r} is not of the {len(classes)} classes"
        raise DataError(f"{what}: {outside}; correct it, or name its class")
    return found if labels.dtype.kind == "U" else [classes[each] for each in found]


def _class_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names that classes can have. Raises DataError."""
    if not MIN_CLASSES <= len(names) <= MAX_CLASSES:
        found = f"{len(names)} class{'es' * (len(names) != 1)}"
        raise DataError(f"{found}; give images of {MIN_CLASSES} to {MAX_CLASSES} classes")
    try:
        return TypeAdapter(ClassNames).validate_python(tuple(names))
    except ValidationError as error:
        what = one_line(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise DataError(f"classes: {what}; give other names") from None
