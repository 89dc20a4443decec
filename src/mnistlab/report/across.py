"""The report on a book's changes over several data sets, from their stored runs alone."""

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from mnistlab.errors import store_errors_as_unfinished
from mnistlab.report.export import verdict_record
from mnistlab.report.pages import as_text, jinja_environment, policy_hash, printable_value
from mnistlab.report.trial_words import list_changes
from mnistlab.report.verdict_words import remarks
from mnistlab.report.words import difference_words
from mnistlab.results.across import Across, ChangeAcross, read_across
from mnistlab.results.compare import Verdict
from mnistlab.results.statistics import Interval
from mnistlab.results.store import Store

SCHEMA = 1


def write_across(folder: Path) -> Across:
    """Write `across.json`, `report.md` and `report.html`; each set has its own in its sub-folder.

    Raises StoreError.
    """
    across, store = read_across(folder), Store(folder)
    changes = across.changes()
    with store_errors_as_unfinished():
        store.write_file("across.json", to_json(across, changes).encode())
        store.write_file("report.md", to_markdown(across, changes).encode())
        store.write_file("report.html", to_html(across, changes).encode())
    return across


def to_json(across: Across, changes: Sequence[ChangeAcross]) -> str:
    """`across.json`: the verdicts on every set and over all, as `results.json` has them."""
    about = {"name", "sha256", "sizes", "classes", "channels"}
    contract = {
        "schema": SCHEMA,
        "book": across.book.name,
        "title": across.book.title,
        "data": {
            name: it.plan.data.model_dump(include=about) for name, it in across.results.items()
        },
        "verdicts": [
            verdict_record(change.over_all)
            | {"on": {name: verdict_record(it) for name, it in change.on.items()}}
            | {"apart": change.apart}
            for change in changes
        ],
    }
    return json.dumps(contract, indent=1, allow_nan=False)


def to_markdown(across: Across, changes: Sequence[ChangeAcross]) -> str:
    """The report as Markdown; whatever users wrote appears as text."""
    environment = jinja_environment(autoescape=False)  # of HTML: `text` escapes what users wrote
    environment.filters |= {"list_changes": list_changes, "notes": notes, "figures": figures}
    environment.filters["text"] = as_text
    return environment.get_template("across.md.jinja").render(across=across, changes=changes)


def to_html(across: Across, changes: Sequence[ChangeAcross]) -> str:
    """The report as HTML that loads nothing and runs nothing."""
    environment = jinja_environment(autoescape=True)
    environment.finalize = printable_value
    environment.filters |= {"list_changes": list_changes, "notes": notes, "figures": figures}
    style = (resources.files("mnistlab.report") / "templates" / "report.css").read_text("utf-8")
    allowed = f"img-src data:; style-src '{policy_hash(style)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    return environment.get_template("across.html.jinja").render(
        across=across, changes=changes, policy=policy, style=Markup(style)
    )


def notes(change: ChangeAcross) -> list[str]:
    """What is to be known of a verdict over all, a sentence each."""
    said = remarks(change.over_all)
    if change.apart:
        most, least = (f"{name} ({figures(change.on[name])})" for name in change.apart)
        apart = f"the intervals on {most} and on {least} exclude each other"
        said.insert(0, f"Seen, not tested: {apart}.")
    return said


def figures(verdict: Verdict) -> str:
    """A difference with its interval, in points."""
    it = Interval(verdict.n, verdict.difference, verdict.low, verdict.high)
    return difference_words(it, 100, 2)
