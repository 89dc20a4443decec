"""Accuracy, loss, AUROC and F1 of ten-class probabilities, in plain NumPy.

Definitions are those of scikit-learn: `accuracy_score`, `log_loss` (probabilities clipped at their
type's epsilon), `roc_auc_score(multi_class="ovr", average="macro")` and `f1_score(labels=range(10),
zero_division=0)`.
"""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from mnistlab.model import Probabilities

Labels = npt.NDArray[np.uint8]
METRICS = ("accuracy", "loss", "auroc", "f1_micro", "f1_macro")


class Scores(BaseModel):
    """Figures of one split, as fractions; loss in nats; None where a figure is undefined."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    accuracy: float
    loss: float
    auroc: float | None
    f1_micro: float
    f1_macro: float


def score(probabilities: Probabilities, labels: Labels) -> Scores:
    """All figures of `probabilities` (n, classes), rows summing to 1, against `labels`
    (n,); n ≥ 1.
    """
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


def confusion_matrix(
    predicted: npt.NDArray[np.intp], labels: Labels, classes: int
) -> npt.NDArray[np.intp]:
    """Counts (classes, classes): row the true class, column the predicted one."""
    cells = labels.astype(np.intp) * classes + predicted
    counts: npt.NDArray[np.intp] = np.bincount(cells, minlength=classes**2).reshape(
        classes, classes
    )
    return counts


def cross_entropy(probabilities: Probabilities, labels: Labels) -> float:
    """Mean of -ln p(true class), in nats."""
    least = np.finfo(
        probabilities.dtype
    ).eps  # what is certain and wrong costs much, not everything
    chosen = probabilities[np.arange(len(labels)), labels].clip(least, 1)
    return float(-np.log(chosen.astype(np.float64)).mean())


def f1_by_class(confusion: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """F1 of each class (classes,): 2·TP / (2·TP + FP + FN), 0 where the class neither occurs nor is
    predicted.
    """
    twice = 2.0 * confusion.diagonal()
    total = confusion.sum(axis=0) + confusion.sum(axis=1)  # predicted + true = 2·TP + FP + FN
    f1: npt.NDArray[np.float64] = np.divide(twice, total, out=np.zeros_like(twice), where=total > 0)
    return f1


def auroc(probabilities: Probabilities, labels: Labels) -> float | None:
    """One-vs-rest AUROC, mean over the classes that have both positives and negatives; None if none
    has.

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
    below = (
        np.searchsorted(negatives, positives, "left").sum()
        + np.searchsorted(negatives, positives, "right").sum()
    )
    return float(below / (2 * len(positives) * len(negatives)))
