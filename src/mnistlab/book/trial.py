"""A trial: one named configuration, validated once and frozen; and a book of them."""

from collections.abc import Sequence
from itertools import pairwise
from shlex import quote
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from mnistlab.book.checking import Settings, validated
from mnistlab.book.module import Module
from mnistlab.book.names import BookName, TrialName, check_and_sort
from mnistlab.images import SIDE, Task

GREY_DIGITS = Task()
MAX_SEEDS = 1000
MAX_TRIALS = 1000

Count = Annotated[int, Field(strict=True, ge=1, le=100_000)]
SeedCount = Annotated[int, Field(strict=True, ge=1, le=MAX_SEEDS)]
Seed = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
UpToOne = Annotated[float, Field(ge=0, le=1)]
Pixels = Annotated[float, Field(ge=0, le=SIDE)]
Step = Annotated[int, Field(ge=1, le=SIDE)]
Units = Annotated[int, Field(ge=1, le=4096)]
Activation = Literal["relu", "leaky_relu", "tanh", "gelu", "silu"]
Text = Annotated[str, Field(max_length=2000, pattern=r"^[\P{Cc}\t\r\n]*$")]
Writer = Annotated[Text, BeforeValidator(lambda name: str(name) if type(name) is int else name)]


class Conv(Settings):
    """One layer: convolution, batch-norm if `norm`, activation, pooling if `pool` > 1."""

    out: Annotated[int, Field(ge=1, le=4096)]
    kernel: Annotated[int, Field(ge=1, le=2 * SIDE)]
    stride: Step = 1
    padding: Annotated[int, Field(ge=0, le=SIDE)] = 0
    pool: Step = 1
    pool_by: Literal["max", "mean"] = "max"
    norm: bool = False

    def side_before_pool(self, side: int) -> int:
        """Pixels along one side of what the convolution makes of a `side`×`side` input."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1

    def side_after(self, side: int) -> int:
        """Pixels along one side of what the whole layer makes of a `side`×`side` input."""
        return self.side_before_pool(side) // self.pool


class Network(Settings):
    """Convolution layers, then hidden linear layers, then a linear layer to the classes.

    A `module` is a whole network: beside it the other settings mean nothing.
    """

    conv: Annotated[tuple[Conv, ...], Field(strict=False, max_length=20)]
    head: Literal["flatten", "average"] = "flatten"  # of the last convolution's positions
    hidden: Annotated[tuple[Units, ...], Field(strict=False, max_length=20)] = ()
    activation: Activation = "relu"  # after each convolution and hidden layer
    dropout: Share = 0.0  # of what enters each linear layer but the first on pixels
    module: Module | None = None

    @field_validator("conv")
    @classmethod
    def _fits(cls, conv: tuple[Conv, ...]) -> tuple[Conv, ...]:
        side = SIDE
        for number, layer in enumerate(conv, 1):
            padded, kernel = side + 2 * layer.padding, layer.kernel
            if kernel > padded:
                said = f"kernel {kernel} is larger than its padded input, {padded}×{padded}"
                raise ValueError(f"layer {number}: {said}")
            if layer.pool > layer.side_before_pool(side):
                raise ValueError(f"layer {number}: pool {layer.pool} is larger than its input")
            side = layer.side_after(side)
        return conv

    @model_validator(mode="after")
    def _head_has_positions(self) -> Self:
        if self.head == "average" and not self.conv:
            raise ValueError('head "average" needs a convolution; set head = "flatten"')
        return self

    def shapes(self, task: Task = GREY_DIGITS) -> list[tuple[int, int]]:
        """(channels, side in pixels) of the image and after each convolution layer."""
        shapes = [(task.channels, SIDE)]
        for layer in self.conv:
            shapes.append((layer.out, layer.side_after(shapes[-1][1])))
        return shapes

    def last_side(self) -> int:
        """Pixels along one side of what enters the first linear layer."""
        return 1 if self.head == "average" else self.shapes()[-1][1]

    def features(self, task: Task = GREY_DIGITS) -> int:
        """How many numbers enter the first linear layer."""
        return self.shapes(task)[-1][0] * self.last_side() ** 2

    def linear(self, task: Task = GREY_DIGITS) -> dict[str, tuple[int, int]]:
        """The linear layers by name, the hidden ones first: how many numbers go in and come out."""
        names = [f"hidden{number}" for number in range(1, len(self.hidden) + 1)]
        sizes = pairwise([self.features(task), *self.hidden, task.classes])
        return dict(zip([*names, "linear"], sizes, strict=True))

    def dropped(self, task: Task = GREY_DIGITS) -> dict[str, int]:
        """The linear layers whose inputs dropout reaches, and how many those are.

        All of them but a hidden layer on pixels.
        """
        inputs = {name: n for name, (n, _) in self.linear(task).items() if self.dropout}
        if not self.conv:
            inputs.pop("hidden1", None)
        return inputs

    def parameters(self, task: Task = GREY_DIGITS) -> int:
        """How many weights and biases are learned."""
        convolutions = sum(
            layer.out * (channels * layer.kernel**2 + 1 + 2 * layer.norm)
            for layer, (channels, _) in zip(self.conv, self.shapes(task), strict=False)
        )
        return convolutions + sum((n + 1) * m for n, m in self.linear(task).values())


class Augment(Settings):
    """How far training images are varied, each time they are seen; 0: not at all."""

    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees
    shear: UpToOne = 0.0  # slant, pixels aside for each pixel up
    scale: UpToOne = 0.0  # of each axis, as the logarithm of the factor
    shift: Pixels = 0.0
    thickness: UpToOne = 0.0  # of lines; 1: a pixel more or less on every side
    elastic: Pixels = 0.0  # the standard deviation of a smooth deformation
    nothing: Share = 0.0  # of the images, on average: replaced by pictures of no digit

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
    momentum: Share = 0.0
    schedule: Literal["constant", "cosine", "onecycle"] = "constant"
    label_smoothing: Share = 0.0  # of each target, shared out evenly over the classes
    epochs: Count
    # epochs without a lower validation loss before stopping; 0: never
    patience: Annotated[int, Field(ge=0)] = 0
    augment: Augment = Augment()

    @model_validator(mode="after")
    def _momentum_is_for_sgd(self) -> Self:
        if self.momentum and self.optimizer != "sgd":
            said = f"momentum is for sgd, and the optimizer is {self.optimizer}"
            raise ValueError(f"{said}; set momentum = 0")
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
    """One named configuration, and the trial it changes: None where it starts from `base`."""

    name: TrialName
    parent: str | None = None
    why: Text = ""
    note: Text = ""
    network: Network
    training: Training
    reference: Reference | None = None


class Extra(Settings):
    """Drawings to train on beside a data set's own images; validation and test stay as they are."""

    strokes: Text  # a name of the catalog, or a strokes file
    exclude_writers: Annotated[tuple[Writer, ...], Field(strict=False, max_length=10_000)] = ()
    copies: Annotated[int, Field(ge=1, le=100)] = 1  # of each drawing, all but the first varied


