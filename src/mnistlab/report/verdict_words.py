"""Verdicts in words: what each change did, when it was decided, which trial is best."""

from collections.abc import Sequence

from mnistlab.report.trial_words import describe_change
from mnistlab.report.words import NOTHING, bounds, count, difference_words, list_names, list_seeds
from mnistlab.results.best import Best
from mnistlab.results.compare import Verdict
from mnistlab.results.judging import EQUIVALENT, FEWEST, HELPED, HURT, TOO_FEW, UNCLEAR
from mnistlab.results.looks import Look
from mnistlab.results.plan import Plan
from mnistlab.results.prospects import prospects
from mnistlab.results.statistics import LEVEL, Interval

DECIDED = (HELPED, HURT, EQUIVALENT)
MAX_RIVALS = 6  # that are named where no trial is told apart


def sentence(verdict: Verdict) -> str:
    """The verdict as one sentence."""
    subject, figures = describe_change(verdict.changed), points(verdict)
    if verdict.verdict == EQUIVALENT and verdict.direction:
        return f"{subject} {verdict.direction}, by less than matters: {figures}."
    if verdict.verdict == EQUIVALENT:
        return f"{subject} made no difference that matters: {figures}."
    if verdict.verdict == TOO_FEW:
        return f"{subject}: too few seeds for a verdict, which needs {FEWEST}: {figures}."
    made = "made " if verdict.verdict == UNCLEAR else ""
    return f"{subject} {made}{verdict.verdict_text}: {figures}."


def points(verdict: Verdict) -> str:
    """The difference in percentage points, e.g. `+2.09 points [2.01, 2.17], n = 5`."""
    if verdict.difference is None:
        return f"n = {verdict.n}"
    it = Interval(verdict.n, verdict.difference, verdict.low, verdict.high)
    missing = " no interval" if it.low is None else ""
    inside = f", within {margin_words(verdict.margin)}" * (verdict.verdict == EQUIVALENT)
    return f"{difference_words(it, 100, 2, ' points')}{missing}{inside}, n = {it.n}"


def margin_words(margin: float) -> str:
    """The differences that are too small to matter, in points: `±0.1`."""
    return f"±{100 * margin:g}"


def p_words(verdict: Verdict) -> str:
    """The p value, as it is and corrected; nothing if there is none."""
    if verdict.p is None or verdict.p_holm is None:
        return ""
    changes = count(verdict.tested, "change")
    level = f", to be compared with this look's {verdict.level:.2g}" if verdict.look else ""
    return f"p = {verdict.p:.2g}; corrected for {changes}: {verdict.p_holm:.2g}{level}."


def remarks(verdict: Verdict) -> list[str]:
    """What qualifies the verdict, a sentence each."""
    said = [_foundation(verdict)]
    if verdict.look and verdict.low is not None:
        share = _percent(1 - verdict.level)
        said.append(f"The interval is a repeated confidence interval of {share}.")
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


def _foundation(verdict: Verdict) -> str:
    """What a verdict without a direction rests on."""
    changes = f", corrected for all {verdict.tested} changes" * (verdict.tested > 1)
    if verdict.verdict == EQUIVALENT:
        share, margin = 1 - 2 * verdict.level / verdict.tested, margin_words(verdict.margin)
        return f"The interval of {_percent(share)}{changes} lies within {margin} points."
    if verdict.verdict != UNCLEAR or verdict.detectable is None:
        return ""
    size = f"{100 * verdict.detectable:.2f} points"
    seeds = count(verdict.n, "seed")
    return f"With this spread, {seeds} find a difference of {size} four times in five{changes}."


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


def look_words(verdict: Verdict, looks: Sequence[Look]) -> str:
    """At which look a change was decided, or that it was not; nothing without looks."""
    if not looks:
        return ""
    if verdict.look is None:
        return f"Open: not all of the first look's {looks[0].seeds} seeds are there."
    after = f"look {verdict.look} of {len(looks)}, after {looks[verdict.look - 1].seeds} seeds"
    if verdict.verdict in DECIDED:
        return f"Decided at {after}."
    if verdict.look == len(looks):
        return f"Not decided at the last, {after}."
    return f"Open after {after}; the next is after {looks[verdict.look].seeds}."


