import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnistlab import atomic

STEPS = ("mkdir", "rename", "replace", "fsync", "unlink", "rmdir")  # os' calls that change a disk


class Killed(BaseException):
    """What a process that has been killed does: nothing any more."""


def kill_after(patch: pytest.MonkeyPatch, steps: int) -> list[str]:
    """Let `steps` calls through; every later one raises. The list tells the calls made."""
    made: list[str] = []

    def wrapped(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if len(made) >= steps:
                raise Killed
            made.append(name)
            return original(*arguments, **options)

        return call

    for name in STEPS:
        patch.setattr(os, name, wrapped(name, getattr(os, name)))
    return made


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make(path: Path, content: str, replace: bool = False) -> None:
    with atomic.whole_folder(path, replace) as folder:
        for name in ("a", "b"):
            (folder / name).write_text(content)


def content(path: Path) -> list[str]:
    return [(path / name).read_text() for name in ("a", "b")]


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    with atomic.whole_folder(tmp_path / "made") as folder:
        (folder / "a").write_text("a")
        assert not (tmp_path / "made").exists()
    assert (tmp_path / "made" / "a").read_text() == "a"
    assert names(tmp_path) == ["made"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic.whole_folder(tmp_path / "made"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_the_first_of_two_that_make_a_folder_wins(tmp_path: Path) -> None:
    with atomic.whole_folder(tmp_path / "made") as slow:
        (slow / "a").write_text("slow")
        make(tmp_path / "made", "fast")
    assert content(tmp_path / "made") == ["fast", "fast"]
    assert names(tmp_path) == ["made"]


def test_a_folder_is_replaced_only_when_that_is_asked_for(tmp_path: Path) -> None:
    make(tmp_path / "made", "old")
    make(tmp_path / "made", "new")
    assert content(tmp_path / "made") == ["old", "old"]
    make(tmp_path / "made", "new", replace=True)
    assert content(tmp_path / "made") == ["new", "new"]
    assert names(tmp_path) == ["made"]


def test_a_kill_at_any_step_of_a_replacement_loses_nothing(tmp_path: Path) -> None:
    for steps in range(40):
        folder = tmp_path / str(steps)
        make(folder / "made", "old")
        with pytest.MonkeyPatch.context() as patch:
            made = kill_after(patch, steps)
            try:
                make(folder / "made", "new", replace=True)
            except Killed:
                finished = False
            else:
                finished = True
        atomic.recover_from_kills(folder)
        assert content(folder / "made") in (["old", "old"], ["new", "new"]), made
        assert not list(folder.glob(f"{atomic.REPLACED}*")), made
        if finished:
            break
    assert finished
    assert made.count("rename") == 2
    assert steps > 6


def test_a_folder_that_a_killed_process_had_replaced_makes_way(tmp_path: Path) -> None:
    make(tmp_path / "made", "old")
    make(tmp_path / f"{atomic.REPLACED}made", "older")
    make(tmp_path / "made", "new", replace=True)
    assert content(tmp_path / "made") == ["new", "new"]
    assert names(tmp_path) == ["made"]


def test_a_replacement_that_fails_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "made", "old")
    rename = os.rename

    def refuse_the_new_one(source: Path, target: Path) -> None:
        if source.name.startswith(atomic.TEMPORARY):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse_the_new_one)
    with pytest.raises(OSError, match="No space left"):
        make(tmp_path / "made", "new", replace=True)
    assert content(tmp_path / "made") == ["old", "old"]
    assert names(tmp_path) == ["made"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    for written in (b"one", b"two"):
        atomic.write_whole(tmp_path / "sub" / "file", written)
    assert (tmp_path / "sub" / "file").read_bytes() == b"two"
    assert names(tmp_path / "sub") == ["file"]


def test_a_file_keeps_its_old_content_until_the_new_one_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    seen: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(file.read_bytes()))
    atomic.write_whole(file, b"new")
    assert seen == [b"old"]
    assert file.read_bytes() == b"new"


def test_a_file_that_cannot_be_written_keeps_its_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_every_file_of_a_folder_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    there: list[bool] = []

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        there.append((tmp_path / "made").exists())

    monkeypatch.setattr(os, "fsync", note)
    make(tmp_path / "made", "new")
    assert set(synced) == {(tmp_path / "made" / name).stat().st_ino for name in ("a", "b")}
    assert there == [False, False]


def test_only_what_the_lab_left_long_ago_is_removed(tmp_path: Path) -> None:
    stale, fresh = (f"{atomic.TEMPORARY}{digit * 32}" for digit in "ab")
    users = [".tmp-x", f"{atomic.TEMPORARY}notes", ".mnistlab-mine", f"sub/{stale}"]
    for name in (stale, fresh, *users):
        (tmp_path / name).mkdir(parents=True)
    past = time.time() - atomic.STALE_SECONDS - 60
    for name in (stale, *users):
        os.utime(tmp_path / name, (past, past))
    atomic.recover_from_kills(tmp_path)
    assert names(tmp_path) == sorted([fresh, *users[:3], "sub"])
    assert (tmp_path / "sub" / stale).is_dir()
