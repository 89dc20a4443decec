"""A trial: one named configuration, validated once and frozen; and a book of them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mnistlab.images import CLASSES, SIDE

MAX_SEEDS = 1000
MAX_TRIALS = 1000
NAME = r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}$"
DEVICE_NAMES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}

Count = Annotated[int, Field(ge=1, le=100_000)]
Text = Annotated[str, Field(max_length=2000)]


class Settings(BaseModel):
    """What every part of a book has in common: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Conv(Settings):
    """One convolution layer: convolution, batch-norm if asked for, ReLU, max-pooling if
    `pool` > 1.
    """

    out: Annotated[int, Field(ge=1, le=4096)]
    kernel: Annotated[int, Field(ge=1, le=2 * SIDE)]
    stride: Annotated[int, Field(ge=1, le=SIDE)] = 1
    padding: Annotated[int, Field(ge=0, le=SIDE)] = 0
    pool: Annotated[int, Field(ge=1, le=SIDE)] = 1
    norm: bool = False

    def side_before_pool(self, side: int) -> int:
        """Pixels along one side of what the convolution makes of a `side`×`side` input."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1

    def side_after(self, side: int) -> int:
        """Pixels along one side of what the whole layer makes of a `side`×`side` input."""
        return self.side_before_pool(side) // self.pool


class Network(Settings):
    """Convolution layers, then dropout, then one linear layer to the ten classes."""

    conv: Annotated[tuple[Conv, ...], Field(strict=False, max_length=20)]
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @field_validator("conv")
    @classmethod
    def _fits(cls, conv: tuple[Conv, ...]) -> tuple[Conv, ...]:
        side = SIDE
        for number, layer in enumerate(conv, 1):
            padded = side + 2 * layer.padding
            if layer.kernel > padded:
                raise ValueError(
                    f"layer {number}: kernel {layer.kernel} is larger than its padded input, "
                    f"{padded}×{padded}"
                )
            if layer.pool > layer.side_before_pool(side):
                raise ValueError(f"layer {number}: pool {layer.pool} is larger than its input")
            side = layer.side_after(side)
        return conv

    def shapes(self) -> list[tuple[int, int]]:
        """(channels, side in pixels) of the image and after each convolution layer."""
        shapes = [(1, SIDE)]
        for layer in self.conv:
            shapes.append((layer.out, layer.side_after(shapes[-1][1])))
        return shapes

    def features(self) -> int:
        """How many numbers enter the linear layer."""
        channels, side = self.shapes()[-1]
        return channels * side * side

    def parameters(self) -> int:
        """How many weights and biases are learned."""
        convolutions = sum(
            layer.out * (before[0] * layer.kernel**2 + 1 + 2 * layer.norm)
            for layer, (before, _) in zip(self.conv, pairwise(self.shapes()), strict=True)
        )
        return convolutions + CLASSES * (self.features() + 1)


class Augment(Settings):
    """How far training images are varied, each time they are seen; 0: not at all."""

    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees
    shear: Annotated[float, Field(ge=0, le=1)] = 0.0  # slant, pixels aside for each pixel up
    scale: Annotated[float, Field(ge=0, le=1)] = 0.0  # of each axis, as the logarithm of the factor
    shift: Annotated[float, Field(ge=0, le=SIDE)] = 0.0  # pixels
    thickness: Annotated[float, Field(ge=0, le=1)] = (
        0.0  # of lines; 1: a pixel more or less on every side
    )
    elastic: Annotated[float, Field(ge=0, le=SIDE)] = (
        0.0  # pixels, the standard deviation of a smooth deformation
    )
    nothing: Annotated[float, Field(ge=0, lt=1)] = (
        0.0  # share of each batch replaced by pictures of no digit
    )

    @property
    def active(self) -> bool:
        """Whether anything is varied at all."""
        return any(self.model_dump().values())


class Training(Settings):
    """How a network learns."""

    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    epochs: Count
    patience: Annotated[int, Field(ge=0)] = (
        0  # epochs without a lower validation loss before stopping; 0: never
    )
    augment: Augment = Augment()

    @model_validator(mode="after")
    def _momentum_is_for_sgd(self) -> Self:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(
                f"momentum is for sgd, and the optimizer is {self.optimizer}; set momentum = 0"
            )
        return self


class Figures(Settings):
    """Published figures of one split, as fractions (loss in nats)."""

    accuracy: float | None = None
    loss: float | None = None
    auroc: float | None = None
    f1_micro: float | None = None
    f1_macro: float | None = None


class Reference(Settings):
    """What was published about a trial, shown beside what the lab finds."""

    epoch: Count | None = None
    train: Figures = Figures()
    validation: Figures = Figures()
    test: Figures = Figures()


class Trial(Settings):
    """One named configuration. `parent` is the trial it changes, None for one that starts from
    `base`.
    """

    name: Annotated[str, Field(pattern=NAME)]
    parent: str | None = None
    why: Text = ""
    note: Text = ""
    network: Network
    training: Training
    reference: Reference | None = None

    @field_validator("name")
    @classmethod
    def _usable_as_a_file_name(cls, name: str) -> str:
        if name.lower() == "base":
            raise ValueError("'base' is what trials start from; choose another name")
        if name.split(".")[0].rstrip().lower() in DEVICE_NAMES or name[-1] in " .":
            raise ValueError(f"{name!r} cannot be a file name on Windows; choose another name")
        return name


class Extra(Settings):
    """Drawings to train on beside a data set's own images; validation and test stay as they are."""

    strokes: Text  # a name of the catalog, or a strokes file
    exclude_writers: Annotated[tuple[str, ...], Field(strict=False, max_length=10_000)] = ()
    copies: Annotated[int, Field(ge=1, le=100)] = (
        1  # pictures made of each drawing, all but the first varied
    )

    @field_validator("exclude_writers", mode="before")
    @classmethod
    def _numbers_are_names(cls, writers: Any) -> Any:
        return (
            [str(w) if type(w) is int else w for w in writers]
            if isinstance(writers, list)
            else writers
        )


