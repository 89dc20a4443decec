"""How fast is training? Our engines against the loop of any tutorial, other frameworks, and the floor.

    python benchmarks/training.py --data DIR --out training.json     (about ten minutes on an idle machine)

Each contender (see `contenders.py`) lives in a process of its own. On one core, epochs are taken in turn, one of each
contender, so that a busy moment hits all alike; then the whole machine, runs an hour, start to report. Medians.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from mnistlab.training.record import environment

HERE = Path(__file__).parent
TRIALS = ("1", "2", "3", "4", "5", "6")
OURS = ("tutorial", "tutorial-unflushed", "autograd", "direct", "floor")
PEERS = {"keras-jax": ("keras", "jax"), "skorch": ("skorch",), "lightning": ("lightning",)}
WARM_UP = 1  # epochs before the clock starts
UNFLUSHED_WARM_UP = 3  # denormals take a few epochs to gather
EPOCHS = 20  # of a whole run


class Contender:
    """A process that trains an epoch when asked to."""

    def __init__(self, name: str, data: str) -> None:
        self.name = name
        command = [sys.executable, "-W", "ignore", str(HERE / "contenders.py"), name, data]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def tell(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, float]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: ended; try: python {HERE / 'contenders.py'} {self.name} DATA")
        answer: dict[str, float] = json.loads(line)
        return answer

    def ask(self, command: str) -> dict[str, float]:
        self.tell(command)
        return self.answer()

    def __enter__(self) -> "Contender":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def one_core(names: Sequence[str], trials: Sequence[str], data: str, repeats: int, core: int) -> dict[str, Any]:
    """Epochs of each contender on each trial: {trial: {contender: [answers]}}."""
    results: dict[str, Any] = {}
    with on_core(core), ExitStack() as stack:
        contenders = [stack.enter_context(Contender(name, data)) for name in names]
        for trial in trials:
            rows: dict[str, Any] = {name: [] for name in names}
            for contender in contenders:
                contender.ask(f"build {trial}")
                for _ in range(UNFLUSHED_WARM_UP if "unflushed" in contender.name else WARM_UP):
                    contender.ask("epoch")
            for _ in range(repeats):
                for contender in contenders:
                    rows[contender.name].append(contender.ask("epoch"))
            results[trial] = rows
            print_trial(trial, rows)
    return results


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started meanwhile runs on that core alone, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} if core in everywhere else everywhere)
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


def print_trial(trial: str, rows: dict[str, Any]) -> None:
    """Seconds an epoch of each contender, median over the repeats (by CPU time too), and what it compares with."""
    wall, cpu = (
        {name: median(answer[clock] for answer in answers) for name, answers in rows.items()}
        for clock in ("wall", "cpu")
    )
    print(f"\ntrial {trial}, n = {len(rows['direct'])}")
    print(f"{'':<20}{'s/epoch':>9}{'cpu s':>9}{'tutorial ÷':>12}{'by cpu':>9}{'÷ floor':>9}{'by cpu':>9}{'MiB':>7}")
    for name, answers in rows.items():
        ratios = [f"{base[name]:.3f}" for base in (wall, cpu)]
        gains = [f"{base['tutorial'] / base[name]:.2f}" for base in (wall, cpu)]
        floors = [f"{base[name] / base['floor']:.2f}" for base in (wall, cpu)]
        mebibytes = max(answer["bytes"] for answer in answers) / 2**20
        print(
            f"{name:<20}{ratios[0]:>9}{ratios[1]:>9}{gains[0]:>12}{gains[1]:>9}{floors[0]:>9}{floors[1]:>9}{mebibytes:>7.0f}"
        )
    sys.stdout.flush()


def whole_machine(trials: Sequence[str], data: str, repeats: int, seeds: int) -> dict[str, Any]:
    """Seconds of all runs of `seeds` seeds: the tutorial's loop in two ways, from epochs, and ours, by the clock."""
    single, paired = tutorial_epochs(trials, data, repeats)
    results: dict[str, Any] = {"seeds": seeds, "epochs": {"one after another": single, "two at once": paired}}
    for chosen in (trials[:1], trials) if len(trials) > 1 else (trials,):
        runs = seeds * len(chosen)
        rows = {
            "tutorial, one after another": sum(single[trial] for trial in chosen) * EPOCHS * seeds,
            "tutorial, two at once": sum(paired[trial] for trial in chosen) * EPOCHS * seeds / 2,
        }
        rows["mnistlab run"], held, seconds = lab(chosen, data, seeds)
        print(f"\nwhole machine, trials {' '.join(chosen)}, {seeds} seeds: {runs} runs of {EPOCHS} epochs")
        print(f"{'':<30}{'seconds':>9}{'runs/hour':>11}{'tutorial ÷':>12}")
        for name, duration in rows.items():
            gain = rows["tutorial, one after another"] / duration
            print(f"{name:<30}{duration:>9.1f}{3600 * runs / duration:>11.0f}{gain:>12.2f}")
        print(f"peak memory of the lab and its workers: {held / 2**20:.0f} MiB")
        results[" ".join(chosen)] = {"seconds": rows, "peak_bytes": held, "epoch_seconds": seconds}
    return results


