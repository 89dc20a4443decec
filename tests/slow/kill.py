"""Kill a lab at random moments, twenty times, and see that nothing is lost, trained twice, or
different.

    python tests/slow/kill.py [--kills 20] [--seed 0] [--until-decided]

A book on `mini` is run undisturbed with one process. Then a lab with two processes is started on an
empty folder again and again; each time `kill -9` ends it after a random while, until `--kills`
kills are done, a new folder being begun whenever one is finished. After each kill: finished runs
keep their files untouched. In the end the weights of every folder are bit-equal to the undisturbed
ones.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEEDS = 4
COMMAND = [
    sys.executable, "-m", "mnistlab", "run", "--data", "mini", "--seeds", str(SEEDS),
    "--epochs", "8",
]  # fmt: skip
WEIGHTS = "weights.safetensors"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Kill a lab at random moments and see that nothing is lost."
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--until-decided", action="store_true", help="add seeds, 3 to 12")
    options = parser.parse_args()
    if options.until_decided:
        COMMAND.extend(["--until-decided", "--seeds", "3", "--max-seeds", "12"])
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        started = time.perf_counter()
        subprocess.run(
            [*COMMAND, "--jobs", "1", "--out", whole], check=True, stdout=subprocess.DEVNULL
        )
        runs = len(_runs(whole))
        longest = time.perf_counter() - started
        kills, rounds, reused = 0, 0, 0
        while kills < options.kills:
            rounds += 1
            out = Path(folder, f"killed-{rounds}")
            # so that kills hit the sharing of the split too
            os.environ["MNISTLAB_CACHE"] = str(Path(folder, f"cache-{rounds}"))
            while kills < options.kills and _killed(out, chance.uniform(0.5, longest)):
                kills += 1
                reused += _finish_check(out)
                print(f"kill {kills}: {len(_runs(out))} of {runs} runs were finished", flush=True)
            subprocess.run(
                [*COMMAND, "--jobs", "2", "--out", out], check=True, stdout=subprocess.DEVNULL
            )
            _compare(whole, out)
    print(f"{kills} kills in {rounds} folders of {runs} runs: no finished run touched "
          f"({reused} checks), "
          "all final weights bit-equal to those of an undisturbed run")  # fmt: skip


def _killed(out: Path, after: float) -> bool:
    """Start a lab and kill it after some seconds; False if it finished first."""
    before = _stamps(out)
    lab = subprocess.Popen(
        [*COMMAND, "--jobs", "2", "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, errors = lab.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.kill(lab.pid, signal.SIGKILL)
        lab.wait()
    else:
        assert lab.returncode == 0, errors.decode()
    after_stamps = _stamps(out)
    assert all(after_stamps[path] == stamp for path, stamp in before.items()), (
        "a finished run was touched"
    )
    return lab.returncode != 0


def _finish_check(out: Path) -> int:
    """Every folder under a run's own name is complete."""
    folders = _runs(out)
    for path in folders:
        names = sorted(file.name for file in path.iterdir())
        assert names == ["model.onnx", "predictions.npy", "run.json", "weights.safetensors"], (
            path,
            names,
        )
    return len(folders)


def _compare(whole: Path, out: Path) -> None:
    expected, found = (
        {run.name: (run / WEIGHTS).read_bytes() for run in _runs(folder)} for folder in (whole, out)
    )
    assert len(expected) >= 6 * 3
    assert found == expected, "weights differ from an undisturbed run's"


def _stamps(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for run in _runs(out) for path in run.iterdir()}


def _runs(out: Path) -> list[Path]:
    """Folders under a run's own name; a kill may leave one under a temporary name, which is
    removed an hour later.
    """
    return [path for path in out.glob("*") if len(path.name) == 16 and path.is_dir()]


if __name__ == "__main__":
    main()
