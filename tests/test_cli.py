"""The command line as a user meets it: what it prints, where, and with which exit code."""

import ast
import inspect
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import typer
from rich.console import Console

from mnistlab import cli, display, progress, terminal
from mnistlab.book.reading import read_book, shipped_books
from mnistlab.book.trial import Book
from mnistlab.data import catalog
from mnistlab.data.catalog import Source
from mnistlab.errors import LabError, StoreError, UnfinishedError
from mnistlab.images import DataSet
from mnistlab.model.predictor import Predictor
from mnistlab.results.plan import Plan
from mnistlab.results.store import StoredRun
from mnistlab.results.summary import Results
from mnistlab.training.record import Epoch, Job
from tests import made_up
from tests.conftest import BASE

MNISTLAB = [sys.executable, "-m", "mnistlab"]
BUFFERED = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
RUN = ["run", "--data", "mini", "--seeds", "1", "--epochs", "2", "--jobs", "1"]
RUN += ["--only", "1", "--only", "2"]
HOSTILE = "\x1b[2J[red]\u202e"  # clears a screen, is markup to rich, turns what follows round
SHOWN = "\\x1b[2J[red]\\u202e"
TWO = """
[[trial]]
name = "a"
[[trial]]
name = "b"
from = "a"
learning_rate = 0.001
"""


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mnistlab", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder: trials 1 and 2 with one seed. Tests only read it."""
    out = tmp_path_factory.mktemp("results") / "out"
    with pytest.MonkeyPatch.context() as patch:
        assert call(patch, *RUN, "--out", str(out)) == 0
    return out


def test_the_commands_and_their_options_are_these() -> None:
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    assert {
        name: " ".join(sorted(option for it in command.params for option in it.opts))
        for name, command in commands.items()
    } == {
        "run": "--data --device --engine --epochs --fresh --jobs --max-seeds --only --open --out "
               "--quiet --seeds --strokes --trust-modules --until-decided book",
        "compare": "--expect --json places",
        "report": "out",
        "export": "--csv --json --latex --markdown out",
        "evaluate": "--data --seed place trial",
        "list": "",
        "cache": "--clear",
        "data": "name",
        "draw": "--dark place trial",
        "predict": "--json --model --strokes --whole files",
    }  # fmt: skip


def test_without_a_command_it_shows_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch) == 0
    assert "\n  predict " in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["-h"], ["run", "-h"], ["cache", "--help"]])
