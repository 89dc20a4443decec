"""Trials in words: what each changes, its network, how it is trained."""

from collections.abc import Iterator, Mapping
from typing import Any

from mnistlab.book.trial import Network
from mnistlab.images import Task
from mnistlab.report.words import count, list_names
from mnistlab.results.summary import TrialSummary

SETTINGS = {
    "conv": "network", "out": "filters", "norm": "batch-norm", "pool": "pooling",
    "pool_by": "kind of pooling", "hidden": "hidden layers",
}  # fmt: skip
ACTIVATIONS = {
    "relu": "ReLU", "leaky_relu": "leaky ReLU", "tanh": "tanh", "gelu": "GELU", "silu": "SiLU",
}  # fmt: skip
Changes = Mapping[str, tuple[Any, Any]]


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
        return list_names([str(each) for each in value]) if value else "none"
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
