"""The report as files, and the HTML in a real browser."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from markdown_it import MarkdownIt

from mnistlab.book.trial import Book, Network, Trial
from mnistlab.images import Images
from mnistlab.report.compose import _command
from mnistlab.report.pages import HEAT, as_code, as_text, heat, write_report
from mnistlab.results.looks import Look, plan_looks
from mnistlab.results.mistakes import TestPredictions as Predictions
from mnistlab.results.mistakes import find_mistakes
from mnistlab.results.plan import Plan
from mnistlab.results.store import Store
from mnistlab.results.summary import read_results
from mnistlab.training.record import Run, RunRecord
from tests.browser import Browser
from tests.made_up import INFO, record, trial

EVIL = (
    "<script>document.title='gone'</script><img src=x "
    "onerror=\"document.title='gone'\">**b** |`x` [a](javascript:0)"
)
TEST = Images(
    np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8),
    (np.arange(200) % 10).astype(np.uint8),
)


def probabilities(trial_number: int, seed: int, test: Images = TEST) -> npt.NDArray[np.float32]:
    generator, truth = np.random.default_rng([trial_number, seed]), np.eye(len(test.classes))
    logits = generator.normal(size=(len(test), len(truth)))
    logits += (1.6 + trial_number) * truth[test.labels]
    odds = np.exp(logits)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def store_of(
    folder: Path,
    trials: list[Trial],
    seeds: int = 4,
    evil: str = "",
    environments: Sequence[Mapping[str, str]] = ({"engine": "native"},),
    options: tuple[str, ...] = (),
    device: str = "cpu",
    test: Images = TEST,
    looks: tuple[Look, ...] = (),
    margin: float = 0.1,
) -> Store:
    """A results folder of made-up runs; each trial is better than the one before."""
    sizes = {"train": 1000, "validation": 200, "test": len(test)}
    kind = {"classes": test.classes, "channels": test.task.channels}
    info = INFO.model_copy(update={"name": f"data{evil}", "sizes": sizes} | kind)
    book = Book(
        name="made-up", title=f"Made up{evil}", seeds=tuple(range(seeds)), trials=tuple(trials),
        options=options, margin=margin,
    )  # fmt: skip
    engine = "native" if device == "cpu" else "torch"
    plan = Plan(book=book, data=info, engine=engine, device=device, looks=looks)
    store = Store(folder)
    store.prepare(plan, test)
    for number, each in enumerate(trials):
        for seed in range(seeds):
            accuracy = 0.9 + number / 100 + seed / 1000 + seed * number % 3 / 2000
            environment = {"processor": evil} if evil else environments[seed % len(environments)]
            done = record(each.name, seed, accuracy, seconds=1 + number, environment=environment)
            store.write(
                plan.identity(each, seed),
                Run(as_planned(done, plan, each), {}, probabilities(number, seed, test)),
            )
    return store


def as_planned(made: RunRecord, plan: Plan, trial: Trial) -> RunRecord:
    """A made-up record as the plan's own runs have it."""
    settings = {"network": trial.network, "training": trial.training, "data": plan.data}
    return made.model_copy(update=settings | {"engine": plan.engine, "device": plan.device})


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


