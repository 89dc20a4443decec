"""The house: rooms import only rooms on their left, and light commands load nothing heavy."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mnistlab

SOURCE = Path(mnistlab.__file__).parent
ROOMS = ["book", "data", "model", "training", "results", "drawing", "report"]
ROOMS += ["lab", "across", "terminal", "progress", "display", "exits", "running", "asking"]
ROOMS += ["options", "cli", "__main__"]
GROUND = {"images", "errors", "atomic", "randomness"}  # beneath all rooms
HEAVY = ("torch", "matplotlib", "sklearn", "onnxruntime", "pandas")


def test_a_room_imports_only_rooms_on_its_left() -> None:
    wrong = []
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        allowed = GROUND if room in GROUND else {*GROUND, *ROOMS[: ROOMS.index(room) + 1]}
        wrong += [
            f"{path.relative_to(SOURCE)} imports {imported}"
            for imported in _rooms_imported(path) - allowed
        ]
    assert not wrong


def _rooms_imported(path: Path) -> set[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}: relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("mnistlab.")}


def test_the_torch_engine_alone_imports_torch_and_is_imported_when_it_is_needed() -> None:
    importing = {path for path in SOURCE.rglob("*.py") if {"torch"} & _packages_imported(path)}
    assert sorted(path.name for path in importing) == ["modules.py", "torch.py"]
    slow = [f"mnistlab.training.{path.stem}" for path in importing]
    for path in set(SOURCE.rglob("*.py")) - importing:
        at_the_top = ast.parse(path.read_text("utf-8")).body
        froms = [node.module for node in at_the_top if isinstance(node, ast.ImportFrom)]
        assert not set(froms) & set(slow)


def _packages_imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def test_only_the_command_line_prints_and_exits() -> None:
    for path in SOURCE.rglob("*.py"):
        if path.name not in ("terminal.py", "cli.py"):
            called = {
                n.func.id
                for n in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
            }
            assert not called & {"print", "exit", "input"}, path


@pytest.mark.parametrize(
    "code",
    ["import mnistlab", "from mnistlab import cli; cli.app(['--help'], standalone_mode=False)"],
)
def test_light_commands_load_nothing_heavy(code: str) -> None:
    code += f"; import sys; print('loaded:', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "loaded:"


def test_help_takes_under_0_3_seconds() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mnistlab", "--help"], capture_output=True, check=True
        )
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.3