class Book(Settings):
    """Trials to run on one data set with the same seeds and the same split."""

    name: str
    title: Text
    options: tuple[str, ...] = ()  # what a command changed, as it writes that: `--epochs 5`
    data: Text = "mnist"
    seeds: Annotated[tuple[int, ...], Field(strict=False, min_length=1, max_length=MAX_SEEDS)]
    validation: Annotated[int, Field(ge=1)] = 10_000
    extra: Annotated[tuple[Extra, ...], Field(strict=False, max_length=100)] = ()
    trials: Annotated[tuple[Trial, ...], Field(strict=False, min_length=1, max_length=MAX_TRIALS)]

    def trial(self, name: str) -> Trial:
        """The trial of that name. Raises KeyError."""
        return {trial.name: trial for trial in self.trials}[name]

    def with_epochs(self, epochs: int) -> "Book":
        """The same book, every trial trained for `epochs` epochs at most."""
        trials = tuple(
            trial.model_copy(
                update={"training": trial.training.model_copy(update={"epochs": epochs})}
            )
            for trial in self.trials
        )
        return self.model_copy(update={"trials": trials})

    def with_strokes(self, strokes: Sequence[str]) -> "Book":
        """The same book with more drawings to train on, each as often as the book's own drawings
        are at most.
        """
        copies = max((extra.copies for extra in self.extra), default=1)
        more = tuple(Extra(strokes=name, copies=copies) for name in strokes)
        return self.model_copy(update={"extra": (*self.extra, *more)})

    def with_seeds(self, seeds: int) -> "Book":
        """The same book with seeds 0 to `seeds` - 1."""
        return self.model_copy(update={"seeds": tuple(range(seeds))})


def changed(parent: Trial, trial: Trial) -> dict[str, tuple[Any, Any]]:
    """What `trial` changes about `parent`: setting → (before, after), one entry a setting that
    differs.

    The settings of a convolution layer are named `conv.kernel`, or `conv2.kernel` in a network of
    several; another number of layers is one entry, `conv`.
    """
    before, after = _settings(parent, trial), _settings(trial, parent)
    return {
        key: (before.get(key), after.get(key))
        for key in before | after
        if before.get(key) != after.get(key)
    }


def _settings(trial: Trial, other: Trial) -> dict[str, Any]:
    """Every setting of a trial by its name, convolution layers taken apart where `other` has as
    many.
    """
    settings = trial.network.model_dump() | trial.training.model_dump(exclude={"augment"})
    settings |= {
        f"augment.{key}": value for key, value in trial.training.augment.model_dump().items()
    }
    layers: Sequence[dict[str, Any]] = settings["conv"]
    if len(layers) == len(other.network.conv):
        del settings["conv"]
        for number, layer in enumerate(layers, 1):
            prefix = "conv" if len(layers) == 1 else f"conv{number}"
            settings |= {f"{prefix}.{key}": value for key, value in layer.items()}
    return settings
