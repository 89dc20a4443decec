"""Mistakes of made-up networks on a handful of images."""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mnistlab.errors import StoreError
from mnistlab.images import DIGITS, Images
from mnistlab.results import mistakes
from mnistlab.results.mistakes import (
    ece,
    find_gains_and_losses,
    find_mistakes,
    load_predictions,
    reliability,
)
from mnistlab.results.store import StoredRun
from tests.made_up import record

LABELS = np.array([0, 1, 1, 9], np.uint8)
TEST = Images(np.zeros((4, 28, 28), np.uint8), LABELS)


def answers(*each: tuple[int, float]) -> npt.NDArray[np.float32]:
    """Probabilities (n, 10): each answer's digit has its probability, the others share the rest."""
    table = np.empty((len(each), 10), np.float32)
    for row, (digit, probability) in zip(table, each, strict=True):
        row[:] = (1 - probability) / 9
        row[digit] = probability
    return table


def predictions(*runs: npt.NDArray[np.float32]) -> mistakes.TestPredictions:
    return mistakes.TestPredictions(tuple(range(len(runs))), np.stack(runs), LABELS, DIGITS)


TWO = predictions(
    answers((0, 0.9), (1, 0.8), (7, 0.6), (4, 0.7)),
    answers((0, 0.9), (1, 0.8), (1, 0.5), (4, 0.99)),
)


def test_ece_worked_by_hand() -> None:
    # bins of 1/15: 0.62 and 0.64 share ((9/15, 10/15]), 0.95 is alone in the last
    table, labels = answers((0, 0.62), (1, 0.64), (2, 0.95)), np.array([0, 5, 2], np.uint8)
    first, last = reliability(table, labels)
    assert (first.images, first.accuracy) == (2, 0.5)
    assert first.confidence == pytest.approx(0.63)
    assert (last.images, last.accuracy) == (1, 1)
    assert ece(table, labels) == pytest.approx((2 * abs(0.5 - 0.63) + 1 * abs(1 - 0.95)) / 3)


def test_bins_of_several_seeds_count_images_per_seed() -> None:
    table = np.concatenate([answers((3, 0.9), (3, 0.9))] * 4)
    (only,) = reliability(table, np.array([3, 5] * 4, np.uint8), seeds=4)
    assert (only.images, only.accuracy) == (2, 0.5)


def test_a_confidence_on_an_edge_belongs_below_and_certainty_to_the_last_bin() -> None:
    (certain,) = reliability(answers((3, 1.0)), np.array([3], np.uint8))
    assert (certain.confidence, certain.accuracy) == (1, 1)
    on_edge = np.array([[0.2, 0.8], [0.19, 0.81]])  # 0.8 is 12/15
    assert len(reliability(on_edge, np.array([1, 1], np.uint8))) == 2


def test_confusion_and_recall_are_means_over_seeds() -> None:
    found = find_mistakes(TWO)
    assert found.confusion[1, 1] == 1.5
    assert found.confusion[1, 7] == 0.5
    assert found.confusion[9, 4] == 1
    assert found.confusion.sum() == 4
    one, nine, two = found.recalls[1], found.recalls[9], found.recalls[2]
    assert (one.mean, one.images) == (0.75, 2)
    # Wilson's interval for n = 2 images, whatever the number of seeds: z² = 3.841459, and its
    # middle is (0.75 + z²/2n) / (1 + z²/n)
    assert (one.low or 0) + (one.high or 0) == pytest.approx(
        2 * (0.75 + 3.841459 / 4) / (1 + 3.841459 / 2), abs=1e-6
    )
    assert (nine.mean, nine.low) == (0, 0)
    assert (two.mean, two.low, two.images) == (None, None, 0)  # no image of a 2


def test_pairs_confused_most_come_first() -> None:
    pairs = [(pair.truth, pair.taken_for, pair.mean) for pair in find_mistakes(TWO).confused]
    assert pairs == [("9", "4", 1), ("1", "7", 0.5)]


def test_the_images_that_are_shown() -> None:
    found = find_mistakes(TWO)
    assert found.always_wrong == 1
    (hardest,) = found.always_wrong_shown
    assert (hardest.index, hardest.truth, hardest.seeds_right, hardest.seeds) == (3, "9", 0, 2)
    assert [name for name, _ in hardest.likeliest] == ["4", "0", "1"]
    assert hardest.likeliest[0][1] == pytest.approx((0.7 + 0.99) / 2)
    assert [(case.index, case.seed) for case in found.most_confident_errors] == [(3, 1), (2, 0)]
    assert found.most_confident_errors[0].likeliest[0][1] == pytest.approx(0.99)


