"""Accuracy, loss, AUROC and F1 of the probabilities of classes, in plain NumPy.

Definitions are those of scikit-learn: `accuracy_score`, `log_loss` (probabilities clipped at their
type's epsilon), `roc_auc_score(multi_class="ovr", average="macro")` over the classes that are in
`labels`, and `f1_score(zero_division=0)` over all of them.
"""

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from mnistlab.model import Probabilities

METRICS = ("accuracy", "loss", "auroc", "f1_micro", "f1_macro")
SURE = 0.995  # the share of answers that must be right for the network to be called sure of them

Labels = npt.NDArray[np.uint8]
Share = Annotated[float, Field(ge=0, le=1)]


class Scores(BaseModel):
    """Figures of one part of the data, as fractions; None where a figure is undefined."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    accuracy: Share
    loss: Annotated[float, Field(ge=0, le=100)]  # nats; a probability is clipped at e⁻³⁶
    auroc: Share | None
    f1_micro: Share
    f1_macro: Share


def score(probabilities: Probabilities, labels: Labels) -> Scores:
    """All figures of `probabilities` (n, classes), rows summing to 1, for `labels` (n,); n ≥ 1."""
    predicted = probabilities.argmax(axis=1)
    confusion = confusion_matrix(predicted, labels, probabilities.shape[1])
    correct = float(np.trace(confusion) / len(labels))
    return Scores(
        accuracy=correct,
        loss=cross_entropy(probabilities, labels),
        auroc=auroc(probabilities, labels),
        # with one label an image, micro averaging counts each error once on either side: accuracy
        f1_micro=correct,
        f1_macro=float(f1_by_class(confusion).mean()),
    )


def unsure_threshold(probabilities: Probabilities, labels: Labels) -> float | None:
    """The confidence below which an answer is called unsure; None if there is none.

    It is the lowest confidence (highest probability) such that of the answers to `labels` (n,) with
    at least that, 99.5 % are right. `probabilities` (n, classes).
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    order = np.argsort(-confidence)
    confidence = confidence[order]
    share_right = right[order].cumsum() / np.arange(1, len(labels) + 1)
    last_of_equals = np.append(confidence[1:] < confidence[:-1], True)
    sure = confidence[last_of_equals & (share_right >= SURE)]
    return float(sure[-1]) if len(sure) else None


def confusion_matrix(
    predicted: npt.NDArray[np.intp], labels: Labels, classes: int
) -> npt.NDArray[np.intp]:
    """Counts (classes, classes): row the true class, column the predicted one."""
    cells = labels.astype(np.intp) * classes + predicted
    counts = np.bincount(cells, minlength=classes**2)
    return np.asarray(counts.reshape(classes, classes))


def cross_entropy(probabilities: Probabilities, labels: Labels) -> float:
    """Mean of -ln p(true class), in nats; p is clipped, so a certain wrong answer is finite."""
    least = np.finfo(probabilities.dtype).eps
    chosen = probabilities[np.arange(len(labels)), labels].clip(least, 1)
    return float(-np.log(chosen.astype(np.float64)).mean())


def f1_by_class(confusion: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """F1 of each class (classes,): 2·TP / (2·TP + FP + FN), 0 where a class is nowhere."""
    twice = 2.0 * confusion.diagonal()
    total = confusion.sum(axis=0) + confusion.sum(axis=1)  # predicted + true = 2·TP + FP + FN
    return np.asarray(np.divide(twice, total, out=np.zeros_like(twice), where=total > 0))


def auroc(probabilities: Probabilities, labels: Labels) -> float | None:
    """One-vs-rest AUROC, the mean over classes with positives and negatives; None if none has both.

    The share of pairs of a positive and a negative in which the positive scores higher, ties
    counting half (Mann and Whitney 1947).
    """
    areas = []
    for column in range(probabilities.shape[1]):
        positive = labels == column
        if 0 < positive.sum() < len(labels):
            scores = probabilities[:, column]
            areas.append(_higher(np.sort(scores[positive]), np.sort(scores[~positive])))
    return float(np.mean(areas)) if areas else None


def _higher(positives: Probabilities, negatives: Probabilities) -> float:
    """The share of pairs in which the positive is higher, ties half; both sorted."""
    below = np.searchsorted(negatives, positives, "left").sum()
    ties_too = np.searchsorted(negatives, positives, "right").sum()
    return float((below + ties_too) / (2 * len(positives) * len(negatives)))
