"""Run the lessons, the shipped books behind docs/lessons.md, and write that page's figures.

    python -m benchmarks.lessons [--only NAME] [--data NAME|DIR] [--seeds N] [--out DIR]
    python -m benchmarks.lessons --pictures [--only NAME] [--out DIR]

Figures go to docs/lessons/figures.json and from there between the page's marks. What is trained is
kept. `--data`: other data than `mini`; its figures stand beside those of `mini`. `--pictures` (on
Linux, with Chromium) takes the page's pictures from the reports that there are.
"""

import argparse
import base64
import json
import re
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mnistlab import load_data, read_book, run_book
from mnistlab.report.trial_words import change_words
from mnistlab.results.compare import overfitting
from mnistlab.results.judging import FEWEST, TOO_FEW
from mnistlab.results.statistics import Interval, interval
from mnistlab.results.summary import Results, TrialSummary

PAGE = Path(__file__).parents[1] / "docs" / "lessons.md"
FOLDER = PAGE.with_suffix("")
FIGURES = FOLDER / "figures.json"
LARGE = 0.003  # a difference in accuracy that a single run may well be taken at its word for
PICTURES = {  # the part of the report that the page shows
    "overfitting": "#trials .trial:nth-child(2) .curves", "luck": "#summary", "lenet": "#front",
    "learning-rate": "#trials .trial:nth-child(5) .curves", "small": "#front",
}  # fmt: skip
EDGE = 8  # pixels around that part
PARTS = {"training": "train", "validation": "validation", "test": "test"}


def main() -> None:
    """Run the lessons that are asked for, or take their pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=PICTURES, help="repeatable; else all")
    parser.add_argument("--data", default="mini")
    parser.add_argument("--seeds", type=int, help="instead of the book's")
    parser.add_argument("--out", type=Path, default=Path("results/lessons"))
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--pictures", action="store_true")
    options = parser.parse_args()
    names = options.only or list(PICTURES)
    if options.pictures:
        for name in names:
            report, picture = options.out / name / "report.html", FOLDER / f"{name}.png"
            picture.write_bytes(picture_of(report, PICTURES[name]))
    else:
        run_lessons(names, options)


def run_lessons(names: Sequence[str], options: argparse.Namespace) -> None:
    """Train what is not stored, and write the figures into their file and the page."""
    data = load_data(options.data)
    for name in names:
        book = read_book(name)
        book = book.with_seeds(options.seeds) if options.seeds else book
        title = name if data.name == book.data else f"{name} {data.name}"
        results = run_book(book, data, options.out / title.replace(" ", "-"), jobs=options.jobs)
        known = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
        known[title] = figures(results)
        FIGURES.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
        PAGE.write_text(with_figures(PAGE.read_text("utf-8"), known), "utf-8")


def figures(results: Results) -> dict[str, Any]:
    """What the page says of a lesson: shares of 1, [mean, half a 95 % interval] each."""
    accuracies = {
        it.trial.name: {run.seed: run.scores["validation"].accuracy for run in it.done}
        for it in results.summaries()
    }
    return {
        "data": results.plan.data.name,
        "sizes": results.plan.data.sizes,
        "seeds": len(results.plan.book.seeds),
        "cpu_seconds": round(sum(record.cpu_seconds for record in results.records), 1),
        "trials": [trial_figures(it, results) for it in results.summaries()],
        "luck": [
            luck(it.trial.name, accuracies[it.parent.name], accuracies[it.trial.name])
            for it in results.verdicts()
        ],
        "twice": twice(list(next(iter(accuracies.values())).values())),
    }


def trial_figures(summary: TrialSummary, results: Results) -> dict[str, Any]:
    """A trial's figures, and the verdict on its change."""
    found = {it.trial.name: it for it in results.verdicts()}.get(summary.trial.name)
    return {
        "trial": summary.trial.name,
        "change": change_words(summary),
        "weights": summary.trial.network.parameters(results.plan.data.task),
        "n": len(summary.done),
        "not counted": len(summary.troubled),
        **{name: _pair(summary.figure(part, "accuracy")) for name, part in PARTS.items()},
        "overfitting": _pair(interval([overfitting(record) for record in summary.done])),
        "epoch": _pair(summary.epoch()),
        "verdict": found and found.verdict_text,
        "difference": found and [found.difference, found.low, found.high],
    }


def luck(name: str, before: Mapping[int, float], after: Mapping[int, float]) -> dict[str, Any]:
    """What single runs would have said of a change, from accuracies by seed.

    One seed: both trials with the same. Own seeds: every pair of a seed for each that differ.
    """
    seeds = sorted(before.keys() & after.keys())
    same = [after[seed] - before[seed] for seed in seeds]
    own = [after[two] - before[one] for one, two in permutations(seeds, 2)]
    sign = sum(same)
    return {"trial": name, "one seed": _misled(same, sign), "own seeds": _misled(own, sign)}


