"""UCI's pen digits: 7,494 digits that 30 people wrote on a tablet, fetched as the strokes they are.

E. Alpaydin and F. Alimoglu, "Pen-Based Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1996, https://doi.org/10.24432/C5MG6K, CC BY 4.0; the original, unnormalised training
file.
"""

import hashlib
import zipfile
from pathlib import Path

from mnistlab import atomic
from mnistlab.data.catalog import Progress, cache_folder, fetch_file
from mnistlab.data.strokes import Drawing, parse_pendigits
from mnistlab.errors import DataError, one_line

MIRRORS = ("https://archive.ics.uci.edu/static/public/81/",)
ARCHIVE = "pen+based+recognition+of+handwritten+digits.zip"
MEMBER = "pendigits-orig.tra.Z"
# of what is inside the member
SHA256 = "a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4"
MAX_BYTES = 10_000_000  # of the member, packed and unpacked; it holds 3.6 million
COMPRESS_FLAGS = [bytes([0x80 + bits]) for bits in range(9, 17)]  # the widest code, in bits
CLEAR = 256  # the code after which compress(1) begins a new table


def load_pendigits(progress: Progress | None = None) -> list[Drawing]:
    """Return the pen digits with labels and writers, downloaded unless they are in the cache.

    Raises DataError.
    """
    path = cache_folder() / "data" / "pendigits" / "pendigits-orig.tra"
    if not path.is_file():
        _fetch(path, progress)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        reason = "not the published file (its checksum differs)"
        raise DataError(f"{path}: {reason}; delete it to fetch it again")
    return parse_pendigits(content.decode("latin-1"))


def _fetch(path: Path, progress: Progress | None) -> None:
    archive = fetch_file("pendigits", ARCHIVE, MIRRORS, None, path.parent, progress)
    try:
        content = _unzipped(archive)
    except Exception as error:  # a broken zip makes its reader raise almost anything
        reason = f"what UCI sent cannot be used ({one_line(error)[:120]})"
        raise DataError(f"pendigits: {reason}; try again later") from None
    finally:
        archive.unlink(missing_ok=True)
    try:
        atomic.write_whole(path, content)
    except OSError as error:
        reason = f"cannot be written ({error.strerror})"
        raise DataError(f"{path}: {reason}; set MNISTLAB_CACHE to a folder that can") from None


def _unzipped(archive: Path) -> bytes:
    """Return the strokes' file inside UCI's zip, where it is packed once more by LZW."""
    with zipfile.ZipFile(archive) as files:
        if files.getinfo(MEMBER).file_size > MAX_BYTES:
            raise ValueError(f"{MEMBER} is larger than is believed")
        content = unpack(files.read(MEMBER))
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError("its checksum is not the published file's")
    return content


def unpack(packed: bytes) -> bytes:
    """Return what compress(1) packed by LZW, in codes of 9 to 16 bits; at most `MAX_BYTES` of it.

    Codes come in groups of eight; where their width changes, the rest of a group is skipped.
    Raises ValueError.
    """
    if packed[:2] != b"\x1f\x9d" or packed[2:3] not in COMPRESS_FLAGS:
        raise ValueError(f"{MEMBER} was not packed by compress")
    most_bits = packed[2] % 32
    content, table, before = bytearray(), _fresh_table(), b""
    bits, at, group = 9, 24, 24  # the width of a code, its place and that of its group, in bits
    while at + bits <= 8 * len(packed):
        code = int.from_bytes(packed[at // 8 : at // 8 + 3], "little") >> at % 8 & (1 << bits) - 1
        at += bits
        if code == CLEAR:
            table, before = _fresh_table(), b""
        else:
            text = _entry(table, code, before)
            if before and len(table) < 1 << most_bits:
                table.append(before + text[:1])
            content += text
            before = text
        if len(content) > MAX_BYTES:
            raise ValueError(f"{MEMBER} is larger than is believed")
        width = min(len(table).bit_length(), most_bits)
        if width != bits or code == CLEAR:
            at += -(at - group) % (8 * bits)
            bits, group = width, at
    return bytes(content)


def _fresh_table() -> list[bytes]:
    return [*(bytes([byte]) for byte in range(256)), b""]  # the last for CLEAR itself


def _entry(table: list[bytes], code: int, before: bytes) -> bytes:
    """What a code stands for; one that is not in the table yet repeats what came before it."""
    if code < len(table):
        return table[code]
    if code > len(table) or not before:
        raise ValueError(f"{MEMBER} is damaged")
    return before + before[:1]
