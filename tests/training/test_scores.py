import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from mnistlab.training.scores import auroc, confusion_matrix, f1_by_class, score, unsure_threshold

Floats = npt.NDArray[np.float64] | npt.NDArray[np.float32]


def random_case(
    seed: int, n: int, classes: int = 10, ties: bool = False
) -> tuple[Floats, npt.NDArray[np.uint8]]:
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, classes)) * generator.choice([0.1, 1, 8])
    if ties:
        logits = np.round(logits)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, generator.integers(0, classes, n).astype(np.uint8)


def check_against_scikit_learn(probabilities: Floats, labels: npt.NDArray[np.uint8]) -> None:
    ours = score(probabilities, labels)
    predicted, classes = probabilities.argmax(axis=1), list(range(probabilities.shape[1]))
    assert ours.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted), abs=1e-6)
    assert ours.loss == pytest.approx(
        metrics.log_loss(labels, probabilities, labels=classes), abs=1e-6
    )
    for average, value in (("micro", ours.f1_micro), ("macro", ours.f1_macro)):
        theirs = metrics.f1_score(
            labels, predicted, labels=classes, average=average, zero_division=0
        )
        assert value == pytest.approx(theirs, abs=1e-6)
    areas = [
        metrics.roc_auc_score(labels == label, probabilities[:, label])
        for label in classes
        if 0 < (labels == label).sum() < len(labels)
    ]
    assert ours.auroc == (pytest.approx(np.mean(areas), abs=1e-6) if areas else None)


@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.booleans())
@settings(max_examples=100, deadline=None)
def test_random_predictions_score_as_in_scikit_learn(seed: int, n: int, ties: bool) -> None:
    check_against_scikit_learn(*random_case(seed, n, ties=ties))


def test_the_whole_auroc_is_scikit_learns_one_vs_rest_when_every_class_is_there() -> None:
    probabilities, labels = random_case(5, 500)
    theirs = metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert auroc(probabilities, labels) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("labels", [[3] * 20, [3, 4] * 10, list(range(9)) * 2 + [0, 0]])
def test_missing_classes_score_as_in_scikit_learn_without_a_warning(labels: list[int]) -> None:
    probabilities, _ = random_case(1, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_against_scikit_learn(probabilities, np.array(labels, np.uint8))


@pytest.mark.parametrize("classes", [2, 26, 47, 100])
def test_any_number_of_classes_scores_as_in_scikit_learn(classes: int) -> None:
    probabilities, labels = random_case(classes, 400, classes)
    check_against_scikit_learn(probabilities, labels)
    some = labels % max(1, classes // 2)  # half the classes have no image
    check_against_scikit_learn(probabilities, some)
    whole = np.concatenate([np.arange(classes), labels]).astype(np.uint8)
    probabilities, _ = random_case(1, len(whole), classes)
    if classes > 2:  # of two, scikit-learn wants one column
        theirs = metrics.roc_auc_score(whole, probabilities, multi_class="ovr", average="macro")
        assert auroc(probabilities, whole) == pytest.approx(theirs, abs=1e-9)


def test_all_predictions_the_same_and_all_certain() -> None:
    labels = np.arange(20).astype(np.uint8) % 10
    for row in (np.full(10, 0.1), np.eye(10)[4]):
        check_against_scikit_learn(np.tile(row, (20, 1)), labels)
    certain = score(np.eye(10)[labels], labels)
    assert (certain.accuracy, certain.loss, certain.auroc, certain.f1_macro) == (1, 0, 1, 1)


def test_one_class_alone_has_no_auroc() -> None:
    probabilities, _ = random_case(2, 10)
    assert score(probabilities, np.full(10, 7, np.uint8)).auroc is None


def test_a_hand_worked_case() -> None:
    # three classes; true 0 0 1 2, predicted 0 1 1 1
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.2, 0.6, 0.2], [0.1, 0.5, 0.4]])
    labels = np.array([0, 0, 1, 2], np.uint8)
    confusion = confusion_matrix(probabilities.argmax(axis=1), labels, 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    np.testing.assert_allclose(f1_by_class(confusion), [2 / 3, 1 / 2, 0])
    ours = score(probabilities, labels)
    assert ours.accuracy == ours.f1_micro == 0.5
    assert ours.loss == pytest.approx(-(np.log(0.7) + np.log(0.3) + np.log(0.6) + np.log(0.4)) / 4)
    assert ours.auroc == pytest.approx((1 + 1 + 1) / 3)


def test_float32_probabilities_of_a_real_size_score_as_in_scikit_learn() -> None:
    probabilities, labels = random_case(9, 5000)
    check_against_scikit_learn(probabilities.astype(np.float32), labels)


def test_certain_and_wrong_float32_predictions_cost_what_they_cost_in_scikit_learn() -> None:
    certain = np.tile(np.eye(10, dtype=np.float32)[4], (20, 1))
    check_against_scikit_learn(certain, np.arange(20).astype(np.uint8) % 10)


def answers(*confidences: float) -> Floats:
    """Probabilities of two classes, the first with these confidences (over a half)."""
    return np.array([[each, 1 - each] for each in confidences])


def test_the_threshold_of_unsure_by_hand() -> None:
    right, wrong = np.zeros(199, np.uint8), np.ones(1, np.uint8)
    confident = answers(*np.linspace(0.6, 0.9, 199))
    assert unsure_threshold(confident, right) == 0.6
    labels = np.concatenate([wrong, right])
    # with one wrong, 199 of 200 answers are 99.5 % and 198 of 199 are not
    for confidence, expected in ((0.55, 0.55), (0.605, 0.6), (0.95, 0.6)):
        probabilities = np.concatenate([answers(confidence), confident])
        assert unsure_threshold(probabilities, labels) == expected
    fewer = np.concatenate([answers(0.75), confident[1:]])
    assert unsure_threshold(fewer, labels[:-1]) == confident[confident[:, 0] > 0.75, 0].min()


def test_equal_confidences_are_sure_together_or_not_at_all() -> None:
    probabilities = answers(0.9, 0.9, 0.8, 0.8, 0.7)
    for labels, expected in (
        ([0, 0, 0, 0, 0], 0.7),
        ([0, 0, 0, 1, 0], 0.9),
        ([0, 0, 1, 0, 0], 0.9),
        ([0, 1, 0, 0, 0], None),
        ([1, 0, 0, 0, 0], None),
    ):
        assert unsure_threshold(probabilities, np.array(labels, np.uint8)) == expected


def test_the_threshold_of_unsure_is_the_lowest_that_a_search_finds() -> None:
    for seed in range(30):
        probabilities, labels = random_case(seed, 400, ties=bool(seed % 2))
        predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        labels = np.where(np.arange(400) % 50 >= seed, predicted, labels).astype(np.uint8)
        right = predicted == labels
        found = [float(low) for low in confidence if right[confidence >= low].mean() >= 0.995]
        assert unsure_threshold(probabilities, labels) == min(found, default=None)
