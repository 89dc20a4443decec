"""The lab without PyTorch: all commands in an environment that `pip install .` made.

    python tests/light.py        with that environment's Python; CI runs it after the tests

Prints what each command took, and fails where one does not work, something heavy is installed, or
README's first command takes too long.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

MAX_SECONDS = 15  # of README's first command, on a machine that does nothing else; CI's may be busy
MAX_MEGABYTES = 500  # with pip and setuptools, which hold 27 of them
BUSY = 3  # how many times as long a busy machine may take
LAB = [sys.executable, "-m", "mnistlab"]
STROKES = '{"strokes": [[[0, 0], [60, 0], [20, 100]]]}\n'
DISPLAY = ":97"


def main() -> None:
    heavy = [name for name in ("torch", "sklearn", "pandas", "threadpoolctl") if find_spec(name)]
    assert not heavy, f"installed, and should not be: {heavy}"
    packages = Path(sysconfig.get_path("purelib"))
    megabytes = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) / 1e6
    print(f"packages: {megabytes:.0f} MB of files, pip's own among them")
    assert megabytes < MAX_MEGABYTES, "more is installed than before: see what came with it"
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "out"))
        seconds = timed("run", "--data", "mini", "--out", out)
        assert seconds < BUSY * MAX_SECONDS, f"README's first command took {seconds:.1f} s"
        run = next(Path(out).glob("*/run.json")).parent
        timed("report", out)
        timed("compare", out, "3", "4")
        timed("evaluate", str(run), "--data", "mini")
        timed("predict", "--strokes", "-", given=STROKES)
        timed("predict", "--model", out, "--strokes", "-", given=STROKES)
        command = [*LAB, "run", "--data", "mini", "--engine", "torch", "--out", out]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 2, refused
        assert "pip install torch" in refused.stderr, refused
    if find_spec("tkinter") and shutil.which("Xvfb"):
        open_a_window()


def timed(*arguments: str, given: str = "") -> float:
    """Run a command of the lab, print and return the seconds. Raises CalledProcessError."""
    started = time.perf_counter()
    subprocess.run([*LAB, *arguments], input=given, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    print(f"{seconds:6.2f} s  mnistlab {arguments[0]}")
    return seconds


def open_a_window() -> None:
    """See that `mnistlab draw` opens its window on a virtual screen and stays."""
    screen = subprocess.Popen(["Xvfb", DISPLAY], stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        window = subprocess.Popen([*LAB, "draw"], env={**os.environ, "DISPLAY": DISPLAY})
        time.sleep(5)
        assert window.poll() is None, "mnistlab draw ended by itself"
        window.terminate()
        window.wait()
        print("  open  mnistlab draw")
    finally:
        screen.terminate()
        screen.wait()


if __name__ == "__main__":
    main()
