"""Whether the native engine reads or writes beside its memory, or does what C leaves undefined.

    python -m tests.slow.sanitizers [--cases 500] [--seed 0]

Builds the self-test with clang's address and undefined-behaviour sanitizers for each variant of
x86-64 that this processor has, runs its list, and trains random networks of hostile shapes, each
array in memory of exactly its size. The first finding ends it with the sanitizer's report, the
network's description and exit status 1. Needs clang (Debian: clang).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hatch_build import COMPILE, X86
from tests.slow.processors import SOURCE

# only a vector's first and last byte are checked: what is watched beside an array holds several
WATCHED = {"ASAN_OPTIONS": "redzone=256:detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
SANITIZE = [
    "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all",
    "-O1", "-g", "-fno-omit-frame-pointer",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the native engine under clang's sanitizers.")
    parser.add_argument("--cases", type=int, default=500, help="random networks a variant")
    parser.add_argument("--seed", type=int, default=0, help="of the random networks")
    options = parser.parse_args()
    if not shutil.which("clang"):
        raise SystemExit("there is no clang: Debian's package clang brings it")
    with tempfile.TemporaryDirectory() as folder:
        programs = {name: Path(folder, name) for name in X86}
        best = int(run(build("v2", programs["v2"]), "level"))
        for variant, program in list(programs.items())[: best - 1]:
            started = time.perf_counter()
            build(variant, program)
            listed = run(program).count("\n")
            fuzzed = run(program, "fuzz", str(options.seed), str(options.cases)).count("\n")
            seconds = time.perf_counter() - started
            print(f"{variant}: {listed} listed, {fuzzed} random, nothing found, {seconds:.0f} s")


def build(variant: str, program: Path) -> Path:
    """Compile the self-test with sanitizers for a micro-architecture level."""
    machine = f"-march=x86-64-{variant}"
    subprocess.run(["clang", *COMPILE, *SANITIZE, machine, SOURCE, "-o", program], check=True)
    return program


def run(program: Path, *arguments: str) -> str:
    """What it prints; where a sanitizer ends it, exits with its last line and the report."""
    command, environment = [str(program), *arguments], os.environ | WATCHED
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit("\n".join([*done.stdout.splitlines()[-1:], done.stderr, f"{program.name}: found"]))
    return done.stdout


if __name__ == "__main__":
    main()
