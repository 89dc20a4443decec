"""Changes, figures and verdicts in words."""

from collections.abc import Mapping
from typing import Any

from mnistlab.results.compare import (
    FEWEST,
    HELPED,
    HURT,
    TOO_FEW,
    TOO_LITTLE,
    Comparison,
    Judgement,
)
from mnistlab.results.mistakes import Recall
from mnistlab.results.statistics import MAX_NEEDED, Interval
from mnistlab.results.summary import TrialSummary

NOTHING = "–"
SETTINGS = {"conv": "network", "out": "filters", "norm": "batch-norm", "pool": "max-pooling"}
METRIC_NAMES = {
    "accuracy": "accuracy", "loss": "loss", "auroc": "AUROC", "f1_micro": "F1 (micro)",
    "f1_macro": "F1 (macro)",
}  # fmt: skip
Changes = Mapping[str, tuple[Any, Any]]


def show(figure: Interval, digits: int = 4) -> str:
    """A mean, with ± half its interval where there is one."""
    if figure.mean is None:
        return NOTHING
    mean = f"{figure.mean:.{digits}f}"
    return mean if figure.half is None else f"{mean} ± {figure.half:.{digits}f}"


def signed(value: float, digits: int) -> str:
    """A difference with its sign, a true minus, and no sign for what rounds to 0."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def bounds(low: float | None, high: float | None, digits: int) -> str:
    """An interval in brackets; nothing if there is none."""
    if low is None or high is None:
        return ""
    return f"[{signed(low, digits).removeprefix('+')}, {signed(high, digits).removeprefix('+')}]"


def points(judged: Judgement) -> str:
    """The difference in percentage points with its interval and n, e.g. `+2.09 points [2.01, 2.17],
    n = 5`.
    """
    if judged.difference is None:
        return f"n = {judged.n}"
    low, high = (None if bound is None else 100 * bound for bound in (judged.low, judged.high))
    interval = bounds(low, high, 2) or ("no spread" if judged.n > 1 else "no interval")
    return f"{signed(100 * judged.difference, 2)} points {interval}, n = {judged.n}"


def p_words(judged: Judgement) -> str:
    """The p value, as it is and corrected; nothing if there is none."""
    if judged.p is None or judged.p_holm is None:
        return ""
    return (
        f"p = {judged.p:.2g}; corrected for {_count(judged.tested, 'change')}: {judged.p_holm:.2g}."
    )


def recall_words(it: Recall) -> str:
    """A digit's recall in percent with its interval."""
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


def list_changes(changes: Changes) -> str:
    """What changed, from what to what: `kernel 7 → 5, stride 3 → 2`."""
    each = [
        f"{setting_name(key)} {value_words(before)} → {value_words(after)}"
        for key, (before, after) in changes.items()
    ]
    return ", ".join(each) or "nothing"


def change_words(summary: TrialSummary) -> str:
    """Where a trial comes from and what it changes."""
    return (
        "start"
        if summary.parent is None
        else f"from {summary.parent.name}: {list_changes(summary.changes)}"
    )


def describe_change(changes: Changes) -> str:
    """A change as the subject of a sentence: `Lowering weight decay from 0.01 to 0.001`."""
    if len(changes) != 1:
        return f"Changing {list_changes(changes)}" + (" together" if changes else "")
    ((key, (before, after)),) = changes.items()
    name = setting_name(key)
    if isinstance(before, bool) or isinstance(after, bool):
        return f"{'Adding' if after else 'Removing'} {name}"
    verb = "Changing"
    if isinstance(before, int | float) and isinstance(after, int | float):
        verb = "Raising" if after > before else "Lowering"
    return (
        f"{verb} {'the ' * (key == 'conv')}{name} from {value_words(before)} to "
        f"{value_words(after)}"
    )


def sentence(comparison: Comparison) -> str:
    """The verdict as one sentence."""
    judged, subject = comparison.judgement, describe_change(comparison.changed)
    if judged.verdict in (HELPED, HURT):
        return f"{subject} {judged.verdict_text}: {points(judged)}."
    if judged.verdict == TOO_FEW:
        return f"{subject}: too few seeds for a verdict, which needs {FEWEST}: {points(judged)}."
    return f"{subject} made {judged.verdict_text}: {points(judged)}."


def remarks(comparison: Comparison) -> list[str]:
    """What a reader of the verdict should know besides, a sentence each."""
    judged = comparison.judgement
    said = []
    if judged.verdict not in (HELPED, HURT, TOO_FEW):
        said.append(_needed(judged))
    if judged.n > 1 and judged.low is None:
        said.append(
            "The difference is the same with every seed, so there is no spread to make an "
            "interval of."
        )
    elif judged.disputed and judged.p is not None and judged.p_sign_flip is not None:
        least = 2.0 ** (1 - judged.n)
        limit = f", which cannot go below {least:.2g} with {judged.n} seeds" if least > 0.05 else ""
        said.append(
            f"The exact sign-flip test disagrees: p = {judged.p_sign_flip:.2g}{limit}; t test "
            f"{judged.p:.2g}."
        )
    if len(comparison.changed) > 1:
        said.append("Several settings changed at once: their effects cannot be told apart.")
    if comparison.left_out:
        said.append(f"Not counted: {'; '.join(comparison.left_out)}.")
    return said


def other_metrics(comparison: Comparison) -> list[tuple[str, str]]:
    """The other measures of a change, each with its interval: accuracy in points, time as a
    ratio.
    """
    said = []
    for name, it in comparison.also.items():
        if it.mean is None:
            text = NOTHING
        elif name == "time":
            limits = "" if it.low is None or it.high is None else f" [{it.low:.2f}, {it.high:.2f}]"
            text = f"× {it.mean:.2f}{limits}"
        else:
            scale, digits, unit = (100, 2, " points") if "accuracy" in name else (1, 4, "")
            low, high = (None if bound is None else scale * bound for bound in (it.low, it.high))
            text = f"{signed(scale * it.mean, digits)}{unit} {bounds(low, high, digits)}".strip()
        said.append((name, text))
    return said


def _needed(judged: Judgement) -> str:
    if not judged.difference or judged.low is None or judged.high is None:
        return "There is no difference to look for with more seeds."
    size = f"A difference of {abs(100 * judged.difference):.2f} points at the spread seen"
    trifle = (
        " It would be too little to matter." if max(-judged.low, judged.high) < TOO_LITTLE else ""
    )
    if judged.needed is None:
        return f"{size} would need more than {MAX_NEEDED:,} seeds.{trifle}"
    return f"{size} would need about {judged.needed} seeds to be found four times in five.{trifle}"


def value_words(value: Any) -> str:
    """A setting's value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return _count(len(value), "layer")
    if isinstance(value, dict):
        return (
            ", ".join(f"{key} {value_words(each)}" for key, each in value.items() if each) or "none"
        )
    return str(value)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
