"""Learning curves: the data first, a thin drawing after."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistlab.training.record import RunRecord

COLOURS = {"training": "#2f6db3", "validation": "#d1662f"}
DPI = 130


@dataclass(frozen=True)
class Curve:
    """A figure over the epochs (1 … m), each (m,): mean, lowest and highest over the seeds that got
    that far.
    """

    mean: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def curve(records: Sequence[RunRecord], field: str) -> Curve:
    """The curve of one of `Epoch`'s figures over the runs' epochs, as far as it is finite in any
    run.
    """
    longest = max(len(record.history) for record in records)
    table = np.full((len(records), longest), np.nan)
    for row, record in zip(table, records, strict=True):
        values = [getattr(epoch, field) for epoch in record.history]
        row[: len(values)] = [np.nan if value is None else value for value in values]
    table = table[:, ~np.isnan(table).all(axis=0)]
    return Curve(np.nanmean(table, axis=0), np.nanmin(table, axis=0), np.nanmax(table, axis=0))


def learning_curves(title: str, records: Sequence[RunRecord]) -> bytes:
    """A PNG: loss and accuracy of training and validation images over the epochs, with every seed's
    best epoch.
    """
    from matplotlib.figure import Figure  # 0.4 s to import, and only reports need it

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for axes, metric in ((loss, "loss"), (accuracy, "accuracy")):
        for part, field in (
            ("training", f"train_{metric}"),
            ("validation", f"validation_{metric}"),
        ):
            line = curve(records, field)
            epochs = np.arange(1, len(line.mean) + 1)
            axes.plot(epochs, line.mean, color=COLOURS[part], linewidth=1.6, label=part)
            axes.fill_between(
                epochs, line.low, line.high, color=COLOURS[part], alpha=0.2, linewidth=0
            )
        best = [
            (r.epoch, getattr(r.history[r.epoch - 1], f"validation_{metric}"))
            for r in records
            if r.epoch
        ]
        if best:
            label = "lowest validation loss, each seed"
            axes.plot(*zip(*best, strict=True), "o", color="#333333", markersize=4, label=label)
        axes.set_xlabel("epoch")
        axes.set_title(metric, fontsize=10, loc="left")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    loss.legend(frameon=False, fontsize=8)
    seeds = (
        "1 seed"
        if len(records) == 1
        else f"{len(records)} seeds, band from the lowest to the highest"
    )
    figure.suptitle(f"{title} · {seeds}", fontsize=11, parse_math=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
