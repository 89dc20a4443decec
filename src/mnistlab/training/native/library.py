"""The libraries built from engine.c: the one for this processor, found, checked and loaded."""

import ctypes
import hashlib
import os
import platform
import sys
from functools import cache
from pathlib import Path

from mnistlab.errors import EngineError, NoEngineError

FOLDER = Path(__file__).parent
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
FORCE = "MNISTLAB_VARIANT"  # for tests: take this variant, not the best one
X86 = ("v2", "v3", "v4")  # micro-architecture levels of x86-64
REMEDY = "install mnistlab again, or PyTorch, to train with that: pip install torch"


@cache
def load() -> ctypes.CDLL:
    """Return the library for this processor.

    Raises EngineError where it is missing, cannot be loaded, or was built from another engine.c.
    """
    return _open(variant())


@cache
def variant() -> str:
    """Return what the library is for: `v2`, `v3` (AVX2), `v4` (AVX-512) on x86-64, `neon` on ARM.

    Raises EngineError as `load` does, and for a forced variant that this processor cannot run.
    """
    arm = platform.machine().lower() in ("arm64", "aarch64")
    best = "neon" if arm else f"v{_open('v2').engine_level()}"
    usable = X86[: X86.index(best) + 1] if best in X86 else (best,)
    chosen = os.environ.get(FORCE, best)
    if chosen not in usable:
        raise EngineError(f"{FORCE}={chosen}: this processor runs {', '.join(usable)}; unset it")
    return chosen


def _open(name: str) -> ctypes.CDLL:
    """Load a variant, built from the engine.c that lies beside it."""
    path = FOLDER / f"engine-{name}{SUFFIX}"
    if not path.exists():
        raise NoEngineError(f"the native engine is not installed ({path}): {REMEDY}")
    try:
        library = ctypes.CDLL(str(path))
        library.engine_source.restype = ctypes.c_char_p
        source = library.engine_source().decode()
    except (OSError, AttributeError) as error:
        why = str(error).splitlines()[0]
        raise NoEngineError(f"the native engine cannot be loaded ({why}): {REMEDY}") from error
    if source != _expected_source():
        remedy = "run python hatch_build.py where its source is, or install mnistlab again"
        raise EngineError(f"the native engine was built from another engine.c ({path}): {remedy}")
    return library


def _expected_source() -> str:
    """Return the first 16 hexadecimal digits of engine.c's SHA-256, as its build was told."""
    return hashlib.sha256((FOLDER / "engine.c").read_bytes()).hexdigest()[:16]
