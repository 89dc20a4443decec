"""Mistakes of made-up networks on a handful of images."""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mnistlab.errors import StoreError
from mnistlab.images import Images
from mnistlab.results import mistakes
from mnistlab.results.mistakes import (
    ece,
    load_predictions,
    reliability,
    study,
    trade,
)
from mnistlab.results.store import StoredRun
from tests.made_up import record

LABELS = np.array([0, 1, 1, 9], np.uint8)


def says(*answers: tuple[int, float]) -> npt.NDArray[np.float32]:
    """Probabilities (n, 10): the digit of each answer with its probability, the rest spread
    evenly.
    """
    table = np.empty((len(answers), 10), np.float32)
    for row, (digit, sure) in zip(table, answers, strict=True):
        row[:] = (1 - sure) / 9
        row[digit] = sure
    return table


def read(*runs: npt.NDArray[np.float32]) -> mistakes.TestPredictions:
    stacked = np.stack(runs)
    return mistakes.TestPredictions(
        tuple(range(len(runs))), stacked, stacked.argmax(axis=2) == LABELS
    )


TWO = read(
    says((0, 0.9), (1, 0.8), (7, 0.6), (4, 0.7)), says((0, 0.9), (1, 0.8), (1, 0.5), (4, 0.99))
)


def test_ece_worked_by_hand() -> None:
    # bins of 1/15: 0.62 and 0.64 share ((9/15, 10/15]), 0.95 is alone in the last
    table, labels = says((0, 0.62), (1, 0.64), (2, 0.95)), np.array([0, 5, 2], np.uint8)
    first, last = reliability(table, labels)
    assert (first.images, first.accuracy) == (2, 0.5)
    assert first.confidence == pytest.approx(0.63)
    assert (last.images, last.accuracy) == (1, 1)
    assert ece(table, labels) == pytest.approx((2 * abs(0.5 - 0.63) + 1 * abs(1 - 0.95)) / 3)


def test_a_confidence_on_an_edge_belongs_below_and_certainty_to_the_last_bin() -> None:
    (certain,) = reliability(says((3, 1.0)), np.array([3], np.uint8))
    assert (certain.confidence, certain.accuracy) == (1, 1)
    assert (
        len(reliability(np.array([[0.2, 0.8], [0.19, 0.81]]), np.array([1, 1], np.uint8))) == 2
    )  # 12/15 is an edge


def test_confusion_and_recall_are_means_over_seeds() -> None:
    found = study(TWO, LABELS)
    assert found.confusion[1, 1] == 1.5
    assert found.confusion[1, 7] == 0.5
    assert found.confusion[9, 4] == 1
    assert found.confusion.sum() == 4
    one, nine, two = found.recalls[1], found.recalls[9], found.recalls[2]
    assert (one.mean, one.images) == (0.75, 2)
    # Wilson with n = 2 images, whatever the number of seeds: z² = 3.841459, centre (0.75 + z²/4)/(1
    # + z²/2)
    assert (one.low or 0) + (one.high or 0) == pytest.approx(
        2 * (0.75 + 3.841459 / 4) / (1 + 3.841459 / 2), abs=1e-6
    )
    assert (nine.mean, nine.low) == (0, 0)
    assert (two.mean, two.low, two.images) == (None, None, 0)  # no image of a 2


def test_pairs_confused_most_come_first() -> None:
    assert [(pair.digit, pair.read_as, pair.mean) for pair in study(TWO, LABELS).confused] == [
        (9, 4, 1),
        (1, 7, 0.5),
    ]


def test_the_galleries() -> None:
    found = study(TWO, LABELS)
    assert found.always_wrong == 1
    (hardest,) = found.hardest
    assert (hardest.index, hardest.digit, hardest.right, hardest.seeds) == (3, 9, 0, 2)
    assert hardest.likeliest(1)[0] == pytest.approx((4, (0.7 + 0.99) / 2))
    assert [(case.index, case.seed) for case in found.surest] == [(3, 1), (2, 0)]
    assert found.surest[0].likeliest(1)[0] == pytest.approx((4, 0.99))


def test_perfect_networks_have_no_mistakes() -> None:
    perfect = says((0, 1.0), (1, 1.0), (1, 1.0), (9, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = study(read(perfect), LABELS)
    assert (found.confused, found.hardest, found.surest, found.always_wrong) == ((), (), (), 0)
    assert found.ece.mean == pytest.approx(0, abs=1e-9)
    assert found.ece.low is None


def test_images_gained_and_lost() -> None:
    before, after = (
        TWO,
        read(
            says((5, 0.9), (1, 0.8), (1, 0.6), (9, 0.7)),
            says((0, 0.9), (1, 0.8), (1, 0.5), (9, 0.9)),
        ),
    )
    change = trade(before, after, LABELS)
    assert change is not None
    assert (change.gained.mean, change.lost.mean) == (
        1.5,
        0.5,
    )  # seed 0 gains two and loses one, seed 1 gains one
    assert [case.index for case in change.gains] == [3, 2]
    assert [case.index for case in change.losses] == [0]


def test_identical_predictions_trade_nothing_and_other_seeds_cannot_be_compared() -> None:
    same = trade(TWO, TWO, LABELS)
    assert same is not None
    assert (same.gained.mean, same.lost.mean, same.gains, same.losses) == (0, 0, (), ())
    other = mistakes.TestPredictions((7, 8), TWO.probabilities, TWO.right)
    assert trade(TWO, other, LABELS) is None


def test_stored_predictions_are_read_and_those_of_other_images_refused(tmp_path: Path) -> None:
    test = Images(np.zeros((4, 28, 28), np.uint8), LABELS)
    np.save(tmp_path / "predictions.npy", TWO.probabilities[0])
    good, bad = (
        StoredRun(record("1", 5), tmp_path),
        StoredRun(record("1", 6, status="diverged"), tmp_path),
    )
    found = load_predictions([good, bad], test)
    assert found is not None
    assert found.seeds == (5,)
    assert load_predictions([bad], test) is None
    with pytest.raises(StoreError, match="other test images"):
        load_predictions([good], Images(test.pixels[:3], LABELS[:3]))
