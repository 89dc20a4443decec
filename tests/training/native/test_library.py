"""The library for this processor is taken, and one that does not fit is refused in one line."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mnistlab.errors import EngineError
from mnistlab.training.native import library

HERE = library.FOLDER
FIRST = "neon" if (HERE / f"engine-neon{library.SUFFIX}").exists() else "v2"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing loaded before counts, nor after."""
    monkeypatch.delenv(library.FORCE, raising=False)
    library.load.cache_clear()
    library.variant.cache_clear()
    yield
    library.load.cache_clear()
    library.variant.cache_clear()


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of engine.c and its libraries to break."""
    for path in HERE.glob("engine*"):
        if path.suffix in (".c", library.SUFFIX):
            shutil.copy(path, tmp_path)
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="Linux tells what a processor can")
@pytest.mark.skipif(FIRST == "neon", reason="x86-64 has levels")
def test_the_best_variant_that_linux_says_the_processor_supports() -> None:
    told = Path("/proc/cpuinfo").read_text("utf-8")
    flags = set(told.split("flags", 1)[1].splitlines()[0].split())
    if flags >= {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}:
        best = "v4"
    else:
        best = "v3" if flags >= {"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"} else "v2"
    assert library.variant() == best


def test_what_is_loaded_is_the_variant() -> None:
    assert Path(library.load()._name) == HERE / f"engine-{library.variant()}{library.SUFFIX}"
    assert library.load() is library.load()


def test_a_forced_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(library.FORCE, FIRST)
    assert library.variant() == FIRST
    assert Path(library.load()._name).stem == f"engine-{FIRST}"


def test_a_forced_variant_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(library.FORCE, "v9")
    with pytest.raises(EngineError, match=rf"^MNISTLAB_VARIANT=v9: .* runs .*{FIRST}.*$"):
        library.load()


@pytest.mark.skipif(FIRST == "neon", reason="ARM has one variant")
def test_a_variant_beyond_the_processor_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    old_processor = SimpleNamespace(engine_level=lambda: 2)
    monkeypatch.setattr(library, "_open", lambda name: old_processor)
    monkeypatch.setenv(library.FORCE, "v4")
    with pytest.raises(EngineError, match="this processor runs v2"):
        library.variant()


def test_a_missing_library(copy: Path) -> None:
    for path in copy.glob(f"*{library.SUFFIX}"):
        path.unlink()
    refused("is not installed")


def test_a_library_that_cannot_be_loaded(copy: Path) -> None:
    (copy / f"engine-{FIRST}{library.SUFFIX}").write_bytes(b"no library")
    refused("cannot be loaded")


@pytest.mark.skipif(sys.platform != "linux", reason="needs the path of another library")
def test_a_library_of_something_else(copy: Path) -> None:
    mapped = Path("/proc/self/maps").read_text("utf-8").splitlines()
    other = next(line.split()[-1] for line in mapped if "/libc.so" in line or "/libm.so" in line)
    path = copy / f"engine-{FIRST}{library.SUFFIX}"
    path.unlink()
    path.symlink_to(other)
    refused("cannot be loaded")


def test_a_library_of_another_source(copy: Path) -> None:
    with (copy / "engine.c").open("a", encoding="utf-8") as file:
        file.write("// changed\n")
    refused("was built from another engine.c")


def refused(what: str) -> None:
    with pytest.raises(EngineError) as refusal:
        library.load()
    text = str(refusal.value)
    assert what in text
    assert "install mnistlab again" in text
    assert "\n" not in text


def test_the_library_is_loaded_without_numpy() -> None:
    code = "import sys; from mnistlab.training.native import library; library.load(); "
    code += "print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