class BookHeader(Settings):
    """What a book says beside its trials and seeds."""

    title: Text = ""
    data: Text = "mnist"
    validation: Annotated[int, Field(ge=1)] = 10_000
    margin: Annotated[float, Field(gt=0, le=100)] = 0.1  # points of accuracy that matter
    extra: Annotated[tuple[Extra, ...], Field(strict=False, max_length=100)] = ()


class Book(BookHeader):
    """Trials to run on one data set with the same seeds and the same split."""

    name: BookName
    options: tuple[str, ...] = ()  # what a command changed, as it writes that: `--epochs 5`
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS)]
    trials: Annotated[tuple[Trial, ...], Field(min_length=1, max_length=MAX_TRIALS)]

    @model_validator(mode="after")
    def _trials_belong_together(self) -> Self:
        check_and_sort([(trial.name, trial.parent or "base") for trial in self.trials])
        return self

    def trial(self, name: str) -> Trial:
        """The trial of that name. Raises KeyError."""
        return {trial.name: trial for trial in self.trials}[name]

    def with_seeds(self, seeds: int) -> "Book":
        """The same book with seeds 0 to `seeds` - 1. Raises BookError."""
        count = validated(SeedCount, seeds, "--seeds")
        return self._with("--seeds", count, seeds=tuple(range(count)))

    def with_epochs(self, epochs: int) -> "Book":
        """The same book, every trial trained for `epochs` epochs at most. Raises BookError."""
        count = validated(Count, epochs, "--epochs")
        trials = []
        for trial in self.trials:
            training = trial.training.model_copy(update={"epochs": count})
            trials.append(trial.model_copy(update={"training": training}))
        return self._with("--epochs", count, trials=tuple(trials))

    def with_strokes(self, strokes: Sequence[str]) -> "Book":
        """The same book with more drawings to train on, in copies as the book's own (its most).

        Raises BookError.
        """
        strokes = validated(tuple[str, ...], tuple(strokes), "--strokes")
        copies = max((extra.copies for extra in self.extra), default=1)
        more = ({"strokes": name, "copies": copies} for name in strokes)
        options = (f"--strokes {quote(name)}" for name in strokes)
        values = {"extra": (*self.extra, *more), "options": (*self.options, *options)}
        book: Book = validated(Book, dict(self) | values, "--strokes")
        return book

    def _with(self, option: str, value: int, **changed: Any) -> "Book":
        """The same book, changed by an option that takes the place of an earlier one."""
        kept = (each for each in self.options if not each.startswith(f"{option} "))
        return self.model_copy(update={**changed, "options": (*kept, f"{option} {value}")})


def changed(parent: Trial, trial: Trial) -> dict[str, tuple[Any, Any]]:
    """What `trial` changes about `parent`: setting → (before, after), where the two differ.

    The settings of a convolution layer are named `conv.kernel`, or `conv2.kernel` in a network of
    several; another number of layers is one entry, `conv`. A module is one entry for the whole
    network, `module`: its file and name, and its hash where only that differs; None where there is
    none.
    """
    before, after = _settings(parent, trial), _settings(trial, parent)
    pairs = {key: (before.get(key), after.get(key)) for key in before | after}
    return {key: (old, new) for key, (old, new) in pairs.items() if old != new}


def _settings(trial: Trial, other: Trial) -> dict[str, Any]:
    """Every setting of a trial by its name, as it is compared with those of another."""
    network, theirs = trial.network, other.network
    settings = trial.training.model_dump() | _network_settings(network, theirs)
    tables = {"augment": settings.pop("augment")}
    if "conv" in settings and len(network.conv) == len(theirs.conv):
        layers = settings.pop("conv")
        for number, layer in enumerate(layers, 1):
            tables["conv" if len(layers) == 1 else f"conv{number}"] = layer
    for name, table in tables.items():
        settings |= {f"{name}.{key}": value for key, value in table.items()}
    return settings


def _network_settings(network: Network, other: Network) -> dict[str, Any]:
    """A network's settings; its module alone where one of the two networks is a module."""
    module = network.module
    if not (module or other.module):
        return network.model_dump()
    if module and str(module) == str(other.module):
        return {"module": f"{module} ({module.sha256[:6]})"}
    return {"module": str(module) if module else None}
