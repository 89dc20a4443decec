"""Whether the native engine gives the same bits on every processor: its self-test, built for each.

    python -m tests.slow.processors

Runs on this machine's variants; on ARM under `qemu-aarch64`, on Windows under `wine`, where those
programs are installed. AVX2, AVX-512, NEON and Windows must print the very same lines; x86-64-v2,
without fused multiply-adds, may differ in bits where networks train, its losses by a thousandth.
A table is printed; the exit status is 1 where anything differs. Needs ziglang.
"""

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from hatch_build import COMPILE, TARGETS, X86, this_machine

SOURCE = Path(__file__).parent / "selftest.c"
CLOSE = 1e-3  # of a loss without fused multiply-adds: |loss - reference| / |reference|
DEBIAN = {"qemu-aarch64": "qemu-user", "wine": "wine64"}
CACHES = ("ZIG_LOCAL_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR")
QUIET = {"WINEDEBUG": "-all", "DISPLAY": ""}


class Program(NamedTuple):
    """The self-test for one processor: where zig builds it for, and what runs it, if anything."""

    name: str
    triple: str
    variant: str
    processor: str
    runner: str = ""


class Line(NamedTuple):
    """What the self-test printed of one network: its losses, a hash of all that was computed."""

    name: str
    loss: str
    hash: str


def main() -> None:
    argparse.ArgumentParser(description="Compare the native engine's bits.").parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # wine may still write
        work = Path(folder)
        lines = {program: lines_of(program, work) for program in wanted(work)}
    print(f"{'program':24} {'lines':>5} {'same bits':>9} {'loss off':>9}")
    reference = reference_of(lines)
    for program, printed in lines.items():
        same = sum(ours == theirs for ours, theirs in zip(printed, reference, strict=True))
        off = max(loss_off(ours, theirs) for ours, theirs in zip(printed, reference, strict=True))
        print(f"{program.name:24} {len(printed):5} {same:9} {off:9.1e}")
    faults = differences(lines)
    if faults:
        sys.exit("\n".join(faults))


def wanted(work: Path) -> list[Program]:
    """This machine's variants that its processor has, ARM and Windows where something runs them."""
    programs = native(work)
    variants = [program.variant for program in programs if program.variant in X86]
    programs.append(Program("ARM, qemu", "aarch64-linux-musl", "neon", "baseline", "qemu-aarch64"))
    triple = TARGETS["windows-amd64"].triple
    programs += [Program(f"Windows {v}, wine", triple, v, X86[v], "wine") for v in variants]
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
        zig = [sys.executable, "-m", "ziglang", "cc"]
        command: list[str | Path] = [*zig, *machine, *COMPILE, *static, SOURCE, "-o", built]
        caches = dict.fromkeys(CACHES, str(work / "cache"))
        subprocess.run(command, env=os.environ | caches, check=True)
    return built


def run(program: Program, built: Path, work: Path, *arguments: str) -> str:
    """What the self-test prints."""
    command = [*([program.runner] if program.runner else []), str(built), *arguments]
    environment = os.environ | QUIET | {"WINEPREFIX": str(work / "wine")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def lines_of(program: Program, work: Path) -> list[Line]:
    """Build and run the self-test for that processor."""
    printed = run(program, build(program, work), work)
    return [Line(*line.rsplit(maxsplit=2)) for line in printed.splitlines()]


def fused(program: Program) -> bool:
    """Whether the processor has fused multiply-adds: all that have them give the same bits."""
    return program.variant != "v2"


def reference_of(lines: dict[Program, list[Line]]) -> list[Line]:
    """The lines of the first program with fused multiply-adds; of any where none has them."""
    first = min(lines, key=lambda program: not fused(program))
    return lines[first]


def differences(lines: dict[Program, list[Line]]) -> list[str]:
    """A sentence for each line that must have the same bits, or a loss close by, and has not."""
    return [
        f"{program.name}, {ours.name}: {ours.loss} {ours.hash}, not {theirs.loss} {theirs.hash}"
        for program, found in lines.items()
        for ours, theirs in zip(found, reference_of(lines), strict=True)
        if not agree(program, ours, theirs)
    ]


def agree(program: Program, ours: Line, theirs: Line) -> bool:
    """Whether the bits are the same, or close enough where multiply-adds are not fused."""
    if fused(program) or ours.name.startswith("warp"):  # warping never fuses
        return ours == theirs
    return loss_off(ours, theirs) < CLOSE


def loss_off(ours: Line, theirs: Line) -> float:
    """|loss - reference| / |reference|, infinite where one of them alone is NaN."""
    loss, reference = float.fromhex(ours.loss), float.fromhex(theirs.loss)
    if math.isnan(loss) or math.isnan(reference):
        return 0.0 if math.isnan(loss) and math.isnan(reference) else math.inf
    return abs(loss - reference) / abs(reference)


if __name__ == "__main__":
    main()