CHAIN = [trial("1"), trial("2", "1", 0.0005), trial("3", "2", 0.0007), trial("4 b", "2", 0.002)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = store_of(tmp_path_factory.mktemp("out"), CHAIN)
    write_report(store, read_results(store))
    return store


def html(store: Store) -> str:
    return (store.folder / "report.html").read_text("utf-8")


def markdown(store: Store) -> str:
    return (store.folder / "report.md").read_text("utf-8").replace("\\", "")


def test_both_files_say_the_same(made: Store) -> None:
    for sentence in (
        "Lowering learning rate from 0.001 to 0.0005 helped: +1.04 points [0.47, 1.60], n = 4.",
        "Raising learning rate from 0.0005 to 0.002 helped: +",
        "Highest mean validation accuracy, over the 4 seeds that all have.",
        "Expected calibration error",
        "mnistlab run made-up.toml --data PATH",
        "Test images gained per seed: ",
        INFO.sha256,
    ):
        assert sentence in html(made)
        assert sentence in markdown(made)
    contract = json.loads((made.folder / "results.json").read_text("utf-8"))
    for verdict in contract["verdicts"]:
        for text in (html(made), markdown(made)):
            assert verdict["verdict_text"] in text
    for text in (html(made), markdown(made)):
        assert not re.search(r"\b(images|seconds|gained) a (seed|run)", text)


def test_the_page_is_quiet_asks_for_nothing_and_fits(made: Store, browser: Browser) -> None:
    page = made.folder / "report.html"
    for scheme in ("light", "dark"):
        for width in (360, 850, 901, 1280):
            browser.open(page, width, scheme)
            assert browser.complaints == []
            assert [address for address in browser.requests if not address.startswith("data:")] == [
                page.as_uri()
            ]
            assert browser.run("document.documentElement.scrollWidth") <= width
            browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
            assert browser.run("document.documentElement.scrollWidth") <= width


def test_both_colour_schemes_can_be_read(made: Store, browser: Browser) -> None:
    """WCAG's contrast of text on the cards, 4.5 or more, in both schemes; and the schemes
    differ.
    """
    papers = []
    for scheme in ("light", "dark"):
        browser.open(made.folder / "report.html", 1280, scheme)
        papers.append(
            browser.run("getComputedStyle(document.querySelector('section')).backgroundColor")
        )
        for mark in ("body", ".faint", ".unclear", ".changes a"):
            ink = browser.run(f"getComputedStyle(document.querySelector('{mark}')).color")
            assert contrast(ink, papers[-1]) >= 4.5, (scheme, mark)
    assert luminance(papers[0]) > 0.9
    assert luminance(papers[1]) < 0.1


def luminance(colour: str) -> float:
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


COLUMN = (
    "[...document.querySelectorAll('#trials-table tbody tr')].map(row => "
    "row.cells[0].textContent).join()"
)


def test_the_table_sorts(made: Store, browser: Browser) -> None:
    browser.open(made.folder / "report.html")
    assert browser.run(COLUMN) == "1,2,3,4 b"
    heading = (
        "[...document.querySelectorAll('#trials-table th')].find(th => th.textContent == 'val acc')"
    )
    browser.run(f"{heading}.querySelector('button').click()")
    assert browser.run(f"{heading}.getAttribute('aria-sort')") == "ascending"
    assert browser.run(COLUMN) == "1,2,3,4 b"
    browser.run(f"{heading}.querySelector('button').click()")
    assert browser.run(f"{heading}.getAttribute('aria-sort')") == "descending"
    assert browser.run(COLUMN) == "4 b,3,2,1"
    browser.run("document.querySelector('#trials-table th button').click()")  # by the book's order
    assert browser.run(COLUMN) == "1,2,3,4 b"
    verdict = "document.querySelectorAll('#trials-table th')[2]"
    browser.run(f"{verdict}.querySelector('button').click()")
    assert browser.run(COLUMN).endswith(
        "1"
    )  # the start has no verdict, and what is missing comes last
    browser.run(f"{verdict}.querySelector('button').click()")
    assert browser.run(COLUMN).endswith("1")
    assert browser.complaints == []


def test_everything_is_open_on_paper(made: Store, browser: Browser) -> None:
    browser.open(made.folder / "report.html")
    shut = "document.querySelectorAll('details:not([open])').length"
    before = browser.run(shut)
    assert before > 0
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run(shut) == 0
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(shut) == before
    assert browser.printed().startswith(b"%PDF")


def test_the_policy_stops_what_is_not_the_reports_own(made: Store, browser: Browser) -> None:
    browser.open(made.folder / "report.html")
    browser.run(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x "
        'onerror="document.title=1"><b style="x:y">\')'
    )
    browser.run(
        "const s = document.createElement('script'); s.text = 'document.title = 2'; "
        "document.body.append(s)"
    )
    assert browser.run("document.title") == "Made up"
    browser.run("1")  # whatever was said meanwhile
    assert len(browser.complaints) >= 2


def test_mark_up_in_texts_and_files_appears_as_text_and_does_nothing(
    tmp_path: Path, browser: Browser
) -> None:
    trials = [
        each.model_copy(update={"why": f"why {EVIL}", "note": f"note {EVIL}"}) for each in CHAIN[:2]
    ]
    names = Images(TEST.pixels, TEST.labels % 3, (EVIL[:100], EVIL[-100:], "c"))
    store = store_of(tmp_path / "out", trials, evil=EVIL, test=names)
    lost = record("2", 9, status="diverged").model_copy(update={"reason": f"reason {EVIL}"})
    plan = store.plan()
    lost = as_planned(lost, plan, trials[1])
    store.write(plan.identity(trials[1], 9), Run(lost, {}, np.empty((0, 10), np.float32)))
    (store.folder / "results.json").write_text(
        json.dumps({"book": EVIL, "runs": [{"trial": EVIL}]}), "utf-8"
    )
    write_report(store, read_results(store))
    browser.open(store.folder / "report.html")
    assert browser.complaints == []
    assert browser.run("document.title") == f"Made up{EVIL}"
    assert browser.run("document.querySelectorAll('script').length") == 1
    assert browser.run("[...document.images].every(image => image.src.startsWith('data:'))")
    assert not browser.run("[...document.links].some(link => !link.hash)")
    shown = browser.run("document.body.textContent")
    for place in ("Made up", "data", "why ", "note ", "reason ", "processor "):
        assert place + EVIL in shown, place
    source = (store.folder / "report.md").read_text("utf-8")
    assert f"“{EVIL[:39]}…”" in shown
    assert "<script" not in source
    assert "<img" not in source
    assert not re.search(r"(?<!\\)(\*\*b|\]\(javascript|`x)", source)
    contract = json.loads((store.folder / "results.json").read_text("utf-8"))
    assert (
        contract["book"] == "made-up"
    )  # rebuilt from the stored runs: what was written into it by hand is gone
    assert {row["trial"] for row in contract["runs"]} == {"1", "2"}
    assert contract["data"]["classes"] == [EVIL[:100], EVIL[-100:], "c"]


def test_texts_in_markdown() -> None:
    assert as_text("a\n# b | <i> `c`") == "a \\# b \\| &lt;i&gt; \\`c\\`"
    assert as_text("1.5 points, -3 and a-b") == "1.5 points, -3 and a-b"
    assert as_text("\x1b[31mred\u202e") == "\\\\x1b\\[31mred\\\\u202e"


@pytest.mark.parametrize(
    "text",
    [
        "- item", "+ item", "* item", "---", "- - -", "***", "___", "-", "+", "# x", "1. x",
        "1) x", "2024. A good year", "1.", "> x", "```", "~~~", "=== x", "    code", "<b>x</b>",
        "[a](b)", "[a]: b", "| a | b |", "![a](b)", "`x`", "_x_ *y* ~~z~~", "x\n---\ny", "&lt;",
    ],
)  # fmt: skip
def test_no_text_is_mark_up(text: str) -> None:
    """By another's reading of CommonMark: one paragraph that holds the words and nothing else."""
    for line, depth in ((as_text(text), 0), (f"> {as_text(text)}", 1)):
        tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(line)
        assert [token.type for token in tokens[depth : len(tokens) - depth]] == [
            "paragraph_open", "inline", "paragraph_close",
        ]  # fmt: skip
        words = tokens[depth + 1].children or []
        assert {token.type for token in words} <= {"text", "text_special"}
        assert "".join(token.content for token in words) == " ".join(text.split())


def test_code_in_markdown_is_what_it_was() -> None:
    for text in ("run --strokes 'my_own [1].jsonl'", "a ``b` c", "`", "a < b & c\n*d*"):
        (paragraph,) = MarkdownIt("commonmark").parse(as_code(text))[1:-1]
        (code,) = paragraph.children or []
        assert (code.type, code.content) == ("code_inline", " ".join(text.split()))


def test_control_characters_do_not_reach_the_pages(tmp_path: Path) -> None:
    odd = trial("1").model_copy(update={"why": "why\u202e", "note": "one\ntwo"})
    store = store_of(tmp_path / "out", [odd], 1, environments=({"processor": "\x1b[31mred"},))
    plan = store.plan()
    lost = record("1", 9, status="diverged").model_copy(update={"reason": "lost\x07"})
    run = Run(as_planned(lost, plan, odd), {}, np.empty((0, 10), np.float32))
    store.write(plan.identity(odd, 9), run)
    write_report(store, read_results(store))
    for text in (html(store), markdown(store)):
        for plain in ("whyu202e", "one two", "processor x1b[31mred", "diverged: lostx07"):
            assert plain in text.replace("\\", "")
        assert not {"\x1b", "\u202e", "\x07"} & set(text)


def test_the_command_carries_what_was_changed(tmp_path: Path) -> None:
    options = ("--seeds 2", "--epochs 3", "--strokes mine.jsonl")
    store = store_of(tmp_path / "out", CHAIN[:1], 2, options=options, device="cuda")
    write_report(store, read_results(store))
    for text in (html(store), markdown(store)):
        assert (
            "mnistlab run made-up.toml --data PATH --seeds 2 --epochs 3 --strokes mine.jsonl "
            "--engine torch --device cuda" in text
        )


@pytest.mark.parametrize(
    ("own", "name", "option"),
    [
        ("mnist", "mnist", " --data mnist"), ("./mini", "mini", " --data mini"),
    ],
)  # fmt: skip
def test_the_command_names_data_that_are_not_the_books_own(
    own: str, name: str, option: str, made: Store
) -> None:
    plan = read_results(made).plan
    book = plan.book.model_copy(update={"data": own, "options": ()})
    other = plan.model_copy(
        update={"book": book, "data": plan.data.model_copy(update={"name": name})}
    )
    assert _command(other) == f"mnistlab run made-up.toml{option}"


def test_the_page_leads_to_each_of_its_parts(made: Store, tmp_path: Path) -> None:
    larger = trial("2", "1").model_copy(update={"network": Network(conv=(), hidden=(9,))})
    sizes = store_of(tmp_path / "out", [trial("1"), larger])
    write_report(sizes, read_results(sizes))
    for store, has_front in ((made, False), (sizes, True)):
        page = html(store)
        (nav,) = re.findall(r"<nav>.*</nav>", page)
        led_to = re.findall(r'href="#([\w-]+)"', nav)
        assert ["summary", *led_to] == re.findall(r'<section.* id="([\w-]+)"', page)
        assert ("front" in led_to) == has_front


def test_runs_of_different_environments_are_named_once(tmp_path: Path) -> None:
    here, there = {"python": "3.11", "cores": "2"}, {"python": "3.12", "cores": "2"}
    store = store_of(tmp_path / "out", CHAIN[:2], environments=(here, there))
    write_report(store, read_results(store))
    for text in (html(store), markdown(store)):
        assert text.count("made in 2 environments, which differ in python") == 1
        assert text.count("python 3.12, cores 2") == 1
    store = store_of(tmp_path / "other", CHAIN[:2])
    write_report(store, read_results(store))
    assert "environments" not in markdown(store)


def test_the_chain_in_markdown_is_indented_by_depth(made: Store) -> None:
    lines = [line for line in markdown(made).splitlines() if line.lstrip().startswith("- **")]
    assert [line[: line.index("**", line.index("**") + 2)] for line in lines] == [
        "- **1", "  - **2", "    - **3", "    - **4 b",
    ]  # fmt: skip


def test_equal_differences_have_the_interval_that_the_images_allow(tmp_path: Path) -> None:
    store = store_of(tmp_path / "out", CHAIN[:1], 5)
    plan = store.plan()
    book = plan.book.model_copy(update={"trials": tuple(CHAIN[:2])})
    plan = plan.model_copy(update={"book": book})
    store.prepare(plan, TEST)
    for seed in range(5):
        done = record("2", seed, 0.9042 + seed / 1000)
        run = Run(as_planned(done, plan, CHAIN[1]), {}, probabilities(0, seed))
        store.write(plan.identity(CHAIN[1], seed), run)
    write_report(store, read_results(store))
    for text in (html(store), markdown(store)):
        assert "made no clear difference: +0.42 points [−0.02, 0.86], n = 5." in text
        assert "± 0.0000" not in text
        assert "[0.0000, 0.0000]" not in text


def test_looks_and_another_margin_are_told(tmp_path: Path, browser: Browser) -> None:
    store = store_of(tmp_path / "out", CHAIN, looks=plan_looks(3, 6), margin=5)
    write_report(store, read_results(store))
    for text in (html(store), markdown(store)):
        assert "made no difference that matters: +1.05 points [" in text
        assert "within ±5, n = 3. Decided at look 1 of 2, after 3 seeds." in text
        assert "at looks fixed beforehand: after 3 and 6 seeds." in text
        assert "0.1 points" not in text
        for row in ("1|3|2.07 %|1 → 2 (equivalent), 2 → 3 (equivalent)", "2|6|2.93 %|–"):
            assert row in re.sub(r"(</td><td>| \| )", "|", text)
    marks = []
    for scheme in ("light", "dark"):
        browser.open(store.folder / "report.html", 1280, scheme)
        paper = browser.run("getComputedStyle(document.querySelector('section')).backgroundColor")
        mark = "document.querySelector('.changes .badge')"
        marks.append(browser.run(f"{mark}.textContent"))
        assert contrast(browser.run(f"getComputedStyle({mark}).color"), paper) >= 4.5
    assert marks == ["= equivalent"] * 2
    # every difference lies in its shaded margin
    assert (
        browser.run(
            "[...document.querySelectorAll('.changes svg:has(circle)')].map(svg => {"
            "const [shade, dot] = ['.trifle', 'circle'].map(it => svg.querySelector(it)"
            ".getBoundingClientRect());"
            "return shade.left < dot.left && dot.right < shade.right})"
        )
        == [True] * 3
    )


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_few_seeds_are_told_in_words(seeds: int, tmp_path: Path, browser: Browser) -> None:
    store = store_of(tmp_path / "out", CHAIN[:2], seeds)
    write_report(store, read_results(store))
    for text in (html(store), markdown(store)):
        assert ("too few seeds for a verdict, which needs 3" in text) == (seeds < 3)
        assert ("2, not told from 1" in text) == (seeds < 3)
        assert not re.search(r"\bnan\b", text)
    json.loads(
        (store.folder / "results.json").read_text("utf-8"),
        parse_constant=lambda name: pytest.fail(name),
    )
    browser.open(store.folder / "report.html", 360)
    assert browser.complaints == []


def test_a_folder_without_a_finished_run_has_a_report_too(tmp_path: Path) -> None:
    store = store_of(tmp_path / "out", CHAIN[:2], 0 + 1)
    plan = store.plan()
    for each in plan.book.trials:
        shutil.rmtree(store.folder / plan.identity(each, 0))
    write_report(store, read_results(store))
    assert "No trial has a finished run" in html(store)
    for each in CHAIN[:2]:
        lost = as_planned(record(each.name, 0, status="diverged", losses=(None,)), plan, each)
        store.write(plan.identity(each, 0), Run(lost, {}, np.empty((0, 10), np.float32)))
    write_report(store, read_results(store))
    for text in (html(store), markdown(store)):
        assert "No trial has a finished run" in text
        assert "seed 0 diverged: made so" in text
        assert "too few seeds for a verdict, which needs 3: n = 0" in text


def test_sixty_runs_stay_small(tmp_path: Path) -> None:
    chain = [trial("0"), *(trial(str(i), str(i - 1), 0.001 + i / 1000) for i in range(1, 6))]
    store = store_of(tmp_path / "out", chain, 10)
    write_report(store, read_results(store))
    assert (store.folder / "report.html").stat().st_size < 1_000_000


ODD_NAMES = ("x" * 100, "word " * 19 + "five", "מצלמה ישנה מאוד", "血小板" * 33, "a|b`c*d_e")


def many(classes: int, channels: int = 1) -> Images:
    """Noise of that many classes, some of whose names are hard on a layout."""
    names = (*ODD_NAMES, *(f"class {number}" for number in range(classes)))[:classes]
    shape = (200, 28, 28) if channels == 1 else (200, 28, 28, channels)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Images(pixels, (np.arange(200) % classes).astype(np.uint8), names)


@pytest.mark.parametrize(("classes", "channels"), [(2, 3), (12, 1), (13, 1), (47, 1), (100, 3)])
def test_reports_of_any_number_of_classes_fit_and_name_them(
    classes: int, channels: int, tmp_path: Path, browser: Browser
) -> None:
    test = many(classes, channels)
    store = store_of(tmp_path / "out", CHAIN[:2], 2, test=test)
    write_report(store, read_results(store))
    for width in (360, 1280):
        browser.open(store.folder / "report.html", width)
        browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.complaints == []
    rows = "[...document.querySelectorAll('.recalls')[0].querySelectorAll('bdi')]"
    assert browser.run(f"{rows}.map(each => each.title)") == [name.strip() for name in test.classes]
    matrix = "document.querySelector('.matrix')"
    assert browser.run(f"{matrix}.querySelectorAll('g text').length") == 2 * classes
    numbered = browser.run(f"{matrix}.querySelectorAll(':scope > text').length") > 2
    assert numbered == (classes <= 12)
    head = re.search(r"^\| \|(.*) recall \| images \|$", markdown(store), re.MULTILINE)
    assert head is not None
    assert (head[1] == "") == (classes > 12)
    for text in (html(store), markdown(store)):
        assert f"200 test{' RGB' * (channels == 3)} images of {classes} classes" in text
        assert "digit" not in text


def test_the_heat_map_shows_shares_of_the_true_classes() -> None:
    # of four images of class 0 one is taken for 1, of the only one of class 1 all are taken for 2
    labels, answers = np.array([0, 0, 0, 0, 1], np.uint8), [0, 0, 0, 1, 2]
    table = np.eye(3, dtype=np.float32)[answers][None]
    picture = heat(find_mistakes(Predictions((0,), table, labels, ("a", "b", "c"))))
    assert picture[..., 3].tolist() == [[48, 120, 0], [0, 48, 240], [0, 0, 48]]  # √¼ of 240
    assert tuple(picture[0, 1, :3]) == tuple(picture[1, 2, :3]) == HEAT


def test_rgb_images_are_shown_as_they_are_and_grey_ones_dark_on_white(
    tmp_path: Path, browser: Browser
) -> None:
    corner = (
        "(() => {const c = document.createElement('canvas').getContext('2d'); "
        "c.drawImage(document.querySelector('.case img'), 0, 0); "
        "return [...c.getImageData(0, 0, 1, 1).data.slice(0, 3)]})()"
    )
    for channels, shown in ((3, lambda first: first), (1, lambda first: [255 - first] * 3)):
        test = many(2, channels)
        store = store_of(tmp_path / str(channels), CHAIN[:1], 2, test=test)
        write_report(store, read_results(store))
        browser.open(store.folder / "report.html", scheme="dark")
        index = int(browser.run("document.querySelector('.case img').alt.match(/image (\\d+)/)[1]"))
        assert browser.run(corner) == shown(test.pixels[index, 0, 0].tolist())
        style = "getComputedStyle(document.querySelector('.case img')).filter"
        assert browser.run(style) == ("none" if channels == 3 else "invert(1)")
