"""The command line as a user meets it: what it prints, where, and with which exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnistlab import cli
from mnistlab.data import catalog
from mnistlab.data.catalog import Source
from tests.conftest import BASE


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mnistlab", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--sedes", "3"], "No such option: --sedes"),
        (["run", "--seeds", "three"], "Invalid value for '--seeds': "),
        (["run", "--seeds", "0"], "Invalid value for '--seeds': "),
        (["run", "--device", "gpu"], "'gpu' is not one of 'auto', 'cpu', 'cuda'"),
        (["run", "a", "b"], "Got unexpected extra argument"),
        (["rn"], "No such command 'rn'"),
        (["run", "none.toml"], "none.toml: no such book; give a TOML file or one of the books "
                               "that come with mnistlab"),
        (["run", "--data", "nowhere"], "nowhere: neither a known data set nor a folder"),
        (["run", "--data", "mini", "--only", "7"], "--only 7: no such trial in six-trials; it "
                                                   "has 1, 2, 3, 4, 5, 6"),
        (["run", "--data", "mini", "--out", "file"], "file: cannot be written (File exists); "
                                                     "give another --out"),
        (["run", "--data", "mini", "--device", "cuda"], "--device cuda: PyTorch finds no CUDA "
                                                        "device here"),
        (["run", "x" * 300], "no such book; give a TOML file"),
        (["run", "--data", "x" * 300], "neither a known data set nor a folder"),
        (["run", "long.toml"], 'long.toml: "seeds" must be a whole number from 1 to 1000, not a '
                               'number too long'),
        (["run", "bad.toml"], 'bad.toml: trial "x": unknown key "lr"; choose one of'),
        (["data", "."], "no train-images-idx3-ubyte or train-images-idx3-ubyte.gz; give a "
                        "folder with the four"),
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
    assert call(monkeypatch, *arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("mnistlab: ")
    assert said in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["bad.toml", "file", "long.toml"]
    assert Path("file").read_text() == "mine"


def test_when_nothing_can_be_downloaded_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path))
    nobody = Source(("http://127.0.0.1:9/",), ("0", "0", "0", "0"))  # nobody listens there
    monkeypatch.setitem(catalog.CATALOG, "mnist", nobody)
    assert call(monkeypatch, "run", "--out", str(tmp_path / "out")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "use --data mini, which needs none, or --data DIR with the four IDX files" in error


RUN = [
    "run", "--data", "mini", "--seeds", "1", "--epochs", "2", "--only", "1", "--only", "2",
    "--jobs", "1",
]  # fmt: skip


def test_piped_output_is_plain_lines_and_the_table(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mnistlab", *RUN, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, check=True)
    text = done.stdout.decode()
    assert "\x1b" not in text
    assert "\r" not in text
    lines = text.splitlines()
    share = "a sixth of the training images (the book asks for 10,000)"
    assert lines[0] == f"validation: 833 images, {share}"
    assert lines[1].startswith("1 of 2: trial 1 seed 0 done, epoch 2, validation loss ")
    assert lines[3].split()[:5] == ["trial", "n", "epoch", "train", "acc"]
    assert (
        lines[-1] == f"Report: {tmp_path / 'out' / 'report.html'}, {tmp_path / 'out' / 'report.md'}"
    )
    assert done.stderr == b""


def test_output_survives_an_old_windows_code_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mnistlab", *RUN, "--out", str(tmp_path / "out")]
    done = subprocess.run(
        command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, check=True
    )
    assert b"Report: " in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="pty is POSIX's")
def test_a_terminal_shows_live_progress(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mnistlab",
        *RUN,
        "--epochs",
        "40",
        "--out",
        str(tmp_path / "out"),
    ]
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    )
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
        b"validation: 833 images", b"trial 1 seed 0", b"validation loss", b"of 2 runs", b"left",
        b"Report: ",
    ):  # fmt: skip
        assert expected in shown


def test_an_interrupt_says_that_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mnistlab.lab.run_book", interrupted)
    assert call(monkeypatch, *RUN) == 1
    assert (
        "stopped; what is finished is stored, and the same command goes on from there"
        in capsys.readouterr().err
    )


def test_a_failed_run_gives_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("mnistlab.lab.LocalTrainer.__call__", failing)
    assert call(monkeypatch, *RUN, "--out", str(tmp_path)) == 1
    assert "trial 1, seed 0 failed: no luck" in capsys.readouterr().err


def failing(_: object, jobs: list[object], *__: object) -> object:
    from mnistlab.training.trainer import Failure

    yield from ((job, Failure("no luck")) for job in jobs)


def test_a_full_disk_is_named_and_what_is_stored_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(monkeypatch, *RUN, "--out", str(tmp_path)) == 0
    before = sorted(tmp_path.glob("*/run.json"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mnistlab.atomic._to_disk", full)
    assert call(monkeypatch, *RUN, "--seeds", "2", "--out", str(tmp_path)) == 2
    assert (
        f"{tmp_path}: cannot be written (No space left on device); give another --out"
        in capsys.readouterr().err
    )
    assert sorted(tmp_path.glob("*/run.json")) == before
    assert not list(tmp_path.glob(".tmp-*"))


@pytest.mark.skipif(
    not Path("/proc/self/attr").is_dir(),
    reason="/proc is Linux's folder that even root cannot write to",
)
def test_a_folder_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *RUN, "--out", "/proc/self/attr/out") == 2
    error = capsys.readouterr().err
    assert error.startswith("mnistlab: /proc/self/attr/out: cannot be written (")
    assert error.count("\n") == 1


def test_data_describes_a_set_and_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, "data", "mini") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mini: 28×28 pixels, 10 classes, SHA-256 ")
    assert lines[1] == "train   5,000 images; of each class" + 10 * " 500"
    assert lines[2] == "test    1,000 images; of each class" + 10 * " 100"
    assert Path("mini-contact-sheet.png").stat().st_size > 10_000


@pytest.mark.parametrize(("asked", "said"), [(833, False), (834, True)])
def test_fewer_validation_images_than_asked_are_said(
    asked: int,
    said: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    book = tmp_path / "book.toml"
    book.write_text(f"validation = {asked}\n{BASE}[[trial]]\nname = 'x'\n", "utf-8")
    assert (
        call(
            monkeypatch,
            "run",
            str(book),
            "--data",
            "mini",
            "--seeds",
            "1",
            "--out",
            str(tmp_path / "out"),
        )
        == 0
    )
    line = f"validation: 833 images, a sixth of the training images (the book asks for {asked})"
    assert (line in capsys.readouterr().out.splitlines()) == said