def looks_words(looks: Sequence[Look]) -> str:
    """How changes are decided where seeds are added until they are."""
    seeds, levels = list_names([f"{it.seeds}" for it in looks]), _levels(looks)
    return (
        f"Seeds are added until every change is decided, at looks fixed beforehand: after {seeds} "
        f"seeds. There each kind of verdict may err with a chance of {list_names(levels)}, "
        f"{_percent(LEVEL)} in all. The intervals are repeated confidence intervals: those of all "
        f"looks hold the truth together with a chance of {_percent(1 - LEVEL)} or more."
    )


def look_rows(verdicts: Sequence[Verdict], looks: Sequence[Look]) -> list[tuple[str, ...]]:
    """Each look's number, seeds, level and the changes it decided; last what none decided."""
    rows: list[tuple[str, ...]] = []
    for number, (look, level) in enumerate(zip(looks, _levels(looks), strict=True), 1):
        decided = [
            f"{it.parent.name} → {it.trial.name} ({it.verdict})"
            for it in verdicts
            if it.look == number and it.verdict in DECIDED
        ]
        rows.append((f"{number}", f"{look.seeds}", level, ", ".join(decided) or NOTHING))
    undecided = [it for it in verdicts if it.verdict not in DECIDED]
    names = ", ".join(f"{it.parent.name} → {it.trial.name}" for it in undecided)
    return [*rows, ("none", NOTHING, NOTHING, names)] if names else rows


def _levels(looks: Sequence[Look]) -> list[str]:
    return [_percent(look.level) for look in looks]


def _percent(share: float) -> str:
    return f"{round(100 * share, 2):g} %"


def best_words(best: Best) -> str:
    """The best trial with those that cannot be told from it: `4, not told from 5`."""
    rivals = list_names(best.rivals)
    if not rivals:
        return best.trial
    if len(best.rivals) > MAX_RIVALS and not best.told_apart:
        rivals = f"any of the {len(best.rivals)} others"
    return f"{best.trial}, not told from {rivals}"


def best_basis(best: Best) -> str:
    """What makes it the best, and why others are told from it or not."""
    compared, n = 1 + len(best.rivals) + len(best.told_apart), len(best.seeds)
    common = f"over the {count(n, 'seed')} that all have" if n else "without a seed that all have"
    said = f"Highest mean validation accuracy, {common}"
    if compared == 1:
        said = "Nothing to compare it with."
    elif n < FEWEST:
        said += f": too few to tell trials apart, which takes {FEWEST}."
    else:
        told = count(len(best.told_apart), "trial")
        test = f"one-sided paired t test at {LEVEL:g}/{compared}"
        said += f". Told apart: {told}, each beaten by another in a {test}."
    if best.too_few:
        said += f" Not compared, having fewer than {FEWEST} seeds: {list_names(best.too_few)}."
    return said


def standing(name: str, best: Best | None) -> str:
    """What a trial is called beside the others: `best`, `among the best`, or nothing."""
    if best is None or name not in (best.trial, *best.rivals):
        return ""
    if not best.rivals:
        return "best"
    return "among the best" if best.told_apart else ""


def prospects_words(plan: Plan) -> str:
    """What the seeds of a book can say of its changes, before they are trained; "" without any."""
    changes = sum(trial.parent is not None for trial in plan.book.trials)
    if not changes:
        return ""
    look = plan.looks[-1] if plan.looks else Look(len(plan.book.seeds), LEVEL)
    margin, images = plan.book.margin / 100, plan.data.sizes["validation"]
    it = prospects(look.seeds, changes, margin, images, level=look.level)
    start = f"{count(look.seeds, 'seed')}{' at most' * bool(plan.looks)}, "
    start += count(changes, "change")
    if it.detectable is None:
        return f"{start}: too few seeds for verdicts, which need {FEWEST}"
    equivalent = f"equivalent (within {margin_words(margin)}) is out of reach"
    if it.equivalent_possible:
        chance = f"in {100 * it.chance:.2g} % of cases"
        equivalent = f"no effect is found equivalent (within {margin_words(margin)}) {chance}"
    size = f"{100 * it.detectable:.2f} points or more"
    found = f"differences of {size} will be found four times in five"
    return f"{start}: {found}; {equivalent} (if seeds differ as on MNIST)"
