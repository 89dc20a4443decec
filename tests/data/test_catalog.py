import gzip
import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mnistlab.data import catalog, idx
from mnistlab.data.catalog import Source, load_data
from mnistlab.errors import DataError
from mnistlab.images import DataSet
from tests.data.test_idx import write_folder

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


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
    _send(request, content[:10], catalog.MAX_BYTES + 1, hold=threading.Event())


def endless(request: BaseHTTPRequestHandler, content: bytes) -> None:
    with suppress(OSError):  # the other side hangs up
        _send(request, bytes(10 * catalog.MAX_BYTES), None)


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


def source(published: Path, *mirrors: str) -> Source:
    sums = [
        hashlib.sha256((published / f"{stem}.gz").read_bytes()).hexdigest()
        for stem in idx.FILES.values()
    ]
    return Source(mirrors, tuple(sums))


def test_a_good_mirror_is_asked_once_and_the_cache_serves_from_then_on(
    published: Path, tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    with serving(published, good) as (address, asked):
        monkeypatch.setitem(catalog.CATALOG, "mnist", source(published, address))
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
    assert "use --data mini, which needs none, or --data DIR with the four IDX files" in said
    assert "\n" not in said
    assert not [path for path in cache.glob("*") if path.name.endswith(".gz")]


@pytest.mark.parametrize("bad", [announcing_more, endless])
def test_a_download_larger_than_any_published_file_is_stopped(
    published: Path, tmp_path: Path, bad: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "MAX_BYTES", 1_000_000)
    written: list[int] = []

    class Watched(Bar):
        def update(self, amount: int) -> None:
            written.append(amount)

    cache = tmp_path / "cache"
    with (
        serving(published, bad) as (address, asked),
        pytest.raises(DataError, match="larger than any published file"),
    ):
        catalog.fetch("mnist", source(published, address), cache, lambda _: Watched())
    assert len(asked) == 1
    assert sum(written) <= catalog.MAX_BYTES
    assert not list(cache.iterdir())


def test_every_set_is_first_asked_for_where_nobody_can_listen_in() -> None:
    for known in catalog.CATALOG.values():
        assert known.mirrors[0].startswith("https://")
        assert all(len(bytes.fromhex(sha256)) == 32 for sha256 in known.sha256)


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


def test_names_and_folders(tmp_path: Path, tiny: DataSet) -> None:
    folder = tmp_path / "my data"
    folder.mkdir()
    assert load_data(write_folder(folder, tiny)).name == "my data"
    with pytest.raises(
        DataError, match=r"mnits: neither a known data set nor a folder; did you mean 'mnist'\?"
    ):
        load_data("mnits")
    choice = "give one of mnist, fashion, kmnist, mini or a folder with four IDX files"
    with pytest.raises(DataError, match=choice):
        load_data(tmp_path / "none")


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