def test_the_hardest_images_are_those_most_confidently_wrong() -> None:
    wrong = answers((5, 0.3), (5, 0.9), (5, 0.6), (9, 0.8))
    assert [case.index for case in find_mistakes(predictions(wrong)).always_wrong_shown] == [
        1,
        2,
        0,
    ]


def test_no_more_images_are_shown_than_a_page_can_take() -> None:
    wrong = answers(*[(1, 0.9)] * 100)[None]
    found = find_mistakes(mistakes.TestPredictions((0,), wrong, np.zeros(100, np.uint8), DIGITS))
    assert (
        found.always_wrong,
        len(found.always_wrong_shown),
        len(found.most_confident_errors),
    ) == (100, 24, 12)


def test_perfect_networks_have_no_mistakes() -> None:
    perfect = answers((0, 1.0), (1, 1.0), (1, 1.0), (9, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find_mistakes(predictions(perfect))
    assert (found.confused, found.always_wrong) == ((), 0)
    assert (found.always_wrong_shown, found.most_confident_errors) == ((), ())
    assert found.ece.mean == pytest.approx(0, abs=1e-9)
    assert found.ece.low is None


def test_images_gained_and_lost() -> None:
    after = predictions(
        answers((5, 0.9), (1, 0.8), (1, 0.6), (9, 0.7)),
        answers((0, 0.9), (1, 0.8), (1, 0.5), (9, 0.9)),
    )
    change = find_gains_and_losses(TWO, after)
    assert change is not None
    # seed 0 gains two images and loses one, seed 1 gains one
    assert (change.gained.mean, change.lost.mean) == (1.5, 0.5)
    assert [case.index for case in change.most_gained] == [3, 2]
    assert [case.index for case in change.most_lost] == [0]


def test_identical_predictions_gain_nothing_and_other_seeds_cannot_be_compared() -> None:
    same = find_gains_and_losses(TWO, TWO)
    assert same is not None
    assert (same.gained.mean, same.lost.mean, same.most_gained, same.most_lost) == (0, 0, (), ())
    other = mistakes.TestPredictions((7, 8), TWO.probabilities, LABELS, DIGITS)
    assert find_gains_and_losses(TWO, other) is None


def stored(folder: Path, array: npt.NDArray[np.generic]) -> StoredRun:
    """A finished run of seed 5 that made these predictions."""
    np.save(folder / "predictions.npy", array)
    return StoredRun(record("1", 5), folder)


def test_stored_predictions_of_finished_runs_are_read(tmp_path: Path) -> None:
    good = stored(tmp_path, TWO.probabilities[0])
    bad = StoredRun(record("1", 6, status="diverged"), tmp_path)
    found = load_predictions([good, bad], TEST)
    assert found is not None
    assert found.seeds == (5,)
    assert found.right.tolist() == [[True, True, False, False]]
    assert load_predictions([bad], TEST) is None


def test_predictions_that_are_no_numbers_are_named_and_nobody_is_told_to_delete_them(
    tmp_path: Path,
) -> None:
    text = stored(tmp_path, TWO.probabilities[0].astype("U5"))
    with pytest.raises(StoreError, match=r"predictions\.npy: .*run the book again") as caught:
        load_predictions([text], TEST)
    assert "delete" not in str(caught.value)


def test_classes_are_called_by_their_names_however_many_there_are() -> None:
    names, labels = tuple(f"class {i}" for i in range(47)), np.array([46, 46, 3, 46], np.uint8)
    table = np.full((1, 4, 47), 0.01, np.float32)
    for image, answer in enumerate((46, 3, 3, 3)):
        table[0, image, answer] = 0.54
    found = find_mistakes(mistakes.TestPredictions((0,), table, labels, names))
    (pair,) = found.confused
    assert (pair.truth, pair.taken_for, pair.mean, pair.images) == ("class 46", "class 3", 2, 3)
    assert [it.name for it in found.recalls] == list(names)
    assert found.recalls[46].mean == pytest.approx(1 / 3)
    assert found.error_shares[46, 3] == found.error_shares.sum() == pytest.approx(2 / 3)
    first = found.always_wrong_shown[0]
    assert (first.truth, first.likeliest[0][0], len(first.likeliest)) == ("class 46", "class 3", 3)