def tutorial_epochs(trials: Sequence[str], data: str, repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds of an epoch with its validation: of one process with all threads, and of two with one each."""
    single, paired = {}, {}
    with ExitStack() as stack:
        alone = stack.enter_context(Contender("tutorial-validating", data))
        os.environ["OMP_NUM_THREADS"] = "1"
        pair = [stack.enter_context(Contender("tutorial-validating", data)) for _ in range(2)]
        del os.environ["OMP_NUM_THREADS"]
        for trial in trials:
            for contender in (alone, *pair):
                contender.ask(f"build {trial}")
                contender.ask("epoch")
            ones, twos = [], []
            for _ in range(repeats):
                ones.append(alone.ask("epoch")["wall"])
                for contender in pair:
                    contender.tell("epoch")
                twos.append(max(contender.answer()["wall"] for contender in pair))
            single[trial], paired[trial] = median(ones), median(twos)
    return single, paired


def lab(trials: Sequence[str], data: str, seeds: int) -> tuple[float, int, dict[str, Any]]:
    """Seconds of `mnistlab run`, start to report; the peak of its memory; seconds of each epoch, by trial and seed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mnistlab", "run", "--data", data, "--seeds", str(seeds), "--out", folder]
        only = [word for trial in trials for word in ("--only", trial)]
        fresh_cache = {**os.environ, "MNISTLAB_CACHE": f"{folder}/cache"}
        started = time.perf_counter()
        process = subprocess.Popen([*command, *only], stdout=subprocess.DEVNULL, env=fresh_cache)
        peak = [0]
        watcher = threading.Thread(target=watch, args=(process.pid, peak), daemon=True)
        watcher.start()
        if process.wait():
            raise SystemExit("mnistlab run failed")
        duration = time.perf_counter() - started
        records = [json.loads(path.read_text("utf-8")) for path in Path(folder).glob("*/run.json")]
        seconds = {f"{r['trial']} {r['seed']}": [epoch["seconds"] for epoch in r["history"]] for r in records}
    return duration, peak[0], seconds


def watch(process: int, peak: list[int]) -> None:
    """Keep the peak of what a process and its descendants hold, shared pages counted once where the system tells."""
    while True:
        try:
            parent = psutil.Process(process)
            members = [parent, *parent.children(recursive=True)]
            total = 0
            for member in members:
                memory = member.memory_full_info()
                total += int(getattr(memory, "pss", memory.rss))
        except psutil.NoSuchProcess:
            if not psutil.pid_exists(process):
                return
            continue
        peak[0] = max(peak[0], total)
        time.sleep(0.5)


def main() -> None:
    """Measure, print tables and write every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder with four IDX files, or mnist")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", nargs="+", default=TRIALS, choices=TRIALS)
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    parser.add_argument("--part", choices=("one-core", "whole-machine"), help="this part only")
    parser.add_argument("--out", type=Path, default=Path("training.json"))
    options = parser.parse_args()
    peers = [name for name, modules in PEERS.items() if all(map(find_spec, modules))]
    missing = [name for name in PEERS if name not in peers]
    print("not installed, so not compared: " + ", ".join(missing) if missing else "all peers installed", flush=True)
    results: dict[str, Any] = {"environment": environment(), "blas": blas()}
    print(results["environment"]["processor"], results["blas"])
    if options.part != "whole-machine":
        results["one core"] = one_core([*OURS, *peers], options.trials, options.data, options.repeats, options.core)
    if options.part != "one-core":
        results["whole machine"] = whole_machine(options.trials, options.data, options.repeats, options.seeds)
    options.out.write_text(json.dumps(results, indent=1), "utf-8")


def blas() -> list[str]:
    """The libraries that NumPy's products use, and the kernels that they chose for this processor."""
    import numpy as np  # noqa: F401
    from threadpoolctl import threadpool_info

    return [f"{found['internal_api']} {found.get('architecture', '')}" for found in threadpool_info()]


if __name__ == "__main__":
    main()