def twice(accuracies: Sequence[float]) -> dict[str, int]:
    """How often two runs of the very same trial differ by `LARGE` or more."""
    pairs = [abs(one - two) for one, two in combinations(accuracies, 2)]
    return {"pairs": len(pairs), "large": sum(_is_large(difference) for difference in pairs)}


def _misled(differences: Sequence[float], sign: float) -> dict[str, int]:
    """Of so many: how many have the other sign than all together, are 0, are large."""
    return {
        "of": len(differences),
        "opposite": sum(it * sign < 0 and abs(it) > 1e-9 for it in differences),
        "none": sum(abs(it) <= 1e-9 for it in differences),
        "large": sum(_is_large(it) for it in differences),
    }


def _is_large(difference: float) -> bool:
    return abs(difference) > LARGE - 1e-9


def _pair(it: Interval) -> list[float | None]:
    return [it.mean, it.half]


def with_figures(page: str, known: Mapping[str, Any]) -> str:
    """The page with what stands between its marks written anew, where there are figures for it."""

    def block(match: re.Match[str]) -> str:
        kind, title = match[1], match[2]
        body = TABLES[kind](title, known[title]) if title in known else ""
        return f"<!-- {kind}: {title} -->\n{body}<!-- end -->"

    return re.sub(r"<!-- (trials|luck): ([^>]+) -->\n.*?<!-- end -->", block, page, flags=re.S)


def trials_table(title: str, known: Mapping[str, Any]) -> str:
    """A lesson's trials as Markdown, accuracies in per cent, differences in points."""
    also = {"overfitting": "overfitting", "learning-rate": "epoch"}.get(title.split()[0])
    columns = ["trial", "change", "weights", "n", *PARTS, *([also] if also else []), "did it help?"]
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    for row in known["trials"]:
        total = row["n"] + row["not counted"]
        n = f"{row['n']} of {total}" if row["not counted"] else f"{total}"
        cells = [row["trial"], row["change"], f"{row['weights']:,}", n]
        cells += [_plus_minus(row[name], row["n"], 100, 2) for name in PARTS]
        if also:
            cells.append(_plus_minus(row[also], row["n"], 1, 1 if also == "epoch" else 3))
        lines.append("| " + " | ".join([*cells, _verdict(row)]) + " |")
    parts = " / ".join(f"{size:,}" for size in known["sizes"].values())
    words = f"`{known['data']}`, {parts} images; {known['seeds']} seeds;"
    return "\n".join(lines) + f"\n\n{words} {known['cpu_seconds']:.0f} CPU seconds of training.\n"


def luck_table(_: str, known: Mapping[str, Any]) -> str:
    """What single runs would have said, as Markdown."""
    columns = ["trial", "one seed: opposite", "no difference", "0.3 points or more",
               "own seeds: opposite", "no difference", "0.3 points or more"]  # fmt: skip
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    for row in known["luck"]:
        kinds = ("opposite", "none", "large")
        one = [f"{row['one seed'][kind]} of {row['one seed']['of']}" for kind in kinds]
        own = [f"{row['own seeds'][kind] / row['own seeds']['of']:.0%}" for kind in kinds]
        lines.append("| " + " | ".join([row["trial"], *one, *own]) + " |")
    again = f"{known['twice']['large'] / known['twice']['pairs']:.0%}"
    lines.append(f"| *the first trial against itself* | | | | | | {again} |")
    return "\n".join(lines) + "\n"


TABLES = {"trials": trials_table, "luck": luck_table}


def _plus_minus(figure: Sequence[float | None], n: int, factor: float, digits: int) -> str:
    mean, half = figure
    if mean is None:
        return "–"
    text = f"{factor * mean:.{digits}f}"
    return text if half is None or n < FEWEST else f"{text} ± {factor * half:.{digits}f}"


def _verdict(row: Mapping[str, Any]) -> str:
    if row["verdict"] is None:
        return ""
    mean, low, high = row["difference"]
    if mean is None or row["verdict"] == TOO_FEW:
        return str(row["verdict"])
    ends = "" if low is None else f" [{100 * low:+.2f}, {100 * high:+.2f}]"
    return f"{row['verdict']}: {100 * mean:+.2f}{ends}".replace("-", "−")


def picture_of(report: Path, part: str) -> bytes:
    """A PNG of the part of a report that a CSS selector names."""
    from tests.browser import Browser

    with TemporaryDirectory(ignore_cleanup_errors=True) as profile, Browser(Path(profile)) as page:
        page.open(report.resolve(), 1000)
        page.run("document.documentElement.style.scrollbarWidth = 'none'")
        edges = f"JSON.stringify(document.querySelector('{part}').getBoundingClientRect())"
        box = json.loads(page.run(edges))
        clip = {
            "x": box["x"] - EDGE, "y": box["y"] - EDGE, "scale": 1,
            "width": box["width"] + 2 * EDGE, "height": box["height"] + 2 * EDGE,
        }  # fmt: skip
        shot = page.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


if __name__ == "__main__":
    main()
