"""The cache folder: what is counted and removed, and what is left alone."""

import sys
from pathlib import Path

import pytest

from mnistlab.data import cache
from mnistlab.data.split import split
from mnistlab.images import DataSet
from mnistlab.training.local import share_split

KEPT = [
    "mine.txt",
    "data/mnist/notes.txt",
    "data/own/train-images-idx3-ubyte.gz",
    "splits/my.uint8",
]


def fill(folder: Path, files: dict[str, int]) -> None:
    for name, size in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(size))


def test_what_the_lab_wrote_is_counted_and_cleared_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: DataSet
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path))
    shared = share_split(split(tiny, 60), tmp_path)  # by the name that it really has
    downloads = {"data/mnist/train-images-idx3-ubyte.gz": 10, "data/bloodmnist/bloodmnist.npz": 20}
    drawn = {"data/pendigits/pendigits-orig.tra": 3, "matplotlib/fontlist-v390.json": 7}
    old = {"splits/066e72a8aa96c07c/info.json": 1, "splits/066e72a8aa96c07c-patches-5-2-1/a.npy": 4}
    fill(tmp_path, downloads | drawn | old | dict.fromkeys(KEPT, 1))
    sizes = {kind.name: kind.size for kind in cache.cached()}
    assert sizes["downloads"] == 33
    assert sizes["shared splits"] == shared.stat().st_size > 1000
    assert (sizes["splits of version 0.1"], sizes["list of fonts"]) == (5, 7)
    cache.clear()
    left = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(map(str, left)) == sorted(str(Path(each)) for each in KEPT)
    assert sum(kind.size for kind in cache.cached()) == 0
    assert not (tmp_path / "data" / "pendigits").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_what_a_link_leads_to_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own, lab = tmp_path / "own", tmp_path / "cache"
    fill(own, {"train-images-idx3-ubyte.gz": 5, "t10k-labels-idx1-ubyte.gz": 5})
    (lab / "data" / "fashion").mkdir(parents=True)
    (lab / "data" / "mnist").symlink_to(own)
    name = "t10k-labels-idx1-ubyte.gz"
    (lab / "data" / "fashion" / name).symlink_to(own / name)
    monkeypatch.setenv("MNISTLAB_CACHE", str(lab))
    assert not any(kind.files for kind in cache.cached())
    cache.clear()
    assert len(list(own.iterdir())) == 2
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "nowhere"))
    cache.clear()
