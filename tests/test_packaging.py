"""What is shipped: the sdist holds the source, the wheel of this machine what was built from it."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts import wheels

ROOT = Path(__file__).parents[1]
pytest.importorskip("hatchling")
import hatch_build  # noqa: E402

compiler = find_spec("ziglang") and hatch_build.this_machine()
needs_compiler = pytest.mark.skipif(not compiler, reason="needs ziglang")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build_sdist(tmp_path_factory.mktemp("sdist"))


@needs_compiler
def test_the_wheel_of_this_machine(sdist: Path, tmp_path: Path) -> None:
    target = hatch_build.this_machine()
    assert target
    wheel = wheels.build_wheel(sdist, target, tmp_path)  # looks into it
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = "from mnistlab.training.native import library; print(library.load()._name)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "site", check=True, capture_output=True,
        text=True, env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)


def test_a_wheel_without_the_engine_is_for_any_machine(sdist: Path, tmp_path: Path) -> None:
    wheel = wheels.build_unchecked(sdist, "none", tmp_path)
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".so", ".dylib", ".dll"))]
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(metadata).decode()
        licences = [name for name in archive.namelist() if "/licenses/" in name]
    assert "License-Expression: MIT AND CC-BY-SA-3.0" in text
    assert len(licences) == 2
    assert not re.search(r"^Requires-Dist: (torch|scikit-learn)[^;]*$", text, re.MULTILINE)


def test_developers_have_the_compiler_that_builds_wheels() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert hatch_build.ZIGLANG in project["optional-dependencies"]["dev"]


@pytest.mark.parametrize(
    ("accepted", "machine"),
    [
        (["manylinux_2_28_aarch64", "manylinux_2_17_aarch64"], "linux-aarch64"),
        (["musllinux_1_2_x86_64", "musllinux_1_1_x86_64"], "linux-x86_64"),
        (["macosx_12_0_arm64", "macosx_12_0_universal2"], "macos-arm64"),
        (["macosx_11_0_x86_64"], None),
        (["win32"], None),
        (["linux_riscv64"], None),
    ],
)
def test_the_compiler_is_asked_for_where_there_is_one(
    accepted: list[str], machine: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hatch_build, "platform_tags", lambda: iter(accepted))
    monkeypatch.delenv(hatch_build.ENVIRONMENT, raising=False)
    hook = object.__new__(hatch_build.NativeEngineHook)
    assert hatch_build.this_machine() == machine
    assert hook.dependencies() == ([hatch_build.ZIGLANG] if machine else [])
    monkeypatch.setenv(hatch_build.ENVIRONMENT, "none")
    assert hook.dependencies() == []
