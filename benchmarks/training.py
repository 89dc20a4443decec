"""How fast is training? Our engines against a tutorial's loop, other frameworks and the processor.

    python -m benchmarks.training --data DIR --out training.json

On one core, epochs are taken in turn, one of each contender (see `contenders.py`), so that a busy
moment hits all alike, and a loop of multiply-adds between them tells the core's peak; then the
whole machine, and the start (see `whole_machine.py`). Figures are medians.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contenders import EPOCH, Answer, Process, Task, start
from benchmarks.whole_machine import start_up, whole_machine
from mnistlab.book.trial import Network
from mnistlab.images import DIGITS
from mnistlab.training.native import library
from mnistlab.training.record import environment

SIX = tuple(Task("six-trials", str(number)) for number in range(1, 7))
TASKS = (*SIX, Task("next-questions", "second layer"), Task("drawing", "drawing", 10_000))
PEERS = {"keras-jax": ("keras", "jax"), "skorch": ("skorch",), "lightning": ("lightning",)}
FUSED = {"v4": "x86_64_v4", "v3": "x86_64_v3", "neon": "baseline"}  # variants that have them
PEAK_OF = {"native-avx2": "peak-avx2"}  # all others: peak
PARTS = ("one core", "whole machine", "start")

Rows = dict[str, list[Answer]]


def main() -> None:
    """Measure, print tables and write every figure."""
    options = arguments()
    peers = {name: modules for name, modules in PEERS.items() if all(map(find_spec, modules))}
    print("not installed, so not compared:", ", ".join(PEERS.keys() - peers.keys()) or "none")
    modules = ("torch", *(module for found in peers.values() for module in found))
    results: dict[str, Any] = {
        "environment": environment("native"),
        "versions": {module: version(module) for module in modules},
    }
    print(results["environment"]["processor"], results["versions"])
    tasks = [task for task in TASKS if task.trial in options.trials]
    for part in options.part:
        if part == "one core":
            found: Any = one_core(tasks, peers, options.data, options.repeats, options.core)
        elif part == "whole machine":
            chosen = [task for task in SIX if task in tasks]
            found = whole_machine(chosen, options.data, options.repeats, options.seeds)
        else:
            found = start_up(options.starts)
        results[part] = found
        options.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    trials = [task.trial for task in TASKS]
    parser.add_argument("--data", required=True, help="a folder with four IDX files, or mnist")
    parser.add_argument("--repeats", type=int, default=5, help="epochs of each contender")
    parser.add_argument("--starts", type=int, default=10, help="starts of each command")
    parser.add_argument("--seeds", type=int, default=10, help="runs per trial on the whole machine")
    parser.add_argument("--trials", nargs="+", default=trials, choices=trials)
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path, default=Path("training.json"))
    return parser.parse_args()


def one_core(
    tasks: Sequence[Task],
    peers: Iterable[str],
    data: str,
    repeats: int,
    core: int,
) -> list[dict[str, Any]]:
    """Epochs of every contender on each task, and the peak's loops."""
    results = []
    narrower = ["native-avx2"] if library.variant() == "v4" else []
    names = ["tutorial", "torch", "native", *narrower, *peers]
    with TemporaryDirectory() as folder, on_core(core), ExitStack() as stack:
        learners = [stack.enter_context(start(name, data)) for name in names]
        peaks = [stack.enter_context(peak) for peak in measures_of_peak(Path(folder))]
        for task in tasks:
            images = [int(learner.ask(task)["images"]) for learner in learners]
            for process in (*learners, *peaks):
                process.ask(EPOCH)  # before the clock starts: JAX compiles in it
            rows: Rows = {process.name: [] for process in (*learners, *peaks)}
            for _ in range(repeats):
                for process in (*learners, *peaks):
                    rows[process.name].append(process.ask(EPOCH))
            work = images[0] * operations(task.read().network)
            print_task(task, images[0], work, rows)
            results.append({**task._asdict(), "operations": work, "epochs": rows})
    return results


def measures_of_peak(folder: Path) -> Iterator[Process]:
    """Start the loop of peak.c, built as the engine's variant is, and for AVX2 beside AVX-512."""
    best = library.variant()
    wanted = {"peak": best} | ({"peak-avx2": "v3"} if best == "v4" else {})
    for name, variant in wanted.items():
        if variant in FUSED:
            source, program = Path(__file__).with_name("peak.c"), folder / f"{name}.exe"
            machine = f"-mcpu={FUSED[variant]}"
            compiler = [sys.executable, "-m", "ziglang", "cc", "-O3", machine]
            subprocess.run([*compiler, source, "-o", program], check=True)
            yield Process(name, [program])


def operations(network: Network) -> int:
    """Multiplications and additions to learn from one image, of convolutions and linear layer.

    Two for each weight each time it is used: for the output, for the gradient of the weights, and
    for that of the layer's input, which the first layer need not have.
    """
    shapes, products = pairwise(network.shapes()), []
    for conv, ((channels, side), _) in zip(network.conv, shapes, strict=True):
        filters = conv.out * channels * conv.kernel**2
        products.append(filters * conv.side_before_pool(side) ** 2)
    products.append(network.features() * len(DIGITS))
    return 2 * (3 * sum(products) - products[0])


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


def print_task(task: Task, images: int, work: int, rows: Rows) -> None:
    """A line a contender: seconds an epoch, how they compare, and the share of the core's peak."""
    peaks = {name: rows[name] for name in rows if name.startswith("peak")}
    learners = {name: rows[name] for name in rows if name not in peaks}
    seconds = {name: median_of(answers, "wall") for name, answers in rows.items()}
    most = {name: peaks[name][0]["operations"] / seconds[name] for name in peaks}
    n = len(rows["native"])
    print(f"\n{task.book}, {task.trial}: {images:,} images, {work / 1e9:.1f} GFLOP, n = {n}")
    print(f"{'':<13}  s/epoch    cpu s  tutorial ÷  torch ÷  GFLOP/s  of peak    MiB")
    for name, answers in learners.items():
        speed, peak = work / seconds[name], most.get(PEAK_OF.get(name, "peak"))
        share = f"{speed / peak:.0%}" if peak else ""
        gains = [seconds[slower] / seconds[name] for slower in ("tutorial", "torch")]
        memory = max(answer["bytes"] for answer in answers) / 2**20
        print(
            f"{name:<13}{seconds[name]:>9.3f}{median_of(answers, 'cpu'):>9.3f}{gains[0]:>12.2f}"
            f"{gains[1]:>9.2f}{speed / 1e9:>9.1f}{share:>9}{memory:>7.0f}"
        )
    for name, speed in most.items():
        print(f"{name:<13}{speed / 1e9:>48.1f}")
    sys.stdout.flush()


def median_of(answers: Sequence[Answer], figure: str) -> float:
    return median(answer[figure] for answer in answers)


if __name__ == "__main__":
    main()