def test_help_is_asked_for_by_h_everywhere(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: ")
    assert "..." not in out.replace("[ARGS]...", "")  # no command's line is cut


def test_the_version_is_the_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"mnistlab {version('mnistlab')}\n"


def test_list_names_books_data_and_the_results_that_are_here(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    results: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, "list") == 0
    assert capsys.readouterr().out.endswith("\n  none yet in the folder results\n")
    shutil.copytree(results, Path("results", "six"))
    Path("results", "gone").mkdir()
    Path("results", "gone", "book.json").write_text("{")
    assert call(monkeypatch, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    for name, text in shipped_books().items():
        assert [f"  {name:<14}  {tomllib.loads(text)['title']}"] == [
            line for line in lines if line.startswith(f"  {name} ")
        ]
    assert "  " + ", ".join(catalog.NAMES) in lines
    assert lines[-2:] == [
        f"  {Path('results', 'gone')}  damaged: run its book again",
        f"  {Path('results', 'six')}  book six-trials, data mini, 6 trials",
    ]


def test_the_cache_is_told_and_cleared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path))
    split = tmp_path / "splits" / f"{'0' * 64}.uint8"
    split.parent.mkdir()
    split.write_bytes(bytes(1_500_000))
    assert call(monkeypatch, "cache") == 0
    before = capsys.readouterr().out.splitlines()
    assert before[0] == f"Cache: {tmp_path}"
    assert "  shared splits              1.5 MB, 1 file" in before
    assert call(monkeypatch, "cache", "--clear") == 0
    assert "  shared splits              0.0 MB, 0 files" in capsys.readouterr().out.splitlines()
    assert not split.exists()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (LabError("x: is wrong"), 2, "mnistlab: x: is wrong\n"),
        (StoreError("x: damaged\x1b[2J\nby hand"), 2, "mnistlab: x: damaged\\x1b[2J by hand\n"),
        (UnfinishedError("x: disk full"), 1, "mnistlab: x: disk full\n"),
        (OSError(36, "File name too long", "y"), 2, "mnistlab: y: File name too long; "),
        (OSError(24, "Too many open files"), 1, "mnistlab: Too many open files, in "),
        (KeyboardInterrupt(), 130, ""),
        (None, 0, ""),
    ],
)
def test_exit_codes(
    error: BaseException | None,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def write_report(*_: object) -> None:
        if error:
            raise error

    monkeypatch.setattr("mnistlab.results.summary.read_results", lambda _: None)
    monkeypatch.setattr("mnistlab.report.pages.write_report", write_report)
    assert call(monkeypatch, "report", "out") == code
    shown = capsys.readouterr().err
    assert shown.startswith(said)
    assert shown.count("\n") == bool(said)


def test_warnings_are_shown_as_errors_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write_report(*_: object) -> None:
        logging.getLogger("mnistlab.lab").warning("%s: made anew", HOSTILE)

    monkeypatch.setattr("mnistlab.results.summary.read_results", lambda _: None)
    monkeypatch.setattr("mnistlab.report.pages.write_report", write_report)
    assert call(monkeypatch, "report", "out") == 0
    assert capsys.readouterr().err == f"mnistlab: {SHOWN}: made anew\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--sedes", "3"], "No such option: --sedes"),
        (["run", "--seeds", "three"], "Invalid value for '--seeds': "),
        (["run", "--seeds", "0"], "--seeds: should be greater than or equal to 1, not 0"),
        (["run", "--epochs", "100001"], "--epochs: should be less than or equal to 100000"),
        (["run", "--device", "gpu"], "'gpu' is not one of 'auto', 'cpu', 'cuda'"),
        (["run", "a", "b"], "Got unexpected extra argument"),
        (["rn"], "No such command 'rn'"),
        (["run", "none.toml"], "none.toml: no such book; give a TOML file or one of the books "
                               "that come with mnistlab"),
        (["run", "--data", "nowhere"], "nowhere: neither a known data set nor a folder or file"),
        (["run", "--data", "mini", "--only", "7"], "--only 7: no such trial in six-trials; it "
                                                   "has 1, 2, 3, 4, 5, 6"),
        (["run", "--data", "mini", "--out", "file"], "file: cannot be written (File exists); "
                                                     "give another --out"),
        (["run", "--data", "mini", "--device", "cuda"], "--device cuda: PyTorch finds no CUDA "
                                                        "device here"),
        (["run", "--max-seeds", "9"], "--max-seeds: is for --until-decided; give that too"),
        (["run", "long.toml"], 'long.toml: "seeds" should be less than or equal to 1000, not a '
                               'number too long'),
        (["run", "bad.toml"], 'bad.toml: trial "x": unknown key "lr"; choose one of'),
        (["run", f"{HOSTILE}.toml"], f"{SHOWN}.toml: no such book; "),
        (["data", "."], "no data that is known; give a folder of IDX files, "),
        (["report", "nowhere"], "nowhere: not a results folder"),
        (["evaluate", "file", "--data", "mini"], "file: not a run's folder"),
        (["predict"], "predict: nothing to look at; give image files, or --strokes"),
        (["predict", "--model", "file", "a.png"], "not an ONNX model"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mnistlab.training.engines._has_cuda", lambda: False)
    Path("file").write_text("mine")
    Path("long.toml").write_text("seeds = 0x" + "f" * 5000 + BASE + "[[trial]]\nname = 'x'")
    Path("bad.toml").write_text(BASE + "[[trial]]\nname = 'x'\nlr = 3")
    assert said in refusal(monkeypatch, capsys, *arguments)
    assert sorted(path.name for path in Path().iterdir()) == ["bad.toml", "file", "long.toml"]
    assert Path("file").read_text() == "mine"


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """What a command says that is refused: one line on standard error and exit code 2."""
    assert call(monkeypatch, *arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("mnistlab: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("name", ["a\0b", "a\udcffb", "x" * 300], ids=["NUL", "Latin", "long"])
@pytest.mark.parametrize(
    "command",
    [
        "run NAME", "run --data NAME", "run --data mini --out NAME",
        "run --data mini --strokes NAME", "compare NAME 1 2", "report NAME", "data NAME",
        "evaluate NAME --data mini", "evaluate . --data NAME", "draw NAME",
        "predict --model NAME a.png",
    ],
)  # fmt: skip
def test_names_that_no_file_has_get_one_line(
    command: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = refusal(monkeypatch, capsys, *(name if it == "NAME" else it for it in command.split()))
    assert shown.isascii()  # what cannot be shown is shown by its code


def test_predict_answers_the_other_files_when_one_has_no_possible_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("strokes.jsonl").write_text('{"strokes": [[[0, 0], [0, 100]]]}\n')
    assert call(monkeypatch, "predict", "x" * 300, f"{HOSTILE}.png", "--strokes", "strokes.jsonl")
    out, error = capsys.readouterr()
    assert out.startswith("strokes.jsonl:1: ")
    long, hostile = error.splitlines()
    assert long.startswith("mnistlab: xxx")
    assert hostile.startswith(f"mnistlab: {SHOWN}.png: ")


def test_when_nothing_can_be_downloaded_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path))
    file = "train-images-idx3-ubyte.gz"
    nobody = Source(mirrors=("http://127.0.0.1:9/",), files={file: "0"})  # nobody listens there
    monkeypatch.setitem(catalog.CATALOG, "mnist", nobody)
    said = refusal(monkeypatch, capsys, "run", "--out", str(tmp_path / "out"))
    assert "use --data mini, which needs none, or --data PATH with data that you have" in said


def test_piped_output_is_plain_lines_and_the_table(tmp_path: Path) -> None:
    out = tmp_path / "out"
    plain = {**os.environ, "FORCE_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    command = [*MNISTLAB, *RUN, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, env=plain, check=True)
    text = done.stdout.decode()
    assert "\x1b" not in text
    assert "\r" not in text
    lines = text.splitlines()
    share = "a sixth of the training images (the book asks for 10,000)"
    assert lines[0] == f"validation: 833 images, {share}"
    assert lines[1] == "verdicts: 1 seed, 5 changes: too few seeds for verdicts, which need 3"
    assert lines[2].startswith("1 of 2: trial 1 seed 0 done, epoch 2, validation loss ")
    assert lines[4].startswith("2 from 1: Lowering learning rate from 0.001 to 0.0005: too few")
    assert lines[5].startswith("Best: 1, not told from 2. ")
    assert lines[7].split() == ["trial", "change", "n", "val", "acc", "test", "acc", "test", "loss"]
    assert lines[8].split()[:3] == ["1", "start", "1"]
    assert lines[11].startswith("Data: mini, 4,167 train, 833 validation, 1,000 test images of 10")
    assert lines[-1] == f"Report: {out / 'report.html'}, {out / 'report.md'}"
    assert done.stderr == b""


def test_output_survives_an_old_windows_code_page(results: Path) -> None:
    old = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [*MNISTLAB, "compare", str(results), "1", "2"]
    assert (
        b"1 -> 2: too few seeds"
        in subprocess.run(command, capture_output=True, env=old, check=True).stdout
    )


@pytest.mark.skipif(sys.platform == "win32", reason="pty is POSIX's")
def test_a_terminal_shows_live_progress(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [*MNISTLAB, *RUN, "--epochs", "40", "--out", str(tmp_path / "out")]
    screen = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=screen)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # how Linux says that the other side is closed
    os.close(ours)
    assert process.wait() == 0
    for expected in (
        b"validation: 833 images", b"trial 1 seed 0", b"/40, val loss 0.", b"of 2 runs",
        b"left: 0:0", b"Report: ",
    ):  # fmt: skip
        assert expected in shown


def small_book() -> Book:
    """Trials 1 and 2 of the six, two epochs, one seed."""
    book = read_book("six-trials").with_seeds(1).with_epochs(2)
    return book.model_copy(update={"trials": book.trials[:2]})


def epoch(number: int) -> Epoch:
    return Epoch(
        epoch=number, train_loss=0.1, train_accuracy=0.9, validation_loss=0.1,
        validation_accuracy=0.9, seconds=0.1,
    )  # fmt: skip


def test_the_bar_of_all_epochs_goes_back_when_a_run_is_tried_again(mini: DataSet) -> None:
    book = small_book()
    shown = progress.RunDisplay(mini)
    first, second = (Job(trial, 0, "native") for trial in book.trials)
    shown.on_jobs([first, second])
    whole = shown.progress.tasks[0]
    assert whole.total == 4
    seen = []
    for job, number in ((first, 1), (first, 2), (first, 1), (second, 1), (first, 2)):
        shown.on_epoch(job, epoch(number))
        seen.append(whole.completed)
    assert seen == [1, 2, 1, 2, 3]
    for job in (first, second):  # the second stopped early
        done = made_up.record(job.trial.name, 0)
        shown.on_run(done.model_copy(update={"training": job.trial.training}), stored=False)
    assert whole.completed == 4


def test_what_is_stored_says_nothing_of_the_time_that_is_left(mini: DataSet) -> None:
    book = small_book()
    shown = progress.RunDisplay(mini)
    jobs = [Job(trial, 0, "native") for trial in book.trials]
    shown.on_jobs(jobs)
    done = made_up.record("1", 0)
    shown.on_run(done.model_copy(update={"training": jobs[0].trial.training}), stored=True)
    whole = shown.progress.tasks[0]
    assert (whole.completed, whole.total) == (0, 2)
    assert "1 of 2 runs" in whole.description


def test_no_name_steers_the_live_progress(mini: DataSet) -> None:
    book = small_book()
    shown = progress.RunDisplay(mini)
    hostile = book.trials[0].model_copy(update={"name": HOSTILE})
    shown.on_epoch(Job(hostile, 0, "native"), epoch(1))
    screen = io.StringIO()
    bars = shown.progress.get_renderable()
    Console(file=screen, width=200, force_terminal=False).print(bars)
    assert f"trial {SHOWN} seed 0" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_no_name_steers_the_table_even_where_colours_are_forced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    first, second = small_book().trials
    trials = (
        first.model_copy(update={"name": HOSTILE}),
        second.model_copy(update={"parent": HOSTILE}),
    )
    book = small_book().model_copy(update={"trials": trials})
    plan = Plan(book=book, data=made_up.INFO, engine="native", device="cpu")
    runs = [made_up.record(name, 0) for name in (HOSTILE, "2")]
    display.print_results(Results(plan, tuple(StoredRun(run, Path()) for run in runs)))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.count(SHOWN) == 3  # its row, where trial 2 comes from, and what is best


def test_no_name_of_a_data_set_steers_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    results: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    with resources.as_file(resources.files("mnistlab.data") / "mini") as mini:
        shutil.copytree(mini, HOSTILE)
    assert call(monkeypatch, "data", HOSTILE) == 0
    run = next(results.glob("*/run.json")).parent
    assert call(monkeypatch, "evaluate", str(run), "--data", HOSTILE) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert f"{SHOWN}: 28×28 pixels" in out
    assert f"Contact sheet: {SHOWN}-contact-sheet.png" in out
    assert f"1,000 test images of {SHOWN}, those it was scored on\n" in out


def test_printing_is_done_in_one_place() -> None:
    assert [
        function.name
        for function in ast.walk(ast.parse(inspect.getsource(terminal)))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id == "print"
    ] == ["_say"]


def test_an_interrupted_run_says_that_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mnistlab.running.run_book", interrupted)
    assert call(monkeypatch, *RUN) == 130
    said = "mnistlab: stopped; what is finished is stored, and the same command goes on from there"
    assert capsys.readouterr().err.splitlines() == [said]


def test_several_data_sets_get_a_report_each_and_one_over_all(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    mini: DataSet,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(
        "few.npz", x_train=mini.train.pixels[:300], y_train=mini.train.labels[:300],
        x_test=mini.test.pixels[:60], y_test=mini.test.labels[:60],
    )  # fmt: skip
    Path("two.toml").write_text(BASE + TWO)
    command = ["run", "two.toml", "--data", "few.npz", "--data", "mini", "--seeds", "3"]
    assert call(monkeypatch, *command, "--epochs", "1", "--out", "out") == 0
    out = capsys.readouterr().out
    assert "Over all, few and mini:" in out
    assert {path.name for path in Path("out").iterdir()} >= {
        "few", "mini", "sets.json", "across.json", "report.html", "report.md",
    }  # fmt: skip
    across = Path("out/report.html").read_bytes()
    Path("out/report.html").unlink()
    assert call(monkeypatch, "report", "out") == 0
    assert Path("out/report.html").read_bytes() == across
    capsys.readouterr()
    said = refusal(monkeypatch, capsys, *command, "--until-decided")
    assert said.startswith("mnistlab: --until-decided: is for one data set")
    assert "is about several data sets" in refusal(
        monkeypatch, capsys, "run", "two.toml", "--data", "mini", "--out", "out"
    )


def test_a_failed_run_gives_exit_code_1_and_names_the_logs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr("mnistlab.lab.LocalTrainer.__call__", failing)
    assert call(monkeypatch, *RUN, "--out", str(tmp_path)) == 1
    assert capsys.readouterr().err.splitlines() == [
        "mnistlab: trial 1, seed 0 failed: no luck\\x1b[2J",
        "mnistlab: trial 2, seed 0 failed: no luck\\x1b[2J",
        f"mnistlab: more about failed runs is in {tmp_path / 'logs'}",
    ]


def failing(_: object, jobs: list[object], *__: object) -> object:
    from mnistlab.training.trainer import Failure

    yield from ((job, Failure("no luck\x1b[2J", "Traceback: no luck")) for job in jobs)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize(
    "command", [["--help"], ["run"], ["report"], ["compare"], ["predict", "--strokes", "-"]],
    ids=lambda it: it[0],
)  # fmt: skip
def test_output_that_cannot_be_written_is_one_line(command: list[str], results: Path) -> None:
    more = {"run": [*RUN[1:], "--out", str(results)], "report": [str(results)]}
    more["compare"] = [str(results), "1", "2"]
    strokes = b'{"strokes": [[[0, 0], [0, 100]]]}\n'
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*MNISTLAB, *command, *more.get(command[0], [])],
            input=strokes, stdout=full, stderr=subprocess.PIPE, env=BUFFERED, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "mnistlab: No space left on device, in writing output or starting processes; "
        "make room and try again\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
@pytest.mark.parametrize("command", ["compare", "report", "list", "-h", "data mini"])
def test_a_reader_that_goes_away_ends_it_quietly(command: str, results: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    more = {"compare": [str(results), "1", "2"], "report": [str(results)]}.get(command, [])
    done = subprocess.run(
        [*MNISTLAB, *command.split(), *more], cwd=results,
        stdout=theirs, stderr=subprocess.PIPE, env=BUFFERED, check=False,
    )  # fmt: skip
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit is POSIX's")
def test_too_few_files_to_open_is_one_line(tmp_path: Path) -> None:
    command = [*MNISTLAB, *RUN, "--jobs", "8", "--seeds", "4", "--out", str(tmp_path / "out")]
    limited = ["sh", "-c", 'ulimit -n 16; exec "$@"', "sh", *command]
    done = subprocess.run(limited, capture_output=True, check=False)
    assert done.returncode in (1, 2)
    (line,) = done.stderr.decode().splitlines()
    assert "Too many open files" in line


def test_a_full_disk_is_named_and_what_is_stored_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(monkeypatch, *RUN, "--out", str(tmp_path)) == 0
    before = sorted(tmp_path.glob("*/run.json"))
    capsys.readouterr()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mnistlab.atomic._to_disk", full)
    said = refusal(monkeypatch, capsys, *RUN, "--seeds", "2", "--out", str(tmp_path))
    assert f"{tmp_path}: cannot be written (No space left on device); give another --out" in said
    assert sorted(tmp_path.glob("*/run.json")) == before
    assert not list(tmp_path.glob(".mnistlab-*"))


@pytest.mark.skipif(
    not Path("/proc/self/attr").is_dir(),
    reason="/proc is Linux's folder that even root cannot write to",
)
def test_a_folder_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(monkeypatch, capsys, *RUN, "--out", "/proc/self/attr/out")
    assert said.startswith("mnistlab: /proc/self/attr/out: cannot be written (")


@pytest.mark.parametrize("file", ["report.html", "plots/trial-1.png", "/elsewhere"])
@pytest.mark.parametrize("command", ["report", "compare"])
def test_a_file_where_a_results_folder_is_wanted(
    command: str,
    file: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    results: Path,
) -> None:
    inside = not file.startswith("/")
    path = results / file if inside else tmp_path / "elsewhere"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    trials = ["1", "2"] if command == "compare" else []
    said = refusal(monkeypatch, capsys, command, str(path), *trials)
    which = str(results) if inside else "one that `run` made"
    assert said == f"mnistlab: {path}: a file; give the results folder, {which}\n"


def test_predict_takes_the_best_model_of_a_results_folder_and_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"strokes": [[[0, 0]]]}\n')))
    assert call(monkeypatch, "predict", "--model", str(results), "--strokes", "-", "--json") == 0
    out, error = capsys.readouterr()
    assert json.loads(out)["source"] == "-:1"
    runs = [json.loads(path.read_bytes()) for path in results.glob("*/run.json")]
    best = max(runs, key=lambda run: run["scores"]["validation"]["accuracy"])
    assert error == f"mnistlab: model: trial {best['trial']}, seed 0, the best in validation\n"


@pytest.mark.parametrize(
    ("expected", "code"), [("helped", 3), ("not-hurt", 3), ("equivalent", 3), (None, 0)]
)
def test_an_expectation_that_too_few_seeds_leave_open_is_not_met(
    expected: str | None,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    results: Path,
) -> None:
    more = ["--expect", expected] if expected else []
    assert call(monkeypatch, "compare", str(results), "1", "2", "--json", *more) == code
    out, error = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["parent"], answer["trial"], answer["verdict"]) == ("1", "2", "too few seeds")
    assert answer.get("met") == (False if expected else None)
    said = f"mnistlab: expected {expected}, found: too few seeds\n" if expected else ""
    assert error == said


def test_compare_takes_trials_of_two_folders(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    assert call(monkeypatch, "compare", f"{results}/1", f"{results}/2") == 0
    out = capsys.readouterr().out
    assert out.startswith("1 → 2: too few seeds\n")
    assert "p is not corrected" not in out  # of one folder, whose book makes this change
    assert refusal(monkeypatch, capsys, "compare", str(results)).startswith(
        "mnistlab: compare: give OUT and two of its trials, or OUT/TRIAL twice"
    )


def test_evaluate_finds_a_run_by_the_names_of_trial_and_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    data = ["--data", "mini"]
    assert call(monkeypatch, "evaluate", str(results), "2", "--seed", "0", *data) == 0
    assert capsys.readouterr().out.startswith("Trial 2, seed 0, on 1,000 test images of mini, ")
    said = refusal(monkeypatch, capsys, "evaluate", str(results), "3", *data)
    assert said == f"mnistlab: {results}: no run of trial 3; it has 1, 2\n"
    said = refusal(monkeypatch, capsys, "evaluate", str(results), "2", "--seed", "5", *data)
    assert said == f"mnistlab: {results}: no seed 5 of trial 2; it has 0\n"
    said = refusal(monkeypatch, capsys, "evaluate", str(results), *data)
    assert "add the name of a trial: 1, 2" in said


def test_draw_opens_one_trial_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    window = pytest.importorskip("mnistlab.drawing.window", exc_type=ImportError)
    shown: list[list[str]] = []

    class Window:
        def __init__(self, models: list[Predictor], *_: object) -> None:
            shown.append([model.name for model in models])

        def run(self) -> None:
            pass

    monkeypatch.setattr(window, "Window", Window)
    for trials in ([], ["2"]):
        assert call(monkeypatch, "draw", str(results), *trials) == 0
    assert shown == [["1", "2"], ["2"]]
    assert "no run of trial 3; it has 1, 2" in refusal(
        monkeypatch, capsys, "draw", str(results), "3"
    )


@pytest.mark.parametrize("there", [True, False])
def test_run_may_be_quiet_and_open_its_report(
    there: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    opened: list[str] = []

    def browse(url: str) -> bool:
        opened.append(url)
        return there

    monkeypatch.setattr("webbrowser.open", browse)
    assert call(monkeypatch, *RUN, "--out", str(tmp_path), "--quiet", "--open") == 0
    report = tmp_path / "report.html"
    assert opened == [report.as_uri()]
    missing = f"mnistlab: --open: no browser was found; open {report} yourself\n"
    assert capsys.readouterr() == ("", "" if there else missing)


def test_export_writes_files_whole_and_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"--csv": "runs.csv", "--latex": "t.tex", "--markdown": "t.md", "--json": "all.json"}
    options = [word for pair in files.items() for word in pair]
    assert call(monkeypatch, "export", str(results), *options) == 0
    assert Path("runs.csv").read_text("utf-8").startswith("book,data,trial,")
    assert "\\toprule" in Path("t.tex").read_text("utf-8")
    assert Path("all.json").read_bytes() == (results / "results.json").read_bytes()
    command = [*MNISTLAB, "export", str(results), "--markdown", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == Path("t.md").read_bytes()


def test_export_refuses_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    said = refusal(monkeypatch, capsys, "export", str(results))
    assert said == (
        "mnistlab: export: nothing to write; give --csv, --latex, --markdown or --json\n"
    )
    assert call(monkeypatch, "export", str(results), "--csv", str(results)) == 1
    assert f"{results}: cannot be written (" in capsys.readouterr().err


def test_compare_says_images_per_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    assert call(monkeypatch, "compare", str(results), "1", "2") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "1 → 2: too few seeds"
    assert any(line.startswith("Test images gained per seed: ") for line in out)


def test_data_describes_a_set_and_shows_it_and_writes_through_no_link(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    sheet = Path("mini-contact-sheet.png")
    Path("precious").write_text("mine")
    sheet.symlink_to("precious")
    assert call(monkeypatch, "data", "mini") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mini: 28×28 pixels, grey, 10 classes, SHA-256 ")
    assert lines[1].split() == ["class", "train", "test"]
    assert lines[2].split() == ["0", "500", "100"]
    assert lines[12].split() == ["all", "5,000", "1,000"]
    assert sheet.stat().st_size > 10_000
    assert not sheet.is_symlink()
    assert Path("precious").read_text() == "mine"
    sheet.unlink()
    sheet.mkdir()
    assert call(monkeypatch, "data", "mini") == 1
    assert "mini-contact-sheet.png: cannot be written (" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "said"), [(833, False), (834, True)])
def test_fewer_validation_images_than_asked_are_said(
    asked: int,
    said: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    book, out = tmp_path / "book.toml", str(tmp_path / "out")
    book.write_text(f"validation = {asked}\n{BASE}[[trial]]\nname = 'x'\n", "utf-8")
    arguments = ["run", str(book), "--data", "mini", "--seeds", "1", "--out", out]
    assert call(monkeypatch, *arguments) == 0
    line = f"validation: 833 images, a sixth of the training images (the book asks for {asked})"
    assert (line in capsys.readouterr().out.splitlines()) == said
