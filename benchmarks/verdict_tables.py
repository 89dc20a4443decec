"""The tables of docs/statistics.md, from the figures of `benchmarks/verdicts.py`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mnistlab.results.judging import MARGIN
from mnistlab.results.looks import plan_looks
from mnistlab.results.prospects import prospects

Rows = Sequence[dict[str, Any]]
SHOWN = ("+0.00", "+0.03", "+0.05", "+0.10", "+0.20", "+0.50")  # negative ones are alike
MARK = r"(<!-- {} -->\n).*?(<!-- end -->)"
DESIGN = " to ".join(str(look.seeds) for look in (plan_looks()[0], plan_looks()[-1]))


def write_tables(page: Path, figures: dict[str, Any]) -> None:
    """Put every table between its marks. Raises ValueError where the page lacks one."""
    text, cells = page.read_text("utf-8"), figures["cells"]
    real = [row for row in cells if row["noise"] == "MNIST"]
    tables = {
        "errors": errors(real, "effect"),
        "power": power(real),
        "expected": expected(real),
        "noises": errors([row for row in cells if row["noise"] != "MNIST"], "noise"),
        "levels": levels(figures["levels"]),
        "best": best(figures["best"]),
        "prospects": possible(),
        "rejected": rejected(figures["rejected"]),
    }
    for name, lines in tables.items():
        replaced = "\\1\n" + "\n".join(lines) + "\n\n\\2"
        text, found = re.subn(MARK.format(name), replaced, text, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"{page}: <!-- {name} --> … <!-- end --> is there {found} times")
    page.write_text(text, "utf-8")


def errors(rows: Rows, first: str) -> list[str]:
    """False verdicts and coverage, of both signs of an effect the worse."""
    head = [
        f"{first}, points" if first == "effect" else first, "seeds",
        "false direction (upper bound)", "false *equivalent* (upper bound)", "coverage",
    ]  # fmt: skip
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        name = _unsigned(row["effect"]) if first == "effect" else row[first]
        groups.setdefault((name, _seeds(row)), []).append(row)
    return _table(head, ([*names, *_errors(group)] for names, group in groups.items()))


def power(rows: Rows) -> list[str]:
    """The verdicts that changes with an effect get."""
    names = list(dict.fromkeys(row["seeds"] for row in rows))
    cells = {(row["effect"], row["seeds"]): row for row in rows}
    lines = []
    for effect in SHOWN:
        own = [cells[effect, seeds] for seeds in names]
        said = (f"{_share(row['clear'])} / {_share(row['equivalent'])}" for row in own)
        lines.append([_effect(effect), *said])
    return _table(["effect, points", *(_seeds({"seeds": name}) for name in names)], lines)


def expected(rows: Rows) -> list[str]:
    """What adding seeds costs, beside 40 for all."""
    cells = {(row["effect"], row["seeds"]): row for row in rows}
    head = ["effect, points", "seeds a change", "runs a book, of 240", "decided", "with 40 seeds"]
    lines = []
    for effect in (*SHOWN, "mixed"):
        ours, theirs = cells[effect, "looks"], cells[effect, "40"]
        decided = (_share(row["clear"] + row["equivalent"]) for row in (ours, theirs))
        figures = (f"{ours['mean_seeds']:.1f}", f"{ours['mean_runs']:.0f}")
        lines.append([_effect(effect), *figures, *decided])
    return _table(head, lines)


def levels(rows: Rows) -> list[str]:
    """Runs and decided changes by the way in which levels are shared out."""
    shares = list(dict.fromkeys(row["share"] for row in rows))
    cells = {(row["effect"], row["share"]): row for row in rows}
    lines = []
    for effect in dict.fromkeys(row["effect"] for row in rows):
        own = [cells[effect, share] for share in shares]
        said = (f"{row['runs']:.0f} runs, {_share(row['decided'])}" for row in own)
        lines.append([_effect(effect), *said])
    head = ["equal levels" if it == "equal" else f"in proportion to {it}" for it in shares]
    return _table(["effect, points", *head], lines)


def best(rows: Rows) -> list[str]:
    """How often the truly best is lost, and how many trials remain."""
    seeds = [it for it in dict.fromkeys(row["seeds"] for row in rows) if it != "3"]
    cells = {(row["means"], row["seeds"]): row for row in rows}
    lines = []
    for name in dict.fromkeys(row["means"] for row in rows):
        own = [cells[name, it] for it in seeds]
        said = (f"{row['lost']:.1%} ({row['lost_upper']:.1%}); {row['size']:.1f}" for row in own)
        lines.append([name, *said])
    return _table(["means of six trials, points", *(_seeds({"seeds": it}) for it in seeds)], lines)


def rejected(rows: Rows) -> list[str]:
    """Rules that were tried and given up, beside those that took their place."""
    seeds = list(dict.fromkeys(row["seeds"] for row in rows))
    cells = {(row["choice"], row["rule"], row["seeds"]): row for row in rows}
    lines = []
    for choice, rule in dict.fromkeys((row["choice"], row["rule"]) for row in rows):
        own = (cells[choice, rule, it] for it in seeds)
        said = (f"{row['wrong']:.2%} ({row['wrong_upper']:.2%})" for row in own)
        lines.append([choice, rule, *said])
    return _table(["choice", "rule", *seeds], lines)


def possible() -> list[str]:
    """What `prospects` answers for MNIST and mini."""
    head = ["images", "changes", "seeds", "found four times in five", "±", "chance of *equivalent*"]
    lines = []
    for images, changes in ((10_000, 1), (10_000, 5), (833, 1), (833, 5)):
        for seeds in (3, 5, 10, 20, 40, 80):
            it = prospects(seeds, changes, MARGIN, images)
            found, half = (f"{100 * (value or 0):.2f}" for value in (it.detectable, it.half))
            lines.append([f"{images:,}", str(changes), str(seeds), found, half, _share(it.chance)])
    return _table(head, lines)


def _errors(rows: Rows) -> list[str]:
    """The worst of some cells; nothing where no change is as large as the margin."""
    worst = {key: max(row[key] for row in rows) for key in rows[0] if key.startswith("false")}
    wrong, equal = (
        f"{worst[f'false_{kind}']:.2%} ({worst[f'false_{kind}_upper']:.2%})"
        for kind in ("direction", "equivalent")
    )
    large = any(row["effect"] == "mixed" or abs(float(row["effect"])) > 99 * MARGIN for row in rows)
    return [wrong, equal if large else "", f"{min(row['coverage'] for row in rows):.1%}"]


def _seeds(row: dict[str, Any]) -> str:
    return DESIGN if row["seeds"] == "looks" else str(row["seeds"])


def _effect(effect: str) -> str:
    return "0" if effect == "+0.00" else effect.replace("-", "−")


def _unsigned(effect: str) -> str:
    return "mixed" if effect == "mixed" else f"±{effect[1:]}" if float(effect) else "0"


def _share(share: float) -> str:
    return f"{share:.0%}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *lines)]
