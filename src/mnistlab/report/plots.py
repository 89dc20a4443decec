"""Learning curves: the data first, a thin drawing after (`charts` has the other, for the page)."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistlab.data.catalog import cache_folder
from mnistlab.training.record import RunRecord

COLOURS = {"training": "#2f6db3", "validation": "#d1662f"}
FIELDS = {"training": "train", "validation": "validation"}
DPI = 130

# else matplotlib keeps its list of fonts in folders that are not ours
os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A figure over the epochs 1 to m, (m,): mean, lowest, highest over the runs that got there."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Curves:
    """Loss or accuracy of a trial over the epochs, and where its runs were best."""

    metric: str
    seeds: int
    parts: dict[str, Curve]  # training, validation
    best: list[tuple[int, float]]  # each run's epoch of lowest validation loss, and its figure


def learning_curves(records: Sequence[RunRecord]) -> list[Curves]:
    """Loss and accuracy of the runs that have epochs; nothing if none has."""
    begun = [record for record in records if record.history]
    return [_curves(begun, metric) for metric in ("loss", "accuracy")] if begun else []


def _curves(records: Sequence[RunRecord], metric: str) -> Curves:
    parts = {part: _curve(records, f"{field}_{metric}") for part, field in FIELDS.items()}
    chosen = [it for record in records for it in record.history if it.epoch == record.epoch]
    figures = [(it.epoch, getattr(it, f"validation_{metric}")) for it in chosen]
    best = [(epoch, figure) for epoch, figure in figures if figure is not None]
    return Curves(metric, len(records), parts, best)


def _curve(records: Sequence[RunRecord], field: str) -> Curve:
    """The curve of one of `Epoch`'s figures, as far as it is finite in any run."""
    table = np.full((len(records), max(len(record.history) for record in records)), np.nan)
    for row, record in zip(table, records, strict=True):
        values = [getattr(epoch, field) for epoch in record.history]
        row[: len(values)] = [np.nan if value is None else value for value in values]
    table = table[:, ~np.isnan(table).all(axis=0)]
    return Curve(np.nanmean(table, axis=0), np.nanmin(table, axis=0), np.nanmax(table, axis=0))


def draw_curves(title: str, curves: Sequence[Curves]) -> bytes:
    """Return a PNG of a trial's loss and accuracy, with the best epoch of every seed."""
    from matplotlib.figure import Figure  # 0.4 s to import, and only reports need it

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    panels = figure.subplots(1, len(curves))
    for axes, each in zip(panels, curves, strict=True):
        for part, line in each.parts.items():
            epochs, colour = np.arange(1, len(line.mean) + 1), COLOURS[part]
            axes.plot(epochs, line.mean, color=colour, linewidth=1.6, label=part)
            axes.fill_between(epochs, line.low, line.high, color=colour, alpha=0.2, linewidth=0)
        if each.best:
            label = "lowest validation loss of each seed"
            axes.plot(*zip(*each.best, strict=True), "o", color="#333333", ms=4, label=label)
        axes.set_xlabel("epoch")
        axes.set_title(each.metric, fontsize=10, loc="left")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].legend(frameon=False, fontsize=8)
    n = curves[0].seeds
    seeds = "1 seed" if n == 1 else f"{n} seeds, band from the lowest to the highest"
    figure.suptitle(f"{title} · {seeds}", fontsize=11, parse_math=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
