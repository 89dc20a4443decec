"""The native engine against PyTorch's autograd in float64, and against itself on other vectors."""

import os
import subprocess
import sys
from typing import Any, get_args

import numpy as np
import pytest

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Activation, Conv, Network, Training
from mnistlab.images import Bytes, DataSet, Images, Task
from mnistlab.model import Weights
from mnistlab.model.network import initial_weights
from mnistlab.randomness import Purpose, generator
from mnistlab.training.augment import Labels
from mnistlab.training.batches import Batches
from mnistlab.training.native import library
from mnistlab.training.native.engine import NativeEngine

pytest.importorskip("torch")
import torch

from mnistlab.training.torch import ConvNet, TorchEngine

CLOSE = 1e-5  # of a gradient: ‖ours - theirs‖ / ‖theirs‖
CURVED = 3e-5  # likewise, with activations that are approximated to 1e-7
CANCELLED = 5e-4  # likewise, where a head averages what batch-norm has made average to 0
ZERO = 1e-8  # norm below which a gradient is 0 but for rounding
# how near to 0, or to another of its pool, a number must be for rounding to decide its side
KINK = 1e-5


# grey digits for the most part; RGB, and other numbers of classes
TASKS = [Task(), Task(), Task(3, 10), Task(1, 2), Task(3, 26), Task(1, 47), Task(3, 100)]


def images(count: int, seed: int = 0, task: Task = TASKS[0]) -> Images:
    """Ink of any darkness on a third of the pixels, random labels."""
    random, shape = np.random.default_rng(seed), (count, *task.picture())
    pixels = random.integers(1, 256, shape) * (random.random(shape) < 0.3)
    labels = random.integers(0, task.classes, count).astype(np.uint8)
    return Images(pixels.astype(np.uint8), labels, tuple(map(str, range(task.classes))))


def training(batch_size: int = 32, **settings: Any) -> Training:
    return Training.model_validate(
        {"batch_size": batch_size, "learning_rate": 0.001, "epochs": 1} | settings
    )


def native(
    network: Network,
    chosen: Training,
    train: Images,
    weights: Weights | None = None,
    **more: object,
) -> NativeEngine:
    weights = weights or initial_weights(network, generator(0, Purpose.weights), train.task)
    return NativeEngine(Batches(network, chosen, train, 0), weights, **more)  # type: ignore[arg-type]


def by_torch(
    network: Network,
    chosen: Training,
    train: Images,
    weights: Weights,
    dtype: "torch.dtype" = torch.float32,
) -> TorchEngine:
    return TorchEngine(Batches(network, chosen, train, 0), weights, dtype=dtype)


def gradient(engine: TorchEngine, pixels: Bytes, labels: Labels) -> Weights:
    """Autograd's gradient of the mean loss of these images, dropout's masks as the engine has them.

    Pictures of no digit (label −1) have an equal share of every class as their target.
    """
    kept = next(engine.batches.epoch(np.arange(len(labels)))).kept
    logits = engine._logits(torch.from_numpy(pixels), kept)
    classes = engine.batches.task.classes
    shares = torch.nn.functional.one_hot(torch.from_numpy(labels).long().clamp(min=0), classes)
    none = torch.from_numpy(labels < 0)[:, None]
    targets = torch.where(none, torch.tensor(1 / classes), shares).to(logits.dtype)
    smoothing = engine.batches.training.label_smoothing
    torch.nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing).backward()
    named = engine.model.layers.named_parameters()
    return {name: value.grad.numpy() for name, value in named if value.grad is not None}


def random_network(random: np.random.Generator) -> Network:
    """Up to three layers of everything that a book can ask for."""
    while True:
        layers = []
        for number in range(random.integers(0, 4)):
            norm = bool(random.random() < 0.5)
            layers.append(
                {
                    "out": int(random.integers(1, 40)), "stride": int(random.integers(1, 4)),
                    # one weight per filter before batch-norm has no gradient but rounding:
                    # batch-norm undoes any scale
                    "kernel": int(random.integers(2 if norm and not number else 1, 8)),
                    "padding": int(random.integers(0, 4)), "pool": int(random.integers(1, 4)),
                    "norm": norm, "pool_by": str(random.choice(["max", "mean"])),
                }
            )  # fmt: skip
        try:
            network = Network.model_validate(
                {
                    "conv": layers, "dropout": float(random.choice([0.0, 0.3])),
                    "hidden": [int(n) for n in random.integers(1, 60, random.integers(0, 3))],
                    "activation": str(random.choice(get_args(Activation))),
                    "head": str(random.choice(["flatten", "average"])) if layers else "flatten",
                }
            )  # fmt: skip
        except ValueError:
            continue
        if all(side > 0 for _, side in network.shapes()):
            return network


