"""The report as files: Markdown, and one HTML file that needs nothing beside it."""

import base64
import hashlib
import html
import io
import re
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnistlab.images import Images
from mnistlab.report.compose import Report, compose
from mnistlab.report.export import to_json
from mnistlab.report.plots import learning_curves
from mnistlab.report.words import recall_words
from mnistlab.results.store import Store
from mnistlab.results.summary import Results


def write_report(store: Store, results: Results) -> None:
    """Write `results.json`, `report.md`, `report.html` and `plots/*.png` into the folder. Raises
    StoreError.
    """
    store.write_file("results.json", to_json(results).encode())
    test = store.test()
    report = compose(results, test)
    for summary in results.summaries():
        if drawable := [record for record in summary.records if record.history]:
            name = summary.trial.name
            store.write_file(f"plots/{name}.png", learning_curves(f"Trial {name}", drawable))
    store.write_file("report.md", to_markdown(report).encode())
    store.write_file("report.html", to_html(report, test).encode())


def to_markdown(report: Report) -> str:
    """The report as Markdown; whatever users wrote appears as text."""
    environment = _environment(
        autoescape=False
    )  # Markdown, not HTML: `text` escapes what users wrote
    environment.filters["text"] = as_text
    return environment.get_template("report.md.jinja").render(report=report)


def to_html(report: Report, test: Images) -> str:
    """The report as HTML that may load nothing and run nothing but its own lines; `test`'s pixels
    are drawn.

    Text is escaped wherever it stands, and the content security policy allows the one style and the
    one script by their hashes, so that mark-up which came in with a text could not even run if it
    stayed mark-up.
    """
    environment = _environment(autoescape=True)
    environment.filters["picture"] = lambda index: _picture(test, index)
    folder = resources.files("mnistlab.report") / "templates"
    style, script = ((folder / name).read_text("utf-8") for name in ("report.css", "report.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src "
        f"'{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("report.html.jinja").render(
        report=report, policy=policy, style=Markup(style), script=Markup(script)
    )


def as_text(value: str) -> str:
    """A user's words in Markdown: one line, and no mark-up in them works."""
    line = " ".join(value.split())
    return re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", html.escape(line, quote=False))


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("mnistlab.report"), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
        autoescape=autoescape,
    )  # fmt: skip
    environment.filters["recall"] = recall_words
    return environment


def _hash(text: str) -> str:
    """As a content security policy names an inline style or script: the browser compares it with
    what it finds.
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _picture(test: Images, index: int) -> str:
    """A test image, dark on white, as the address of a PNG that holds itself."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(255 - test.pixels[index]).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
