"""Augmentation: pictures vary, labels do not, and a generator decides how."""

import numpy as np
import pytest
import torch

from mnistlab.book.trial import Augment, Network, Training, Trial
from mnistlab.data.images import DataSet, Images
from mnistlab.data.split import split
from mnistlab.training.augment import Augmenter, _extreme
from mnistlab.training.fit import run
from mnistlab.training.nothing import Nothing

CPU = torch.device("cpu")
FULL = Augment(rotate=8, shear=0.25, scale=0.12, shift=1, thickness=0.6, elastic=0.6, nothing=0.2)


def squares(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = torch.zeros((n, 28, 28), dtype=torch.uint8)
    pixels[:, 9:19, 9:19] = 255
    return pixels, torch.arange(n) % 10


def augmenter(settings: Augment, seed: int = 0) -> Augmenter:
    return Augmenter(settings, torch.Generator().manual_seed(seed), CPU)


def test_every_picture_differs_and_a_seed_repeats_them() -> None:
    pixels, labels = squares()
    first, targets, _ = augmenter(FULL)(pixels, labels)
    again, _, _ = augmenter(FULL)(pixels, labels)
    other, _, _ = augmenter(FULL, 1)(pixels, labels)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(first.unique(dim=0)) == len(first)
    assert first.shape == (60, 28, 28)
    assert targets.sum(1).allclose(torch.ones(60))
    assert 0 <= first.min() < first.max() <= 255.01


def test_nothing_takes_its_share_and_is_no_digit() -> None:
    pixels, labels = squares()
    _, targets, found = augmenter(FULL)(pixels, labels)
    assert (found == -1).sum() == 12
    assert targets[found == -1].allclose(torch.tensor(0.1))
    assert torch.equal(found[12:], labels[12:])
    assert torch.equal(targets[12:].argmax(1), labels[12:])
    assert torch.equal(labels, squares()[1])  # the caller's stay as they are


def test_zero_of_everything_changes_nothing() -> None:
    pixels, labels = squares()
    same, _, _ = augmenter(Augment())(pixels, labels)
    assert same.allclose(pixels.float(), atol=1e-2)
    assert not Augment().active


@pytest.mark.parametrize(
    ("settings", "low", "high"),
    [
        (Augment(rotate=180), 90, 110),
        (Augment(shift=3), 90, 110),
        (Augment(scale=0.4), 40, 230),
        (Augment(thickness=1), 60, 150),
    ],
)
def test_how_much_ink_is_left(settings: Augment, low: float, high: float) -> None:
    varied, _, _ = augmenter(settings)(*squares())
    ink = varied.sum((1, 2)) / 255  # 100 at first; a square of 10 by 10
    assert low <= ink.min()
    assert ink.max() <= high


def test_a_shift_by_hand() -> None:
    varied, _, _ = augmenter(Augment(shift=3))(*squares(300))
    at = torch.arange(28) + 0.5
    moved = (varied.sum(1) @ at) / varied.sum((1, 2)) - 14
    assert moved.abs().max() <= 3.05
    assert moved.abs().max() > 2.8


def test_pictures_of_nothing() -> None:
    digits = torch.rand((30, 28, 28), generator=torch.Generator().manual_seed(0)) * 255
    pictures = Nothing(torch.Generator().manual_seed(3)).pictures(digits, 30)
    assert pictures.shape == (30, 28, 28)
    assert (pictures.amax((1, 2)) > 100).all()
    assert len(pictures.unique(dim=0)) == 30


def test_a_run_with_augmentation_repeats_bit_for_bit() -> None:
    random = np.random.default_rng(0)
    images = Images(random.integers(0, 256, (80, 28, 28), dtype=np.uint8), np.arange(80, dtype=np.uint8) % 10)
    conv = [{"out": 4, "kernel": 5, "pool": 4, "norm": True}, {"out": 4, "kernel": 3, "norm": True}]
    training = Training(batch_size=20, learning_rate=0.01, epochs=2, augment=FULL)
    trial = Trial(name="t", network=Network.model_validate({"conv": conv, "dropout": 0.1}), training=training)
    first, second = (run(trial, 1, split(DataSet("toy", images, images), 20)) for _ in range(2))
    assert all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)
    accuracy = first.record.history[-1].train_accuracy
    assert accuracy is not None
    assert 0 <= accuracy <= 1


def test_thicker_is_what_pooling_gives() -> None:
    pixels = torch.rand((5, 28, 28), generator=torch.Generator().manual_seed(0))
    assert torch.equal(_extreme(pixels, torch.maximum), torch.nn.functional.max_pool2d(pixels, 3, 1, 1))
