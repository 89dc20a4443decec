"""Nothing leaves the machine, and nothing is written outside the lab's own folders.

Each command runs under strace, where it can be had in a network namespace of its own, and every
socket, connection and file opened for writing is looked at.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

STROKES = '{"strokes": [[[0, 0], [60, 0], [20, 100]]]}\n'
RUN = ["run", "--data", "mini", "--epochs", "1", "--seeds", "1", "--only", "1", "--jobs", "1"]
DRAW_SECONDS = 4  # python -m tests.slow.offline: 30
DEVICES = ("/dev/null", "/dev/tty", "/dev/shm/", "/proc/self/")  # no files, or gone with a process
OPENED = re.compile(r'open(?:at)?\(.*?"(?P<path>[^"]*)", (?P<flags>\S+?)[,)].* = (?P<result>-?\d+)')

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace (Linux)")


class Watched:
    """A folder of its own for all that the lab may write, and the commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        for name in ("home", "cache", "tmp"):
            (folder / name).mkdir()

    def run(self, *command: str, given: str = "", seconds: float = 60, **variables: str) -> None:
        """Run a command of the lab, `seconds` at most, and see what it opened."""
        log = self.folder / "strace.log"
        traced = ["strace", "-f", "-qq", "-s", "300", "-o", str(log)]
        traced += ["-e", "trace=socket,connect,open,openat", sys.executable, "-m", "mnistlab"]
        alone = ["unshare", "-rn"] if can_be_alone() else []
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.folder / "tmp"),
            "MNISTLAB_CACHE": str(self.folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1",
        } | variables  # fmt: skip
        started = [*alone, "timeout", "--signal=KILL", str(seconds), *traced, *command]
        done = subprocess.run(
            started, input=given, env=environment, cwd=self.folder / "tmp", check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode in (0, -9, 137), done.stderr
        assert list(foreign(log.read_text(errors="replace"), self.folder)) == []
        assert list(self.home.iterdir()) == []


def can_be_alone() -> bool:
    """Whether a process may have a network of its own, with nothing in it."""
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def foreign(log: str, folder: Path) -> Iterator[str]:
    """The lines of strace's log that reach out: to the internet, a resolver, or others' files."""
    for line in log.splitlines():
        if "AF_INET" in line or "resolv" in line:
            yield line
        if found := OPENED.search(line):
            writes = {"O_WRONLY", "O_RDWR", "O_CREAT"} & set(found["flags"].split("|"))
            allowed = found["path"].startswith((str(folder), *DEVICES))
            inside = not found["path"].startswith("/")  # of the folder it runs in
            if writes and int(found["result"]) >= 0 and not allowed and not inside:
                yield line


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_what_reaches_out_is_seen(tmp_path: Path) -> None:
    lines = [
        '7 socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 5',
        '7 openat(AT_FDCWD, "/root/.cache/x", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 4',
        '7 openat(AT_FDCWD, "/root/.cache/x", O_RDONLY|O_CLOEXEC) = 4',
        '7 openat(AT_FDCWD, "/root/.cache/y", O_RDWR|O_CREAT, 0666) = -1 EACCES (denied)',
        f'7 openat(AT_FDCWD, "{tmp_path}/x", O_RDWR|O_CREAT, 0666) = 4',
        '7 socket(AF_UNIX, SOCK_STREAM, 0) = 5',
    ]  # fmt: skip
    assert list(foreign("\n".join(lines), tmp_path)) == lines[:2]


def test_training_and_reporting_reach_nowhere(watched: Watched) -> None:
    out = str(watched.folder / "out")
    watched.run(*RUN, "--out", out)
    watched.run("report", out)


def test_predicting_reaches_nowhere(watched: Watched) -> None:
    watched.run("predict", "--strokes", "-", given=STROKES)


def test_the_window_reaches_nowhere(watched: Watched) -> None:
    pytest.importorskip("tkinter")
    if not shutil.which("Xvfb"):
        pytest.skip("needs Xvfb")
    draw(watched, DRAW_SECONDS)


def draw(watched: Watched, seconds: float) -> None:
    """Leave the window open for so long."""
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-nolisten", "tcp"], pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as display:
            number = display.readline().strip()
        watched.run("draw", seconds=seconds, DISPLAY=f":{number}")
    finally:
        screen.terminate()
        screen.wait()