def random_weights(network: Network, random: np.random.Generator, task: Task) -> Weights:
    """Initial weights, those of batch-norm not all the same."""
    weights = initial_weights(network, random, task)
    for name in weights:
        if name.startswith("norm") and not name.endswith("running_var"):
            weights[name] = (weights[name] + random.normal(0, 0.3, weights[name].shape)).astype(
                np.float32
            )
    return weights


def gradients_by_torch(
    network: Network, train: Images, weights: Weights, dtype: "torch.dtype", chosen: Training
) -> tuple[Weights, bool]:
    """The gradients of all images at once, and whether a ReLU or a pool was so near a kink that
    rounding decides.
    """
    near = False
    engine = by_torch(network, chosen, train, weights, dtype)

    def look(module: torch.nn.Module, given: tuple[torch.Tensor], _: torch.Tensor) -> None:
        nonlocal near
        (values,) = given
        if isinstance(module, torch.nn.ReLU | torch.nn.LeakyReLU):
            near |= bool(((values.abs() < KINK) & (values != 0)).any())
        else:
            size: Any = module.kernel_size
            most = torch.nn.functional.unfold(
                values.flatten(0, 1)[:, None], size, stride=size
            ).topk(2, 1)[0]
            gap = most[:, 0] - most[:, 1]
            near |= bool(((gap < KINK) & (gap > 0)).any())

    hooks = [
        module.register_forward_hook(look)
        for module in engine.model.layers.children()
        if isinstance(module, torch.nn.ReLU | torch.nn.LeakyReLU | torch.nn.MaxPool2d)
    ]
    found = gradient(engine, train.pixels, train.labels.astype(np.int32))
    for hook in hooks:
        hook.remove()
    return found, near


def distances(ours: Weights, theirs: Weights) -> dict[str, float]:
    """How far each gradient is off, in shares of its norm, or as it is where that is 0 but for
    rounding.
    """
    assert ours.keys() == theirs.keys()
    norms = {name: float(np.linalg.norm(value)) for name, value in theirs.items()}
    return {
        name: float(np.linalg.norm(ours[name] - value))
        / (norms[name] if norms[name] > ZERO else 1.0)
        for name, value in theirs.items()
    }


def test_gradients_of_100_random_networks_equal_autograds_in_float64() -> None:
    random = np.random.default_rng(2)
    compared = redrawn = 0
    while compared < 100:
        network, count = random_network(random), int(random.integers(2, 40))
        task = TASKS[compared % len(TASKS)]
        train, weights = images(count, compared, task), random_weights(network, random, task)
        smoothing = float(random.choice([0.0, 0.1]))
        chosen = training(count, label_smoothing=smoothing)
        ours = native(network, chosen, train, weights, optimizer="none")
        ours.train_epoch(np.arange(count), 0.0)
        expected, near_a_kink = gradients_by_torch(network, train, weights, torch.float64, chosen)
        averaged = network.head == "average" and network.conv[-1].norm
        smooth = network.activation not in ("relu", "leaky_relu")
        close = CANCELLED if averaged else CURVED if smooth else CLOSE
        off = distances(ours.gradient(), expected)
        far = {name: distance for name, distance in off.items() if distance > close}
        if (
            far and not near_a_kink
        ):  # then float32 must not be enough for it, as batch-norm of equal numbers
            rough, _ = gradients_by_torch(network, train, weights, torch.float32, chosen)
            theirs = distances(rough, expected)
            assert all(off < theirs[name] for name, off in far.items()), (far, theirs, network)
        compared, redrawn = compared + (not far), redrawn + bool(far)
    assert redrawn <= 10


SIX = read_book("six-trials")
DEEP = read_book("drawing").trials[0].network
"""Five layers with batch-norm, pooling and dropout."""
NEXT = read_book("next-questions").trial("second layer")


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize(
    "network", [SIX.trial("4").network, NEXT.network, DEEP], ids=["4", "second layer", "drawing"]
)
def test_the_engines_stay_together_for_200_steps(
    optimizer: str, network: Network, mini: DataSet
) -> None:
    train = mini.train[np.arange(1270)]  # 40 batches an epoch, the last one short
    momentum: dict[str, Any] = {"momentum": 0.9} if optimizer == "sgd" else {}
    chosen = training(optimizer=optimizer, weight_decay=0.01, **momentum)
    weights = initial_weights(network, generator(0, Purpose.weights))
    ours = native(network, chosen, train, weights)
    theirs = by_torch(network, chosen, train, weights)
    # with batch-norm in five layers, a larger rate takes PyTorch's own float32 and float64 as far
    # apart
    rate = 0.00003 if network == DEEP else 0.001
    for epoch in range(5):
        order = generator(epoch, Purpose.order).permutation(len(train))
        loss, accuracy = ours.train_epoch(order, rate)
        expected = theirs.train_epoch(order, rate)
        assert loss == pytest.approx(expected[0], rel=1e-3)
        assert accuracy == pytest.approx(expected[1], abs=0.005)
    logits = theirs.logits(train.pixels[:200])
    assert np.abs(ours.logits(train.pixels[:200]) - logits).max() < 0.02 * np.abs(logits).max()


