"""Whether the native engine gives the same bits on every processor: its self-test, built for each.

    python -m tests.slow.processors

Runs on this machine's variants; on ARM under `qemu-aarch64`, on Windows under `wine`, where those
programs are installed. AVX2, AVX-512, NEON and Windows must print the very same lines; x86-64-v2,
without fused multiply-adds, may differ in bits, and its losses by a thousandth. A table is printed;
the exit status is 1 where anything differs. Needs ziglang, and no mnistlab.
"""

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from hatch_build import COMPILE, TARGETS, X86, this_machine

SOURCE = Path(__file__).parent / "selftest.c"
UNFUSED = "v2"
CLOSE = 1e-3  # of a loss without fused multiply-adds: |loss - reference| / |reference|
DEBIAN = {"qemu-aarch64": "qemu-user", "wine": "wine64"}
QUIET = {"WINEDEBUG": "-all", "DISPLAY": ""}


class Program(NamedTuple):
    """The self-test for one processor: where zig builds it for, and what runs it, if anything."""

    name: str
    triple: str
    variant: str
    processor: str
    runner: str = ""


class Line(NamedTuple):
    """What the self-test printed of one network: all losses, a hash of everything computed."""

    name: str
    loss: float
    hash: str


def main() -> None:
    argparse.ArgumentParser(description="Compare the native engine's bits on all processors.").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        found = {program: _timed(program, work) for program in wanted(work)}
    lines = {program: printed for program, (printed, _) in found.items()}
    reference = reference_of(lines)
    print(f"{'program':30} {'lines':>5} {'same bits':>9} {'loss off':>9} {'seconds':>7}")
    for program, (printed, seconds) in found.items():
        same = sum(a == b for a, b in zip(printed, reference, strict=True))
        off = worst(printed, reference)
        print(f"{program.name:30} {len(printed):5} {same:9} {off:9.1e} {seconds:7.1f}")
    faults = differences(lines)
    print(*faults, sep="\n")
    sys.exit(bool(faults))


def wanted(work: Path) -> list[Program]:
    """This machine's variants that its processor has, ARM and Windows where something runs them."""
    programs = native(work)
    variants = [program.variant for program in programs]
    programs.append(Program("ARM, qemu", "aarch64-linux-musl", "neon", "baseline", "qemu-aarch64"))
    windows = TARGETS["windows-amd64"].triple
    programs += [
        Program(f"Windows {name}, wine", windows, name, X86[name], "wine")
        for name in variants
        if name in X86
    ]
    missing = {p.runner for p in programs if p.runner and not shutil.which(p.runner)}
    for runner in sorted(missing):
        print(f"skipped what needs {runner}: Debian's package {DEBIAN[runner]} brings it")
    return [program for program in programs if program.runner not in missing]


def native(work: Path) -> list[Program]:
    """This machine's variants, the least first, as far as its processor has them."""
    machine = this_machine()
    if not machine:
        raise SystemExit("ziglang builds nothing for this machine")
    triple, processors = TARGETS[machine].triple, TARGETS[machine].processors
    programs = [Program(f"{machine} {name}", triple, name, cpu) for name, cpu in processors.items()]
    best = int(run(programs[0], build(programs[0], work), work, "level"))
    return [p for p in programs if p.variant not in X86 or list(X86).index(p.variant) <= best - 2]


def build(program: Program, work: Path) -> Path:
    """Compile the self-test as the engine is compiled; zig's caches stay in the folder."""
    built = work / f"{program.triple}-{program.variant}.exe"
    if not built.exists():
        machine = ["-target", program.triple, f"-mcpu={program.processor}"]
        static = ["-static"] if "musl" in program.triple else []
        command = ["cc", *machine, *COMPILE, *static, SOURCE, "-o", built]
        caches = {key: str(work / "cache") for key in ("ZIG_LOCAL_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR")}
        subprocess.run([sys.executable, "-m", "ziglang", *command], env=os.environ | caches, check=True)
    return built


def run(program: Program, built: Path, work: Path, *arguments: str) -> str:
    """What the self-test prints."""
    command = [*([program.runner] if program.runner else []), str(built), *arguments]
    environment = os.environ | QUIET | {"WINEPREFIX": str(work / "wine")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def lines_of(program: Program, work: Path) -> list[Line]:
    """The self-test's lines on that processor."""
    rows = [line.rsplit(maxsplit=2) for line in run(program, build(program, work), work).splitlines()]
    return [Line(name, float.fromhex(loss), bits) for name, loss, bits in rows]


def _timed(program: Program, work: Path) -> tuple[list[Line], float]:
    build(program, work)
    started = time.perf_counter()
    return lines_of(program, work), time.perf_counter() - started


def reference_of(lines: dict[Program, list[Line]]) -> list[Line]:
    """The lines of the first program with fused multiply-adds, or of the only ones there are."""
    return next((p for program, p in lines.items() if fused(program)), next(iter(lines.values())))


def fused(program: Program) -> bool:
    """Whether the processor has fused multiply-adds, and so the same bits."""
    return program.variant != "v2"


def differences(lines: dict[Program, list[Line]]) -> list[str]:
    """A sentence for each line that must have other bits, or a loss that is nearer."""
    return [
        f"{program.name}: {ours.name}: {ours.loss!r} {ours.hash}, not {theirs.loss!r} {theirs.hash}"
        for program, printed in lines.items()
        for ours, theirs in zip(printed, reference_of(lines), strict=True)
        if (ours.hash != theirs.hash if fused(program) else _off(ours, theirs) > CLOSE)
    ]


def _off(ours: Line, theirs: Line) -> float:
    """|loss - reference| / |reference|; infinite where only one of them is NaN."""
    if math.isnan(ours.loss) or math.isnan(theirs.loss):
        return 0.0 if math.isnan(ours.loss) and math.isnan(theirs.loss) else math.inf
    return abs(ours.loss - theirs.loss) / abs(theirs.loss)


if __name__ == "__main__":
    main()
