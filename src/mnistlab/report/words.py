"""Trials, figures and verdicts in words; the templates use most of these as filters."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.cells import cell_len, set_cell_size

from mnistlab.book.trial import Network
from mnistlab.data.split import DataInfo
from mnistlab.errors import one_line
from mnistlab.images import Task
from mnistlab.results.compare import FEWEST, HELPED, HURT, TOO_FEW, UNCLEAR, Verdict
from mnistlab.results.mistakes import Recall
from mnistlab.results.statistics import Interval
from mnistlab.results.summary import TrialSummary

NOTHING = "–"
MAX_NUMBERED = 12  # classes whose confusion is shown in numbers
SETTINGS = {
    "conv": "network", "out": "filters", "norm": "batch-norm", "pool": "pooling",
    "pool_by": "kind of pooling", "hidden": "hidden layers",
}  # fmt: skip
ACTIVATIONS = {
    "relu": "ReLU", "leaky_relu": "leaky ReLU", "tanh": "tanh", "gelu": "GELU", "silu": "SiLU",
}  # fmt: skip
METRIC_NAMES = {
    "accuracy": "accuracy", "loss": "loss", "auroc": "AUROC", "f1_micro": "F1 (micro)",
    "f1_macro": "F1 (macro)",
}  # fmt: skip
Changes = Mapping[str, tuple[Any, Any]]


def show(figure: Interval | float | None, digits: int = 4) -> str:
    """A figure; of a mean also ± half its interval where there is one."""
    if not isinstance(figure, Interval):
        return NOTHING if figure is None else f"{figure:.{digits}f}"
    half = "" if figure.half is None else f" ± {figure.half:.{digits}f}"
    return show(figure.mean, digits) + half


def signed(value: float, digits: int) -> str:
    """A difference with its sign, a true minus, and no sign for what rounds to 0."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def bounds(low: float | None, high: float | None, digits: int) -> str:
    """An interval in brackets; nothing if there is none."""
    if low is None or high is None:
        return ""
    return f"[{signed(low, digits).removeprefix('+')}, {signed(high, digits).removeprefix('+')}]"


def difference_words(it: Interval, scale: float, digits: int, unit: str = "") -> str:
    """A difference in another unit, `scale` times as large, with its interval if it has one."""
    if it.mean is None:
        return NOTHING
    low, high = (None if end is None else scale * end for end in (it.low, it.high))
    return f"{signed(scale * it.mean, digits)}{unit} {bounds(low, high, digits)}".strip()


def points(verdict: Verdict) -> str:
    """The difference in percentage points, e.g. `+2.09 points [2.01, 2.17], n = 5`."""
    if verdict.difference is None:
        return f"n = {verdict.n}"
    it = Interval(verdict.n, verdict.difference, verdict.low, verdict.high)
    missing = "" if it.low is not None else " no spread" if it.n > 1 else " no interval"
    return f"{difference_words(it, 100, 2, ' points')}{missing}, n = {it.n}"


def p_words(verdict: Verdict) -> str:
    """The p value, as it is and corrected; nothing if there is none."""
    if verdict.p is None or verdict.p_holm is None:
        return ""
    changes = count(verdict.tested, "change")
    return f"p = {verdict.p:.2g}; corrected for {changes}: {verdict.p_holm:.2g}."


def data_words(data: DataInfo) -> str:
    """How many images there are, of what kind: `50,000 train, … RGB images of 9 classes`."""
    sizes = ", ".join(f"{size:,} {part}" for part, size in data.sizes.items())
    return f"{sizes}{' RGB' * (data.channels == 3)} images of {len(data.classes)} classes"


def shortened(name: str, columns: int = 40) -> str:
    """A class's name cut to so many columns of a terminal, of which Chinese letters take two."""
    name = one_line(name)
    if cell_len(name) <= columns:
        return name
    return set_cell_size(name, columns - 1).rstrip() + "…"


def quoted(name: str) -> str:
    """A class's name within a sentence, which suits digits, things and names of any script."""
    return f"“{shortened(name)}”"