def test_weights_and_logits_are_those_of_the_same_network_in_torch() -> None:
    random = np.random.default_rng(0)
    for seed in range(20):
        network, task = random_network(random), TASKS[seed % len(TASKS)]
        train, weights = images(33, seed, task), random_weights(network, random, task)
        engine = native(network, training(8), train, weights)
        for name, value in engine.weights().items():
            np.testing.assert_array_equal(value, weights[name])
        model = ConvNet(network, task, torch.float64).eval()
        state = model.layers.state_dict()
        model.layers.load_state_dict(
            state | {name: torch.from_numpy(value) for name, value in weights.items()}
        )
        expected = model(torch.from_numpy(train.pixels)).detach().numpy()
        np.testing.assert_allclose(
            engine.logits(train.pixels), expected, atol=2e-5 * max(1, np.abs(expected).max())
        )


def test_running_statistics_are_torchs() -> None:
    network, train = Network(conv=(Conv(out=5, kernel=3, norm=True),)), images(40)
    chosen = training(16, learning_rate=1e-9)
    weights = initial_weights(network, generator(0, Purpose.weights))
    ours = native(network, chosen, train)
    theirs = by_torch(network, chosen, train, weights)
    for engine in (ours, theirs):
        engine.train_epoch(np.arange(40), 1e-9)  # batches of 16, 16 and 8
    for part in ("running_mean", "running_var"):
        np.testing.assert_allclose(
            ours.weights()[f"norm1.{part}"], theirs.weights()[f"norm1.{part}"], rtol=1e-5
        )


def test_a_picture_of_no_digit_is_taught_as_an_equal_share_for_all() -> None:
    network, train = Network(conv=(Conv(out=5, kernel=3, stride=3),)), images(4)
    ours = native(network, training(4), train, optimizer="none")
    theirs = by_torch(network, training(4), train, ours.weights(), torch.float64)
    labels = np.array([-1, 3, -1, 9], np.int32)
    ours.batches.labels = labels
    loss, accuracy = ours.train_epoch(np.arange(4), 0.0)
    expected = gradient(theirs, train.pixels, labels)
    assert max(distances(ours.gradient(), expected).values()) < CLOSE
    chances = torch.from_numpy(ours.logits(train.pixels)).double().log_softmax(1).numpy()
    targets = np.where(labels[:, None] < 0, 0.1, np.eye(10)[labels])
    assert loss == pytest.approx(-(targets * chances).sum(1).mean(), rel=1e-6)
    assert accuracy in (0, 0.5, 1)  # of the two digits


def test_frozen_layers_keep_their_weights_and_the_others_learn_as_before() -> None:
    network = Network(conv=(Conv(out=4, kernel=5, pool=2, norm=True), Conv(out=6, kernel=3)))
    train = images(64)
    free, held = (
        native(network, training(64), train, frozen=frozen) for frozen in ((), ("conv1", "linear"))
    )
    before = held.weights()
    for engine in (free, held):
        engine.train_epoch(np.arange(64), 0.01)
    assert all(
        np.array_equal(held.weights()[name], before[name])
        for name in before
        if name.startswith(("conv1", "linear"))
    )
    np.testing.assert_array_equal(held.weights()["norm1.weight"], before["norm1.weight"])
    np.testing.assert_array_equal(held.weights()["conv2.weight"], free.weights()["conv2.weight"])
    assert not np.array_equal(held.weights()["conv2.weight"], before["conv2.weight"])


def test_batch_norm_held_as_in_inference() -> None:
    network, train = Network(conv=(Conv(out=4, kernel=5, norm=True),)), images(20)
    weights = random_weights(network, np.random.default_rng(1), train.task)
    engine = native(network, training(20), train, weights, fixed_norm=True, optimizer="none")
    engine.train_epoch(np.arange(20), 0.0)
    np.testing.assert_array_equal(
        engine.weights()["norm1.running_mean"], weights["norm1.running_mean"]
    )
    theirs = by_torch(network, training(20), train, weights, torch.float64)
    theirs.model.eval()
    expected = gradient(theirs, train.pixels, train.labels.astype(np.int32))
    assert max(distances(engine.gradient(), expected).values()) < CLOSE


