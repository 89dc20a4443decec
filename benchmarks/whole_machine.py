"""The whole machine: runs from command to report, their memory, and how long a start takes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.contenders import EPOCH, Task, held, start

EPOCHS = 20  # of a whole run, as in the book
BETWEEN_LOOKS = 0.5  # seconds, at the memory
TUTORIALS = ("tutorial, one after another", "tutorial, one a core")
LAB = (sys.executable, "-m", "mnistlab", "run")
SHORT = ("--data", "mini", "--seeds", "1", "--epochs", "1", "--only", "1")
IMPORTS = (sys.executable, "-c", "import numpy, matplotlib.pyplot")


def whole_machine(tasks: Sequence[Task], data: str, repeats: int, seeds: int) -> dict[str, Any]:
    """Seconds of all runs of `seeds` seeds: the tutorial's, estimated from epochs, and ours.

    For the first task, then for all.
    """
    cores = os.cpu_count() or 1
    single, many = tutorial_epochs(tasks, data, repeats, cores)
    results: dict[str, Any] = {
        "seeds": seeds,
        "epochs": {"all threads": single, "one a core": many},
    }
    for chosen in [tasks[:1], tasks][: len(tasks)]:
        names = [task.trial for task in chosen]
        ours, peak = lab(names, data, seeds)
        rows = {
            TUTORIALS[0]: sum(single[name] for name in names) * EPOCHS * seeds,
            TUTORIALS[1]: sum(many[name] for name in names) * EPOCHS * seeds / cores,
            "mnistlab run": ours,
        }
        print_runs(names, seeds, rows, peak)
        results[" ".join(names)] = {"seconds": rows, "peak_bytes": peak, "memory": kind_of_memory()}
    return results


def print_runs(names: Sequence[str], seeds: int, rows: dict[str, float], peak: int) -> None:
    """A line for each way to train them all."""
    runs = seeds * len(names)
    print(f"\ntrials {' '.join(names)}, {seeds} seeds: {runs} runs of {EPOCHS} epochs")
    print(f"{'':<30}  seconds  runs/hour  one after another ÷  one a core ÷")
    for name, seconds in rows.items():
        gains = [rows[tutorial] / seconds for tutorial in TUTORIALS]
        rate = 3600 * runs / seconds
        print(f"{name:<30}{seconds:>9.1f}{rate:>11.0f}{gains[0]:>21.2f}{gains[1]:>14.2f}")
    print(
        f"peak memory of command and workers: {peak / 2**20:.0f} MiB, {kind_of_memory()}",
        flush=True,
    )


def tutorial_epochs(
    tasks: Sequence[Task], data: str, repeats: int, cores: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds of an epoch with its validation, by trial.

    Of one process with PyTorch's default threads, and of one per core with one thread each.
    """
    single, many, name = {}, {}, "tutorial-validating"
    with ExitStack() as stack:
        alone = stack.enter_context(start(name, data))
        one_thread = {"OMP_NUM_THREADS": "1"}
        group = [stack.enter_context(start(name, data, one_thread)) for _ in range(cores)]
        for task in tasks:
            for process in (alone, *group):
                process.ask(task)
                process.ask(EPOCH)
            ones, twos = [], []
            for _ in range(repeats):
                ones.append(alone.ask(EPOCH)["wall"])
                for process in group:
                    process.tell(EPOCH)
                twos.append(max(process.answer()["wall"] for process in group))
            single[task.trial], many[task.trial] = median(ones), median(twos)
    return single, many


def lab(trials: Sequence[str], data: str, seeds: int) -> tuple[float, int]:
    """Seconds of `mnistlab run`, command to report, with an empty cache; the peak of its memory."""
    only = [word for trial in trials for word in ("--only", trial)]
    with TemporaryDirectory() as folder:
        peak = [0]
        begun = time.perf_counter()
        process = run([*LAB, "--data", data, "--seeds", str(seeds), *only], Path(folder))
        threading.Thread(target=watch, args=(process.pid, peak), daemon=True).start()
        if process.wait():
            raise SystemExit("mnistlab run failed")
        return time.perf_counter() - begun, peak[0]


def run(command: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    """Start `mnistlab run` with its results and its cache in a folder."""
    environment = {**os.environ, "MNISTLAB_CACHE": str(folder / "cache")}
    command = [*command, "--out", str(folder / "out")]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)


def watch(process: int, peak: list[int]) -> None:
    """Keep the peak of what a process and its descendants hold, until it ends."""
    while psutil.pid_exists(process):
        with suppress(psutil.Error):  # a member has ended meanwhile
            parent = psutil.Process(process)
            members = [parent, *parent.children(recursive=True)]
            peak[0] = max(peak[0], sum(map(held, members)))
        time.sleep(BETWEEN_LOOKS)


def kind_of_memory() -> str:
    """What `held` counts here."""
    shared = hasattr(psutil.Process().memory_full_info(), "pss")
    return "shared pages counted once (PSS)" if shared else "resident, shared pages more than once"


def start_up(repeats: int) -> dict[str, Any]:
    """Seconds of one epoch of a run of `mini`, command to report, and of bare imports, in turn."""
    commands = {"mnistlab run": short_run, "imports": imports}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        command()  # compiled and in the system's cache from here on
    for _ in range(repeats):
        for name, command in commands.items():
            begun = time.perf_counter()
            command()
            seconds[name].append(time.perf_counter() - begun)
    ours, bare = (median(seconds[name]) for name in commands)
    print(f"\none epoch of one run of mini, command to report: {ours:.2f} s, ", end="")
    print(f"bare imports: {bare:.2f} s, ratio {ours / bare:.2f}, n = {repeats}", flush=True)
    return seconds


def short_run() -> None:
    with TemporaryDirectory() as folder:
        if run([*LAB, *SHORT], Path(folder)).wait():
            raise SystemExit("mnistlab run failed")


def imports() -> None:
    subprocess.run(IMPORTS, check=True)
