"""Fetching UCI's pen digits from a server of our own."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mnistlab.data import pendigits
from mnistlab.data.pendigits import ARCHIVE, MEMBER, load_pendigits
from mnistlab.errors import DataError

CONTENT = b'.SEGMENT DIGIT 0 ? "7"\n.COMMENT 7 3 1\n.PEN_DOWN\n 1 9\n 5 9\n 2 1\n.PEN_UP\n'


def compressed(content: bytes) -> bytes:
    """`content`, shorter than 255 bytes, as compress(1) might pack it: every byte a code of nine
    bits.
    """
    assert len(content) < 255
    bits = sum(byte << 9 * place for place, byte in enumerate(content))
    return b"\x1f\x9d\x90" + bits.to_bytes(-(-9 * len(content) // 8), "little")


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
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
    assert (drawing.label, drawing.writer) == (7, "3")
    (served / ARCHIVE).unlink()
    assert len(load_pendigits()) == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"<html>we have moved</html>", "cannot be read"),
        (zipped("other.txt", CONTENT), "cannot be read"),
        (zipped(MEMBER, b"not packed"), "cannot be read"),
        (zipped(MEMBER, compressed(CONTENT.replace(b"9", b"8"))), "checksum"),
    ],
)
def test_anything_else_is_refused_and_not_kept(served: Path, sent: bytes, said: str) -> None:
    (served / ARCHIVE).write_bytes(sent)
    with pytest.raises(DataError, match=said):
        load_pendigits()
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
