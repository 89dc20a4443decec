"""Build the sdist and, from it, a wheel for each system, on any one of them; then look into each.

    pip install -e ".[dev]"
    python -m scripts.wheels [DIR]      into dist/ if not given

Each wheel's libraries must be for its tag's system and processor, export every function that
engine.c exports, need nothing that the system does not always have, and carry the hash of the
engine.c beside them. Nothing else may be in the wheel but the package and what describes it.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from scripts import object_files

ROOT = Path(__file__).parents[1]
NATIVE = "mnistlab/training/native"
X86, ARM = ("v2", "v3", "v4"), ("neon",)
# MNISTLAB_TARGET: the wheel's platforms, then system, machine, suffix and variants of its libraries
WHEELS = {
    "linux-x86_64": (
        "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
        "linux", "x86_64", ".so", X86,
    ),
    "linux-aarch64": (
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        "linux", "aarch64", ".so", ARM,
    ),
    "macos-x86_64": ("macosx_12_0_x86_64", "macos", "x86_64", ".dylib", X86),
    "macos-arm64": ("macosx_12_0_arm64", "macos", "arm64", ".dylib", ARM),
    "windows-amd64": ("win_amd64", "windows", "amd64", ".dll", X86),
    "windows-arm64": ("win_arm64", "windows", "arm64", ".dll", ARM),
}  # fmt: skip
ALWAYS_THERE = {"/usr/lib/libSystem.B.dylib"}  # macOS's own; the others need nothing at all
SUFFIXES = {
    ".json",
    ".py",
    ".c",
    ".gz",
    ".toml",
    ".md",
    ".onnx",
    ".jinja",
    ".css",
    ".js",
    ".typed",
    "",
}


def build_sdist(folder: Path) -> Path:
    """Build the sdist and check it; return it."""
    _build("--sdist", ROOT, folder, "none")
    (sdist,) = folder.glob("*.tar.gz")
    check_sdist(sdist)
    return sdist


def build_wheel(sdist: Path, target: str, folder: Path) -> Path:
    """Build a target's wheel from the sdist check it and return it."""
    wheel = build_unchecked(sdist, target, folder)
    check_wheel(wheel, target)
    return wheel


def build_unchecked(sdist: Path, target: str, folder: Path) -> Path:
    """Build the wheel of a target, or of `none`, from the sdist; return it."""
    before = set(folder.glob("*.whl"))
    with tempfile.TemporaryDirectory() as work:
        with tarfile.open(sdist) as archive:
            archive.extractall(work, filter="data")
        (tree,) = Path(work).iterdir()
        _build("--wheel", tree, folder, target)
    (wheel,) = set(folder.glob("*.whl")) - before
    return wheel


def check_sdist(path: Path) -> None:
    """Raise ValueError for an sdist that cannot build a wheel, or that holds a library."""
    with tarfile.open(path) as archive:
        names = {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in archive.getnames()}
    missing = {"hatch_build.py", f"src/{NATIVE}/engine.c", f"src/{NATIVE}/windows.c"} - names
    libraries = {name for name in names if PurePosixPath(name).suffix in (".so", ".dylib", ".dll")}
    if missing or libraries:
        raise ValueError(f"{path.name}: misses {sorted(missing)}, has {sorted(libraries)}")


def check_wheel(path: Path, target: str) -> None:
    """Raise ValueError for a wheel that is not what its tag says, see the top of this file."""
    platforms, _, _, suffix, variants = WHEELS[target]
    libraries = {f"{NATIVE}/engine-{variant}{suffix}" for variant in variants}
    with zipfile.ZipFile(path) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    (description,) = (text for name, text in files.items() if name.endswith(".dist-info/WHEEL"))
    tags = set(re.findall(r"^Tag: (\S+)", description.decode(), re.MULTILINE))
    if tags != {f"py3-none-{platform}" for platform in platforms.split(".")}:
        raise ValueError(f"{path.name}: tagged {sorted(tags)}")
    for name in libraries:
        if name not in files:
            raise ValueError(f"{path.name}: has no {name}")
        check_library(files[name], files[f"{NATIVE}/engine.c"], target)
    junk = {name for name in files.keys() - libraries if _is_junk(name)}
    if junk:
        raise ValueError(f"{path.name}: has no place for {sorted(junk)}")


def check_library(library: bytes, source: bytes, target: str) -> None:
    """Raise ValueError for a library of another machine or engine.c, or one that needs others."""
    _, system, machine, _, _ = WHEELS[target]
    found = object_files.read(library)
    if (found.system, found.machine) != (system, machine):
        raise ValueError(f"{target}: a library for {found.system}, {found.machine}")
    functions = set(re.findall(r"^EXPORT [^(]*?(\w+)\(", source.decode(), re.MULTILINE))
    if missing := functions - found.exports:
        raise ValueError(f"{target}: does not export {sorted(missing)}")
    if needs := found.needs - ALWAYS_THERE:
        raise ValueError(f"{target}: needs {sorted(needs)}")
    if hashlib.sha256(source).hexdigest()[:16].encode() not in library:
        raise ValueError(f"{target}: not built from the engine.c beside it")


def _is_junk(name: str) -> bool:
    path = PurePosixPath(name)
    if path.parts[0].endswith(".dist-info"):
        return False
    return path.parts[0] != "mnistlab" or path.suffix not in SUFFIXES or "__pycache__" in path.parts


def _build(kind: str, tree: Path, folder: Path, target: str) -> None:
    options = ["--no-isolation", kind, "-o", str(folder), str(tree)]
    command = [sys.executable, "-m", "build", *options]
    environment = os.environ | {"MNISTLAB_TARGET": target}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}{target}: build failed")


def main() -> None:
    """Build all and say what was built."""
    parser = argparse.ArgumentParser(description="Build the sdist and all wheels, and check them.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    folder = parser.parse_args().folder
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty: name another folder, or empty it")
    sdist = build_sdist(folder)
    built = [sdist, *(build_wheel(sdist, target, folder) for target in WHEELS)]
    for path in built:
        print(f"{path.stat().st_size / 1e6:6.2f} MB  {path.name}")


if __name__ == "__main__":
    main()