def test_going_back_to_weights_goes_back_to_the_same_answers() -> None:
    train = images(100)
    engine = native(DEEP, training(50), train)
    before, logits = engine.weights(), engine.logits(train.pixels)
    engine.train_epoch(np.arange(100), 0.01)
    assert not np.array_equal(engine.logits(train.pixels), logits)
    engine.load(before)
    np.testing.assert_array_equal(engine.logits(train.pixels), logits)


def test_scoring_takes_any_number_of_images_and_leaves_training_alone() -> None:
    train = images(40)
    first, second = (native(NEXT.network, training(16), train) for _ in range(2))
    whole = first.logits(train.pixels)
    np.testing.assert_array_equal(
        whole, np.concatenate([second.logits(train.pixels[[i]]) for i in range(40)])
    )
    for engine in (first, second):
        engine.train_epoch(np.arange(40), 0.001)
    assert all(
        np.array_equal(value, second.weights()[name]) for name, value in first.weights().items()
    )


def test_what_is_not_finite_is_seen() -> None:
    train = images(32)
    for network in (SIX.trial("1").network, DEEP):
        weights = initial_weights(network, generator(0, Purpose.weights))
        weights["conv1.weight"][0, 0, 0, 0] = np.nan
        engine = native(network, training(16), train, weights)
        assert np.isnan(engine.logits(train.pixels)).any()  # NaN passes ReLU and pooling
        loss, _ = engine.train_epoch(np.arange(32), 0.001)
        assert not np.isfinite(loss)


PRINT_BITS = """
import hashlib
from tests.training.native.test_engine import bits
print(bits())
"""


def bits() -> str:
    """A digest of weights, losses and logits after training networks of all kinds on made-up
    images.
    """
    import hashlib

    digest = hashlib.sha256()
    random = np.random.default_rng(5)
    for seed in range(12):
        network, train = random_network(random), images(70, seed, TASKS[seed % len(TASKS)])
        chosen = training(32, optimizer=("adam", "adamw", "sgd")[seed % 3], weight_decay=0.01)
        engine = native(network, chosen, train)
        loss, _ = engine.train_epoch(np.random.default_rng(seed).permutation(70), 0.01)
        digest.update(np.float64(loss).tobytes())
        for value in (*engine.weights().values(), engine.logits(train.pixels)):
            digest.update(value.tobytes())
    return digest.hexdigest()


@pytest.fixture
def fused() -> None:
    if library.variant() != "v4":
        pytest.skip("needs a processor with two variants that have fused multiply-adds")


@pytest.mark.usefixtures("fused")
def test_variants_with_fused_multiply_adds_give_the_same_bits() -> None:
    found = {}
    for variant in ("v3", "v4"):
        environment = {**os.environ, "MNISTLAB_VARIANT": variant}
        done = subprocess.run(
            [sys.executable, "-c", PRINT_BITS],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found[variant] = done.stdout.strip()
    assert set(found.values()) == {bits()}


def test_denormals_are_flushed_inside_and_the_callers_stay() -> None:
    tiny = np.full(8, 1e-40, np.float32)
    network, train = SIX.trial("1").network, images(32)
    weights = initial_weights(network, generator(0, Purpose.weights))
    weights["linear.bias"] = np.full(10, 1e-40, np.float32)
    weights["linear.weight"][:] = 0
    engine = native(network, training(16), train, weights)
    assert (engine.logits(train.pixels) == 0).all()
    assert (tiny * np.float32(0.5) > 0).all()


def test_rows_and_sizes_that_would_leave_the_memory_are_refused() -> None:
    train = images(20)
    engine = native(SIX.trial("1").network, training(8), train)
    for rows in ([20], [-1]):
        with pytest.raises(IndexError, match="of 20 images"):
            engine.train_epoch(np.array(rows), 0.001)
    with pytest.raises(ValueError, match=r"not \(28, 28\)"):
        engine.logits(np.zeros((3, 27, 28), np.uint8))
    with pytest.raises(ValueError, match=r"not \(28, 28, 3\)"):
        native(Network(conv=()), training(), images(9, task=Task(3, 4))).logits(train.pixels)
    object.__setattr__(train, "classes", tuple("abcdefghi"))  # which Images itself would refuse
    with pytest.raises(ValueError, match="label 9 of 9 classes"):
        native(Network(conv=()), training(), train)