def recall_words(it: Recall) -> str:
    """A class's recall in percent with its interval."""
    if it.mean is None or it.low is None or it.high is None:
        return NOTHING
    return f"{100 * it.mean:.1f} % [{100 * it.low:.1f}, {100 * it.high:.1f}]"


def setting_name(key: str) -> str:
    """A setting's name as people say it: `conv2.kernel` is the kernel of layer 2."""
    group, _, name = key.rpartition(".")
    words = SETTINGS.get(name, name.replace("_", " "))
    if group.startswith("conv"):
        return f"{words} of layer {number}" if (number := group.removeprefix("conv")) else words
    return f"{group} {words}".strip()


def value_words(value: Any) -> str:
    """A setting's value."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list) and all(isinstance(each, int) for each in value):
        return " and ".join(map(str, value)) or "none"
    if isinstance(value, tuple | list):
        return count(len(value), "layer")
    if isinstance(value, dict):
        known = [f"{key} {value_words(each)}" for key, each in value.items() if each]
        return ", ".join(known) or "none"
    return str(value)


def list_changes(changes: Changes) -> str:
    """What changed, from what to what: `kernel 7 → 5, stride 3 → 2`."""
    each = [
        f"{setting_name(key)} {value_words(before)} → {value_words(after)}"
        for key, (before, after) in changes.items()
    ]
    return ", ".join(each) or "nothing"


def change_words(summary: TrialSummary) -> str:
    """Where a trial comes from and what it changes."""
    if summary.parent is None:
        return "start"
    return f"from {summary.parent.name}: {list_changes(summary.changes)}"


def describe_change(changes: Changes) -> str:
    """A change as the subject of a sentence: `Lowering weight decay from 0.01 to 0.001`."""
    if len(changes) != 1:
        return f"Changing {list_changes(changes)}" + (" together" if changes else "")
    ((key, (before, after)),) = changes.items()
    name = setting_name(key)
    if key == "hidden" and not (before and after):
        layers = "a hidden layer" if len(before or after) == 1 else "hidden layers"
        return f"{'Removing' if before else 'Adding'} {layers} of {value_words(before or after)}"
    if isinstance(before, bool) or isinstance(after, bool):
        return f"{'Adding' if after else 'Removing'} {name}"
    verb = "Changing"
    if isinstance(before, int | float) and isinstance(after, int | float):
        verb = "Raising" if after > before else "Lowering"
    name = f"the {name}" if key == "conv" else name
    return f"{verb} {name} from {value_words(before)} to {value_words(after)}"


def sentence(verdict: Verdict) -> str:
    """The verdict as one sentence."""
    subject, figures = describe_change(verdict.changed), points(verdict)
    if verdict.verdict in (HELPED, HURT):
        return f"{subject} {verdict.verdict_text}: {figures}."
    if verdict.verdict == TOO_FEW:
        return f"{subject}: too few seeds for a verdict, which needs {FEWEST}: {figures}."
    return f"{subject} made {verdict.verdict_text}: {figures}."


def remarks(verdict: Verdict) -> list[str]:
    """What qualifies the verdict, a sentence each."""
    said = [_spread(verdict)] if verdict.n > 1 else []
    if len(verdict.changed) > 1:
        said.append("Several settings changed at once: their effects cannot be told apart.")
    if verdict.differ_in:
        differing = ", ".join(verdict.differ_in)
        said.append(f"Paired runs differ in {differing}: the time of those is not compared.")
    if verdict.left_out:
        left_out = [
            f"trial {trial} {reason} with {list_seeds(seeds)}"
            for (trial, reason), seeds in verdict.left_out.items()
        ]
        said.append(f"Not counted: {'; '.join(left_out)}.")
    return [each for each in said if each]


def _spread(verdict: Verdict) -> str:
    """What to know of differences that have no spread, or too much for a verdict."""
    n = verdict.n
    if verdict.detectable is None:
        same = "The difference is the same with every seed: it has no spread, so no interval."
        if verdict.p is None or verdict.p == 1:
            return same
        return f"{same} Its p is the sign test's, the least that {n} seeds can give."
    if verdict.verdict != UNCLEAR:
        return ""
    size = f"{100 * verdict.detectable:.2f} points"
    found = f"With this spread, {n} seeds would find a difference of {size} four times in five"
    correction = f" (before correcting for {verdict.tested} changes)" * (verdict.tested > 1)
    trifle = " The whole interval lies within ±0.1 points." if verdict.within_margin else ""
    return f"{found}{correction}.{trifle}"


def list_seeds(seeds: Sequence[int]) -> str:
    """Seeds in ascending order, those in a row drawn together: `seeds 0, 2 to 9`."""
    blocks = groupby(enumerate(seeds), lambda place: place[1] - place[0])
    rows = [[seed for _, seed in block] for _, block in blocks]
    each = [f"{row[0]} to {row[-1]}" if len(row) > 1 else f"{row[0]}" for row in rows]
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(each)}"


def other_metrics(verdict: Verdict) -> list[tuple[str, str]]:
    """The other figures of a change with their intervals: accuracy in points, time as a ratio."""
    said = []
    for name, it in verdict.also.items():
        text = difference_words(it, 1, 4)
        if name == "time" and it.mean is not None:
            text = f"× {it.mean:.2f} {bounds(it.low, it.high, 2)}".strip()
        elif "accuracy" in name:
            text = difference_words(it, 100, 2, " points")
        said.append((name, text))
    return said


def network_words(summary: TrialSummary) -> str:
    """A trial's network and how it is trained."""
    network, training = summary.trial.network, summary.trial.training
    layers = f"module {network.module}"
    if network.module is None:
        layers = " → ".join(_layers(network, summary.records[0].data.task))
    known = summary.parameters
    size = "" if known is None else f" ({count(known, 'parameter')})"
    learns = [f"{training.optimizer}, learning rate {training.learning_rate:g}"]
    if training.momentum:
        learns.append(f"momentum {training.momentum:g}")
    learns.append(f"weight decay {training.weight_decay:g}, batch size {training.batch_size}")
    if training.schedule != "constant":
        learns.append(f"{training.schedule} schedule")
    if training.label_smoothing:
        learns.append(f"label smoothing {training.label_smoothing:g}")
    if training.augment.active:
        learns.append(f"images varied by {value_words(training.augment.model_dump())}")
    learns.append(f"{training.epochs} epochs at most")
    if training.patience:
        learns.append(f"patience {training.patience}")
    return f"{layers}{size}; {', '.join(learns)}"


