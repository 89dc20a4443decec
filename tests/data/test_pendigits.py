"""Fetching UCI's pen digits from a server of our own."""

import hashlib
import io
import sys
import threading
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistlab.data import pendigits
from mnistlab.data.pendigits import ARCHIVE, MAX_BYTES, MEMBER, load_pendigits, unpack
from mnistlab.errors import DataError

CONTENT = b'.SEGMENT DIGIT 0 ? "7"\n.COMMENT 7 3 1\n.PEN_DOWN\n 1 9\n 5 9\n 2 1\n.PEN_UP\n'


def packed(codes: Iterable[int], most_bits: int = 16) -> bytes:
    """Codes as compress(1) writes them: in groups of eight, each of one width."""
    written, group, bits, known = bytearray([0x1F, 0x9D, 0x80 | most_bits]), [], 9, 256
    for code in codes:
        group.append(code)
        known = 256 if code == 256 else known + 1
        width = min(known.bit_length(), most_bits)
        if len(group) == 8 or width != bits or code == 256:
            number = sum(each << bits * place for place, each in enumerate(group))
            written += number.to_bytes(bits, "little")
            group, bits = [], width
    number = sum(each << bits * place for place, each in enumerate(group))
    return bytes(written + number.to_bytes(-(-bits * len(group) // 8), "little"))


def codes(content: bytes, clear_at: int = -1, most_bits: int = 16) -> Iterator[int]:
    """LZW: at the first code after `clear_at` bytes the table is forgotten."""
    table, text = {bytes([byte]): byte for byte in range(256)} | {b"clear": 256}, b""
    for place, byte in enumerate(content):
        longer = text + bytes([byte])
        if longer in table:
            text = longer
            continue
        yield table[text]
        text = bytes([byte])
        if 0 <= clear_at <= place:
            yield 256
            table, clear_at = dict(list(table.items())[:257]), -1
        elif len(table) < 1 << most_bits:
            table[longer] = len(table)
    yield table[text]


def compressed(content: bytes) -> bytes:
    return packed(codes(content))


# 35 KB for 200 MB: each code stands for one zero more than the one before
BOMB = packed([0, *range(257, 20_257)])


def zipped(name: str, content: bytes, how: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the catalog takes for UCI's site."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pendigits, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        monkeypatch.setattr(pendigits, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def test_fetched_once_and_then_kept(served: Path) -> None:
    (served / ARCHIVE).write_bytes(zipped(MEMBER, compressed(CONTENT)))
    (drawing,) = load_pendigits()
    assert (drawing.label, drawing.writer) == ("7", "3")
    (served / ARCHIVE).unlink()
    assert len(load_pendigits()) == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"<html>we have moved</html>", "cannot be used"),
        (zipped("other.txt", CONTENT), "cannot be used"),
        (zipped(MEMBER, b"not packed"), "not packed by compress"),
        (zipped(MEMBER, BOMB), "larger than is believed"),
        (zipped(MEMBER, bytes(MAX_BYTES + 1)), "larger than is believed"),
        (zipped(MEMBER, bytes(1000), zipfile.ZIP_DEFLATED)[:-400], "cannot be used"),
        (zipped(MEMBER, compressed(CONTENT.replace(b"9", b"8"))), "checksum"),
    ],
)
def test_anything_else_is_refused_and_not_kept(served: Path, sent: bytes, said: str) -> None:
    (served / ARCHIVE).write_bytes(sent)
    with pytest.raises(DataError, match=said):
        load_pendigits()
    (served / ARCHIVE).write_bytes(zipped(MEMBER, compressed(CONTENT)))
    assert len(load_pendigits()) == 1


@pytest.mark.parametrize("most_bits", [10, 12, 16])
@pytest.mark.parametrize("clear_at", [-1, 0, 20_000])
@pytest.mark.parametrize("letters", [1, 2, 256])
def test_unpacking_what_compress_packed(letters: int, clear_at: int, most_bits: int) -> None:
    random = np.random.default_rng(0)
    content = random.integers(0, letters, 40_000, dtype=np.uint8).tobytes()
    file = packed(codes(content, clear_at, most_bits), most_bits)
    assert unpack(file) == content
    unlzw3 = pytest.importorskip("unlzw3")
    assert unlzw3.unlzw(file) == content


def test_a_bomb_takes_little_memory() -> None:
    assert len(BOMB) < 40_000
    tracemalloc.start()
    with pytest.raises(ValueError, match="larger than is believed"):
        unpack(BOMB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * MAX_BYTES


@given(st.binary(max_size=80))
def test_random_bytes_are_unpacked_or_refused(tail: bytes) -> None:
    with suppress(ValueError):
        assert len(unpack(b"\x1f\x9d\x90" + tail)) <= 80 * 80


def test_any_damage_to_the_zip_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pendigits, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(pendigits, "fetch_file", lambda *_: tmp_path / "damaged")
    whole = zipped(MEMBER, compressed(CONTENT), zipfile.ZIP_DEFLATED)
    said = []
    for place in range(0, len(whole), 2):
        for value in (14, whole[place] ^ 255):
            changed = whole[:place] + bytes([value]) + whole[place + 1 :]
            (tmp_path / "damaged").write_bytes(changed)
            try:
                pendigits._fetch(tmp_path / "strokes", None)
                assert (tmp_path / "strokes").read_bytes() == CONTENT
            except DataError as error:
                said.append(str(error))
            assert not (tmp_path / "damaged").exists()
    assert "".join(said).isprintable()
    assert all("cannot be used" in line for line in said)


def test_nothing_else_needs_to_be_installed(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "unlzw3", None)
    (served / ARCHIVE).write_bytes(zipped(MEMBER, compressed(CONTENT)))
    assert len(load_pendigits()) == 1


def test_a_server_that_has_nothing(served: Path) -> None:
    with pytest.raises(DataError, match="could not be downloaded"):
        load_pendigits()


def test_a_changed_copy_is_refused(served: Path) -> None:
    (served / ARCHIVE).write_bytes(zipped(MEMBER, compressed(CONTENT)))
    load_pendigits()
    copy = served.parent / "cache" / "data" / "pendigits" / "pendigits-orig.tra"
    copy.write_bytes(CONTENT + b"\n")
    with pytest.raises(DataError, match="checksum"):
        load_pendigits()
