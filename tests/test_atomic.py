import os
import time
from pathlib import Path

import pytest

from mnistlab import atomic


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    with atomic.whole_folder(tmp_path / "made") as folder:
        (folder / "a").write_text("a")
        assert not (tmp_path / "made").exists()
    assert (tmp_path / "made" / "a").read_text() == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic.whole_folder(tmp_path / "made"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_the_first_of_two_that_make_a_folder_wins(tmp_path: Path) -> None:
    with atomic.whole_folder(tmp_path / "made") as slow:
        (slow / "a").write_text("slow")
        with atomic.whole_folder(tmp_path / "made") as fast:
            (fast / "a").write_text("fast")
    assert (tmp_path / "made" / "a").read_text() == "fast"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        atomic.write_whole(tmp_path / "sub" / "file", content)
    assert (tmp_path / "sub" / "file").read_bytes() == b"two"
    assert len(list((tmp_path / "sub").iterdir())) == 1


def test_only_stale_leftovers_are_swept(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / f"{atomic.TEMPORARY}{name}").mkdir()
    past = time.time() - atomic.STALE_SECONDS - 60
    os.utime(tmp_path / f"{atomic.TEMPORARY}old", (past, past))
    (tmp_path / "kept").mkdir()
    atomic.remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{atomic.TEMPORARY}new", "kept"]