def _layers(network: Network, task: Task) -> Iterator[str]:
    activation = ACTIVATIONS[network.activation]
    for conv in network.conv:
        size = f"{conv.kernel}×{conv.kernel}, stride {conv.stride}, padding {conv.padding}"
        norm = ", batch-norm" if conv.norm else ""
        pool = f", {conv.pool_by}-pool {conv.pool}" if conv.pool > 1 else ""
        yield f"conv {conv.out} of {size}{norm}, {activation}{pool}"
    if network.head == "average":
        yield "average over all positions"
    for name, (_, outputs) in network.linear(task).items():
        if name in network.dropped(task):
            yield f"dropout {network.dropout:g}"
        yield "linear" if name == "linear" else f"linear {outputs}, {activation}"


def environment_words(environment: Mapping[str, str]) -> str:
    """A machine and its versions."""
    return ", ".join(f"{key} {value}" for key, value in environment.items())


def pooling_words(environments: Sequence[Mapping[str, str]]) -> str:
    """What to know of runs that were not all made in the same environment; else nothing."""
    if len(environments) < 2:
        return ""
    items = {item for each in environments for item in each.items()}
    shared = set.intersection(*(set(each.items()) for each in environments))
    keys = ", ".join(sorted({key for key, _ in items - shared}))
    return (
        f"The runs were made in {len(environments)} environments, which differ in {keys}: their "
        "figures are taken together, their seconds cannot be compared."
    )


def count(number: int, thing: str) -> str:
    """A number of things: `1 change`, `2 changes`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
