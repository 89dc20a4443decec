import gzip
import hashlib
import os
import shutil
import struct
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab import atomic
from mnistlab.data import catalog, idx
from mnistlab.data.catalog import CATALOG, NAMES, Source, load_data
from mnistlab.errors import DataError
from mnistlab.images import DIGITS, DataSet
from tests.conftest import random_images
from tests.data.test_idx import write_folder

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]
BOUND = 1_000_000  # bytes, of a source
MEDMNIST = ("https://zenodo.org/records/10519652/files/",)


def good(request: BaseHTTPRequestHandler, content: bytes) -> None:
    _send(request, content, len(content))


def truncated(request: BaseHTTPRequestHandler, content: bytes) -> None:
    _send(request, content[: len(content) // 2], len(content))


def wrong_bytes(request: BaseHTTPRequestHandler, content: bytes) -> None:
    _send(request, gzip.compress(b"something else"), len(gzip.compress(b"something else")))


def missing(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_error(404)


def stalling(request: BaseHTTPRequestHandler, content: bytes) -> None:
    _send(request, content[:10], len(content), hold=threading.Event())


def announcing_more(request: BaseHTTPRequestHandler, content: bytes) -> None:
    _send(request, content[:10], BOUND + 1, hold=threading.Event())


def endless(request: BaseHTTPRequestHandler, content: bytes) -> None:
    with suppress(OSError):  # the other side hangs up
        _send(request, bytes(10 * BOUND), None)


def _send(
    request: BaseHTTPRequestHandler,
    content: bytes,
    length: int | None,
    hold: threading.Event | None = None,
) -> None:
    request.send_response(200)
    if length is not None:
        request.send_header("Content-Length", str(length))
    request.end_headers()
    request.wfile.write(content)
    request.wfile.flush()
    if hold:
        hold.wait(2)  # longer than the client waits, and not for ever


@contextmanager
def serving(folder: Path, answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server of a folder's files that answers in its own way: its address, and what was asked of
    it.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self, (folder / self.path.strip("/")).read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Bar:
    """What a download asks of a progress bar."""

    def __init__(self) -> None:
        self.total, self.done, self.closed = 0, 0, False

    def update(self, amount: int) -> None:
        self.done += amount

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def published(tmp_path: Path, tiny: DataSet) -> Path:
    (tmp_path / "published").mkdir()
    return write_folder(tmp_path / "published", tiny, ".gz")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def source(published: Path, *mirrors: str) -> Source:
    names = [f"{stem}.gz" for stem in idx.FILES.values()]
    return Source(mirrors=mirrors, files={name: sha256(published / name) for name in names})


def publish(
    monkeypatch: pytest.MonkeyPatch, name: str, published: Path, address: str, checksum: str = ""
) -> None:
    """Let the catalog take a server's one file for a set's."""
    [file], [path] = CATALOG[name].files, published.iterdir()
    found = {
        "mirrors": (address,), "addresses": {file: path.name},
        "files": {file: checksum or sha256(path)},
    }  # fmt: skip
    monkeypatch.setitem(CATALOG, name, CATALOG[name].model_copy(update=found))


def test_a_good_mirror_is_asked_once_and_the_cache_serves_from_then_on(
    published: Path, tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    with serving(published, good) as (address, asked):
        monkeypatch.setitem(CATALOG, "mnist", source(published, address))
        assert load_data("mnist").sha256 == tiny.sha256
        assert load_data("mnist").sha256 == tiny.sha256
        assert sorted(asked) == sorted(f"/{stem}.gz" for stem in idx.FILES.values())


@pytest.mark.parametrize("bad", [truncated, wrong_bytes, missing, stalling])
def test_after_a_bad_mirror_the_next_is_tried(
    published: Path, tmp_path: Path, bad: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "TIMEOUT", 0.3)
    cache = tmp_path / "cache"
    with (
        serving(published, bad) as (first, asked_first),
        serving(published, good) as (second, asked_second),
    ):
        catalog.fetch("mnist", source(published, first, second), cache)
    assert len(asked_first) == len(asked_second) == 4
    for path in published.iterdir():
        assert (cache / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("bad", [truncated, wrong_bytes, missing, stalling])
def test_when_all_mirrors_fail_nothing_is_taken_for_a_file(
    published: Path, tmp_path: Path, bad: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "TIMEOUT", 0.3)
    cache = tmp_path / "cache"
    with (
        serving(published, bad) as (first, _),
        serving(published, missing) as (second, _),
        pytest.raises(DataError) as caught,
    ):
        catalog.fetch("mnist", source(published, first, second), cache)
    said = str(caught.value)
    assert said.startswith("mnist could not be downloaded (http://127.0.0.1")
    assert "use --data mini, which needs none, or --data PATH with data that you have" in said
    assert "\n" not in said
    assert not [path for path in cache.glob("*") if path.name.endswith(".gz")]


@pytest.mark.parametrize("bad", [announcing_more, endless])
def test_a_download_larger_than_any_published_file_is_stopped(
    published: Path, tmp_path: Path, bad: Answer
) -> None:
    written: list[int] = []

    class Watched(Bar):
        def update(self, amount: int) -> None:
            written.append(amount)

    cache = tmp_path / "cache"
    with serving(published, bad) as (address, asked):
        bounded = source(published, address).model_copy(update={"max_bytes": BOUND})
        with pytest.raises(DataError, match="larger than any published file, 1,000,000 bytes"):
            catalog.fetch("mnist", bounded, cache, lambda _: Watched())
    assert len(asked) == 1
    assert sum(written) <= BOUND
    assert not list(cache.iterdir())


def test_every_set_is_first_asked_for_where_nobody_can_listen_in() -> None:
    for known in (CATALOG[name] for name in NAMES if name != "mini"):
        assert known.mirrors[0].startswith("https://")
        assert known.files
        for checksum in known.files.values():
            kind, _, digest = checksum.rpartition(":")
            assert len(bytes.fromhex(digest)) == {"": 32, "md5": 16}[kind]


def test_every_set_says_what_it_is_and_its_licence() -> None:
    assert str(catalog.about("fashion")).startswith("articles of clothing (Fashion-MNIST: H. Xiao")
    assert str(catalog.about("fashion")).endswith("; licence: MIT")
    assert catalog.about("elsewhere") is None
    for known in CATALOG.values():
        assert known.about
        assert known.licence
        assert ("NC" in known.licence) == ("forbids commercial use" in (known.remark or ""))


def test_a_file_damaged_in_the_cache_is_fetched_again(published: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with serving(published, good) as (address, _):
        catalog.fetch("mnist", source(published, address), cache)
        damaged = cache / f"{idx.FILES['train images']}.gz"
        damaged.write_bytes(damaged.read_bytes()[:100])
        catalog.fetch("mnist", source(published, address), cache)
    assert damaged.read_bytes() == (published / damaged.name).read_bytes()


def test_progress_counts_every_byte(published: Path, tmp_path: Path) -> None:
    bars: list[Bar] = []

    def bar(file: str) -> Bar:
        bars.append(Bar())
        return bars[-1]

    with serving(published, good) as (address, _):
        catalog.fetch("mnist", source(published, address), tmp_path / "cache", bar)
    sizes = [(published / f"{stem}.gz").stat().st_size for stem in idx.FILES.values()]
    assert [(bar.total, bar.done, bar.closed) for bar in bars] == [
        (size, size, True) for size in sizes
    ]


def test_names_and_paths(tmp_path: Path, tiny: DataSet) -> None:
    folder = tmp_path / "my data"
    folder.mkdir()
    assert load_data(write_folder(folder, tiny)).name == "my data"
    (x, y), (u, v) = ((part.pixels, part.labels) for part in (tiny.train, tiny.test))
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=y, x_test=u, y_test=v)
    assert load_data(str(tmp_path / "mine.npz")).sha256 == tiny.sha256
    said = r"mnits: neither a known data set nor a folder or file; did you mean 'mnist'\?"
    with pytest.raises(DataError, match=said):
        load_data("mnits")
    with pytest.raises(DataError, match=r"^chestmnist: left out, for its images have any"):
        load_data("chestmnist")
    with pytest.raises(DataError, match=r"such as bloodmnist, or a path$") as caught:
        load_data(tmp_path / "none")
    assert len(str(caught.value)) < 200 + len(str(tmp_path))
    named = [name for name in NAMES if name in str(caught.value)]
    assert [name for name in NAMES if CATALOG[name].mirrors[:1] != MEDMNIST] == named[:-1]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\x1b[31mred", "caf\udce9", "a\nb"])
def test_names_that_no_folder_has_are_refused_in_one_plain_line(name: str) -> None:
    with pytest.raises(DataError, match="neither a known data set nor a folder") as caught:
        load_data(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_gives_its_name_as_plain_text(tmp_path: Path, tiny: DataSet) -> None:
    for given, plain in {"\x1b[31mred\n": "\\x1b[31mred", "caf\udce9": "caf\\udce9"}.items():
        (tmp_path / given).mkdir()
        assert load_data(write_folder(tmp_path / given, tiny)).name == plain


def test_classes_are_called_as_published(
    published: Path, tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    with serving(published, good) as (address, _):
        for name in ("mnist", "fashion", "kmnist"):
            files = source(published, address).files
            served = CATALOG[name].model_copy(update={"mirrors": (address,), "files": files})
            monkeypatch.setitem(CATALOG, name, served)
        assert load_data("mnist").classes == DIGITS
        assert load_data("fashion").classes[::9] == ("T-shirt/top", "Ankle boot")
        data = load_data("kmnist")
    assert "".join(data.classes) == "おきすつなはまやれを"
    assert (data.name, data.test.classes, data.sha256) == ("kmnist", data.classes, tiny.sha256)


def test_a_file_may_lie_elsewhere_and_have_another_name_there(
    published: Path, tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    sums = source(published).files
    assert sums.keys() == CATALOG["qmnist"].addresses.keys() == CATALOG["qmnist"].files.keys()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    labels = f"{idx.FILES['train labels']}.gz"
    (published / labels).rename(elsewhere / labels)
    for path in published.iterdir():
        path.rename(published / CATALOG["qmnist"].addresses[path.name])
    with serving(published, good) as (address, _), serving(elsewhere, good) as (other, asked):
        addresses = CATALOG["qmnist"].addresses | {labels: other + labels}
        found = {"mirrors": (address,), "files": sums, "addresses": addresses}
        served = CATALOG["qmnist"].model_copy(update=found)
        monkeypatch.setitem(CATALOG, "qmnist", served)
        assert load_data("qmnist").sha256 == tiny.sha256
    assert asked == [f"/{labels}"]


def medical(published: Path, classes: int, channels: int = 3) -> dict[str, Any]:
    """A made .npz in MedMNIST's form, published; and its arrays."""
    random, arrays = np.random.default_rng(0), dict[str, Any]()
    for part, n in (("train", 60), ("val", 20), ("test", 30)):
        shape = (n, 28, 28, 3) if channels == 3 else (n, 28, 28)
        arrays[f"{part}_images"] = random.integers(0, 256, shape, dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(n) % classes).astype(np.uint8)[:, None]
    published.mkdir()
    np.savez_compressed(published / "published.npz", **arrays)
    return arrays


def test_a_set_of_medmnist_has_its_classes_validation_images_and_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    arrays = medical(tmp_path / "published", 7)
    md5 = hashlib.md5((tmp_path / "published" / "published.npz").read_bytes()).hexdigest()
    with serving(tmp_path / "published", good) as (address, asked):
        publish(monkeypatch, "dermamnist", tmp_path / "published", address, f"md5:{md5}")
        data = load_data("dermamnist")
        assert load_data("dermamnist").sha256 == data.sha256
    assert asked == ["/published.npz"]
    assert (data.name, data.classes[4], data.task) == ("dermamnist", "melanoma", (3, 7))
    assert data.remarks == ("its licence, CC BY-NC 4.0, forbids commercial use",)
    assert data.validation is not None
    assert data.validation.classes == data.classes
    np.testing.assert_array_equal(data.validation.pixels, arrays["val_images"])
    np.testing.assert_array_equal(data.test.labels, arrays["test_labels"][:, 0])


def test_another_md5_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    medical(tmp_path / "published", 9)
    with serving(tmp_path / "published", good) as (address, _):
        publish(monkeypatch, "pathmnist", tmp_path / "published", address, f"md5:{'0' * 32}")
        with pytest.raises(DataError, match="its checksum differs"):
            load_data("pathmnist")
    assert not list((tmp_path / "cache" / "data" / "pathmnist").iterdir())


def test_names_are_not_given_to_other_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    medical(tmp_path / "published", 3, channels=1)
    with serving(tmp_path / "published", good) as (address, _):
        publish(monkeypatch, "octmnist", tmp_path / "published", address)
        with pytest.raises(DataError, match="octmnist: 3 classes, and 4 are published; delete"):
            load_data("octmnist")


def emnist_members(name: str, labels: list[int]) -> dict[str, bytes]:
    """The members of EMNIST's archive for one of its sets, by name."""
    members = {}
    for part, seed in (("train", 0), ("test", 1)):
        pixels = random_images(len(labels), seed).pixels.tobytes()
        images = struct.pack(">IIII", 0x803, len(labels), 28, 28) + pixels
        numbers = struct.pack(">II", 0x801, len(labels)) + bytes(labels)
        members[f"gzip/{name}-{part}-images-idx3-ubyte.gz"] = gzip.compress(images)
        members[f"gzip/{name}-{part}-labels-idx1-ubyte.gz"] = gzip.compress(numbers)
    return members


LETTERS = emnist_members("emnist-letters", list(range(1, 27)))
BALANCED = emnist_members("emnist-balanced", list(range(47)))


@pytest.fixture
def archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, bytes]], list[str]]]:
    """Publishes an archive with members; the list is of what is asked for."""
    folder = tmp_path / "published"
    folder.mkdir()
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    with serving(folder, good) as (address, asked):

        def published(members: dict[str, bytes]) -> list[str]:
            with zipfile.ZipFile(folder / "all.zip", "w") as file:
                for name, content in members.items():
                    file.writestr(name, content)
            for name in ("emnist-letters", "emnist-balanced"):
                publish(monkeypatch, name, folder, address)
            return asked

        yield published


Archive = Callable[[dict[str, bytes]], list[str]]


def test_an_archive_is_fetched_once_for_all_its_sets_and_not_kept(
    archive: Archive, tmp_path: Path
) -> None:
    other = {"gzip/emnist-digits-train-images-idx3-ubyte.gz": b"a third set"}
    asked = archive(LETTERS | other | BALANCED)
    letters, balanced = load_data("emnist-letters"), load_data("emnist-balanced")
    assert asked == ["/all.zip"]
    assert "".join(letters.classes) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert "".join(balanced.classes) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
    assert (letters.name, balanced.name) == ("emnist-letters", "emnist-balanced")
    upright = random_images(26, seed=1).pixels.transpose(0, 2, 1)
    np.testing.assert_array_equal(letters.test.pixels, upright)
    kept = {str(path.relative_to(tmp_path / "cache" / "data").parent)
            for path in (tmp_path / "cache").rglob("*") if path.is_file()}  # fmt: skip
    assert kept == {"emnist-letters", "emnist-balanced"}
    assert len(list((tmp_path / "cache" / "data" / "emnist-letters").iterdir())) == 4


def test_names_in_an_archive_lead_nowhere_else(archive: Archive, tmp_path: Path) -> None:
    names = "../../out.gz", str(tmp_path / "absolute-out.gz"), "gzip/../../../out.gz", "out.gz"
    archive(LETTERS | BALANCED | dict.fromkeys(names, b""))
    load_data("emnist-letters")
    assert not list(tmp_path.rglob("*out.gz"))


@pytest.mark.parametrize("members", [LETTERS, {}], ids=["one missing", "empty"])
def test_an_archive_without_a_member_is_refused_and_not_kept(
    archive: Archive, tmp_path: Path, members: dict[str, bytes]
) -> None:
    asked = archive(members)
    said = r"emnist-balanced: its archive cannot be unpacked \(KeyError"
    with pytest.raises(DataError, match=said):
        load_data("emnist-balanced")
    assert not (tmp_path / "cache" / "data" / "emnist.zip").exists()
    archive(LETTERS | BALANCED)
    assert len(load_data("emnist-balanced").classes) == 47
    assert asked == ["/all.zip", "/all.zip"]


def test_what_is_no_archive_is_refused_in_one_line(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    shutil.rmtree(published)
    published.mkdir()
    (published / "moved.html").write_bytes(b"<html>we have moved</html>")
    with serving(published, good) as (address, _):
        publish(monkeypatch, "emnist-letters", published, address)
        with pytest.raises(DataError, match=r"cannot be unpacked \(BadZipFile") as caught:
            load_data("emnist-letters")
    assert "\n" not in str(caught.value)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_disk_that_is_full_while_an_archive_is_unpacked(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    archive(LETTERS | BALANCED)
    monkeypatch.setattr(atomic, "write_whole", full)
    with pytest.raises(DataError, match=r"unpacked \(OSError: .*No space left.*\); make room"):
        load_data("emnist-letters")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_download_that_has_no_room_is_not_begun(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(LETTERS | BALANCED)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    said = r"no room for a download of [\d,]+ bytes, 1,000 are free; set MNISTLAB_CACHE"
    with pytest.raises(DataError, match=said):
        load_data("emnist-letters")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_what_killed_downloads_left_is_removed_and_nothing_else(
    published: Path, tmp_path: Path
) -> None:
    cache, hours_ago = tmp_path / "cache", time.time() - 7200
    cache.mkdir()
    for name in ("tmpabcd_123", "tmpyoung_12", "tmpother.name", "mine"):
        (cache / name).write_bytes(b"part")
        if "young" not in name:
            os.utime(cache / name, (hours_ago, hours_ago))
    with serving(published, good) as (address, _):
        catalog.fetch("mnist", source(published, address), cache)
    left = {path.name for path in cache.iterdir()} - {path.name for path in published.iterdir()}
    assert left == {"tmpyoung_12", "tmpother.name", "mine"}
