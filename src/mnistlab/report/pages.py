"""The report as files: Markdown, and one HTML file that needs nothing beside it."""

import base64
import hashlib
import html
import io
import re
from importlib import resources

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.cells import cell_len

from mnistlab.book.trial import Figures
from mnistlab.data.sheet import as_shown
from mnistlab.data.split import PARTS
from mnistlab.errors import one_line, store_errors_as_unfinished
from mnistlab.images import Bytes, Images
from mnistlab.report import trial_words, verdict_words, words
from mnistlab.report.compose import Report, compose
from mnistlab.report.export import to_json
from mnistlab.report.plots import draw_curves
from mnistlab.results.mistakes import Mistakes
from mnistlab.results.store import Store
from mnistlab.results.summary import Results

FILTERS = (
    trial_words.change_words, trial_words.network_words,
    verdict_words.best_basis, verdict_words.best_words, verdict_words.look_rows,
    verdict_words.look_words, verdict_words.looks_words, verdict_words.margin_words,
    verdict_words.other_metrics, verdict_words.p_words, verdict_words.remarks,
    verdict_words.sentence, verdict_words.standing,
    words.data_words, words.environment_words, words.pooling_words, words.quoted,
    words.recall_words, words.shortened, words.show,
)  # fmt: skip
HEAT = (214, 104, 42)  # of the confusion's colours, which light and dark pages share
OVERVIEW = {
    "train acc": ("train", "accuracy"), "val acc": ("validation", "accuracy"),
    "val loss": ("validation", "loss"), "test acc": ("test", "accuracy"),
    "test loss": ("test", "loss"), "test AUROC": ("test", "auroc"),
    "test F1 (macro)": ("test", "f1_macro"),
}  # fmt: skip


def write_report(store: Store, results: Results) -> None:
    """Write `results.json`, `report.md`, `report.html` and `plots/*.png` into the folder.

    Raises StoreError.
    """
    test = store.test(results.plan)
    report = compose(results, test)
    with store_errors_as_unfinished():
        store.write_file("results.json", to_json(results).encode())
        for name, curves in report.curves.items():
            store.write_file(f"plots/{name}.png", draw_curves(f"Trial {name}", curves))
        store.write_file("report.md", to_markdown(report).encode())
        store.write_file("report.html", to_html(report, test).encode())


def to_markdown(report: Report) -> str:
    """The report as Markdown; whatever users wrote appears as text."""
    environment = jinja_environment(autoescape=False)  # of HTML: `text` escapes what users wrote
    environment.filters |= {"text": as_text, "code": as_code}
    return environment.get_template("report.md.jinja").render(report=report)


def to_html(report: Report, test: Images) -> str:
    """The report as HTML that may load nothing and run nothing but its own lines.

    Text is escaped wherever it stands, and the content security policy allows the one style and the
    one script by their hashes, so that mark-up which came in with a text could not even run if it
    stayed mark-up.
    """
    environment = jinja_environment(autoescape=True)
    environment.finalize = printable_value
    environment.filters["picture"] = lambda index: _address(as_shown(test.pixels[index]))
    environment.filters["heat"] = lambda found: _address(heat(found))
    folder = resources.files("mnistlab.report") / "templates"
    style, script = ((folder / name).read_text("utf-8") for name in ("report.css", "report.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{policy_hash(style)}'; "
        f"script-src '{policy_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("report.html.jinja").render(
        report=report, policy=policy, style=Markup(style), script=Markup(script)
    )


def as_text(value: str) -> str:
    """A user's words in Markdown: one line, and no mark-up in them works."""
    line = html.escape(one_line(value), quote=False)
    line = re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", line)
    line = re.sub(r"^([-+])(?=[- ]|$)", r"\\\1", line)  # a list, a rule
    return re.sub(r"^(\d+)([.)])(?= |$)", r"\1\\\2", line)  # a numbered list


def as_code(value: str) -> str:
    """A user's words as code in Markdown, where nothing but a backtick is mark-up."""
    line = one_line(value)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " * ("`" in line)
    return f"{fence}{space}{line}{space}{fence}"


def jinja_environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("mnistlab.report"), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, autoescape=autoescape,
    )  # fmt: skip
    environment.filters |= {each.__name__: each for each in FILTERS} | {"columns": cell_len}
    environment.globals |= {
        "PARTS": PARTS, "METRICS": words.METRIC_NAMES, "OVERVIEW": OVERVIEW,
        "NOTHING_PUBLISHED": Figures(), "MAX_NUMBERED": words.MAX_NUMBERED,
    }  # fmt: skip
    return environment


def printable_value(value: object) -> object:
    """What the page prints of a value: of a text with control characters one line without them."""
    plain = not isinstance(value, str) or isinstance(value, Markup) or value.isprintable()
    return value if plain else one_line(value)


def policy_hash(text: str) -> str:
    """An inline style or script as the policy names it; the browser compares what it finds."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def heat(found: Mistakes) -> Bytes:
    """The confusion as a picture (classes, classes, 4), RGB and opacity, a pixel for each pair.

    The colour of an error is by its share of the true class's images, the darkest for the largest
    share; what is right is grey.
    """
    shares = found.error_shares
    picture = np.empty((*shares.shape, 4), np.uint8)
    picture[..., :3] = HEAT
    picture[..., 3] = np.rint(240 * (shares / max(shares.max(), 1e-9)) ** 0.5)
    picture[np.eye(len(shares), dtype=bool)] = (128, 128, 128, 48)
    return picture


def _address(pixels: Bytes) -> str:
    """A picture as the address of a PNG that holds itself."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
