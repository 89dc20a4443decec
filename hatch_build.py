"""Build the native engine: engine.c, compiled once per micro-architecture when a wheel is made.

The compiler is PyPI's `ziglang`, clang in a wheel: nobody needs one of their own, and any machine
builds for all. The libraries need no other library, not even libc, so one wheel serves every Linux.

    python hatch_build.py       build into the source tree, after a change of engine.c

MNISTLAB_TARGET names another machine to build for (see TARGETS), or `none` for a wheel without a
native engine. Where there is no compiler or it fails, the wheel has none either, and says so.
"""

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags  # hatchling needs it too

# 0.13 has no wheel for Windows on ARM and links no DLL without the C library, which takes it half a
# minute to build; 0.14 makes code as fast, and the same bits. 0.16 and newer are untried.
ZIGLANG = "ziglang==0.15.2"

ROOT = Path(__file__).parent
NATIVE = "src/mnistlab/training/native"
INSTALLED = "mnistlab/training/native"
ENVIRONMENT = "MNISTLAB_TARGET"

# No -ffast-math: sums keep their written order, so that all variants give the same bits.
COMPILE = shlex.split(
    "-O3 -std=c11 -ffp-contract=off -fno-math-errno -fvisibility=hidden -Wno-psabi"
)  # -Wno-psabi: vectors wider than the processor's are passed only between inlined functions
LINK = ["-shared", "-s", "-O3"]
ARM, APPLE = {"neon": "baseline"}, {"neon": "apple_m1"}
X86 = {"v2": "x86_64_v2", "v3": "x86_64_v3", "v4": "x86_64_v4"}


class Target(NamedTuple):
    """A kind of machine: zig's name of it, a processor per variant, file suffix, platform tag."""

    triple: str
    processors: dict[str, str]
    suffix: str
    tag: str


def _linux(machine: str, processors: dict[str, str]) -> Target:
    names = ("manylinux_2_17", "manylinux2014", "musllinux_1_1")
    tag = ".".join(f"{name}_{machine}" for name in names)
    return Target(f"{machine}-linux-gnu.2.17", processors, ".so", tag)


TARGETS = {
    "linux-x86_64": _linux("x86_64", X86),
    "linux-aarch64": _linux("aarch64", ARM),
    "macos-x86_64": Target("x86_64-macos.12.0", X86, ".dylib", "macosx_12_0_x86_64"),
    "macos-arm64": Target("aarch64-macos.12.0", APPLE, ".dylib", "macosx_12_0_arm64"),
    "windows-amd64": Target("x86_64-windows-gnu", X86, ".dll", "win_amd64"),
    "windows-arm64": Target("aarch64-windows-gnu", ARM, ".dll", "win_arm64"),
}


class BuildError(Exception):
    """The native engine cannot be built."""


class NativeEngineHook(BuildHookInterface[Any]):
    """Puts the libraries into a wheel, or into the source tree where the install is editable."""

    def dependencies(self) -> list[str]:
        """Return the compiler, where there is a wheel of it for this machine and it is wanted."""
        return [ZIGLANG] if this_machine() and os.environ.get(ENVIRONMENT) != "none" else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build; raise BuildError only where a target was asked for by name."""
        self.folder = tempfile.TemporaryDirectory()
        try:
            target = chosen_target()
            libraries = build(target, Path(self.folder.name)) if target else []
        except BuildError as error:
            if os.environ.get(ENVIRONMENT):
                raise
            self.app.display_warning(f"mnistlab is built without its native engine: {error}")
            return
        if version == "editable":
            place(libraries)
        elif target:
            _put_into_wheel(build_data, target, libraries)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel now holds."""
        self.folder.cleanup()


def _put_into_wheel(build_data: dict[str, Any], target: Target, libraries: list[Path]) -> None:
    build_data["force_include"] |= {str(path): f"{INSTALLED}/{path.name}" for path in libraries}
    build_data["pure_python"] = False
    build_data["tag"] = f"py3-none-{target.tag}"


def this_machine() -> str | None:
    """Return the target whose wheels this Python installs; there, ziglang has a wheel too."""
    accepted = set(platform_tags())
    fitting = (name for name, target in TARGETS.items() if accepted & set(target.tag.split(".")))
    return next(fitting, None)


def chosen_target() -> Target | None:
    """Return the target that MNISTLAB_TARGET names, or this machine; None for no library.

    Raises BuildError for an unknown name, and for a machine that ziglang has no wheel for.
    """
    name = os.environ.get(ENVIRONMENT) or this_machine()
    if not name:
        raise BuildError("there is no ziglang, its compiler, for this machine")
    if name not in (*TARGETS, "none"):
        raise BuildError(f"{ENVIRONMENT}={name}: name one of {', '.join(TARGETS)}, none")
    return TARGETS.get(name)


def build(target: Target, folder: Path) -> list[Path]:
    """Build a target's libraries into a folder; raise BuildError where the compiler fails."""
    if not importlib.util.find_spec("ziglang"):
        raise BuildError(f"there is no compiler; pip install {ZIGLANG}")
    with tempfile.TemporaryDirectory() as work:
        return [
            _build_one(target, variant, folder / f"engine-{variant}{target.suffix}", Path(work))
            for variant in target.processors
        ]


def _build_one(target: Target, variant: str, library: Path, work: Path) -> Path:
    """Compile with the C library's headers, then link without the C library itself."""
    native, compiled = ROOT / NATIVE, work / f"{variant}.o"
    source = hashlib.sha256((native / "engine.c").read_bytes()).hexdigest()[:16]
    machine = ["-target", target.triple, f"-mcpu={target.processors[variant]}"]
    position = [] if "windows" in target.triple else ["-fPIC"]
    define = f'-DSOURCE="{source}"'
    _zig(work, *machine, *COMPILE, *position, define, "-c", native / "engine.c", "-o", compiled)
    linked: list[str | Path] = [compiled]
    if "windows" in target.triple:
        linked.append(native / "windows.c")
    if "macos" not in target.triple:  # macOS has no libraries without its own
        linked.append("-nostdlib")
    _zig(work, *machine, *LINK, *linked, "-o", library)
    return library


def _zig(work: Path, *arguments: str | Path) -> None:
    caches = {name: str(work / "cache") for name in ("ZIG_LOCAL_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR")}
    command = [sys.executable, "-m", "ziglang", "cc", *arguments]
    if subprocess.run(command, env=os.environ | caches, cwd=work).returncode:
        raise BuildError("the compiler failed, see above")


def place(libraries: list[Path]) -> None:
    """Put libraries beside engine.c; a process that uses older ones keeps them."""
    for library in libraries:
        new = ROOT / NATIVE / f"{library.name}.new"
        shutil.copyfile(library, new)
        new.replace(new.with_suffix(""))


def main() -> None:
    """Build into the source tree."""
    target = chosen_target()
    with tempfile.TemporaryDirectory() as folder:
        place(build(target, Path(folder)) if target else [])


if __name__ == "__main__":
    main()
