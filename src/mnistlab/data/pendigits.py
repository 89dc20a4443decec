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
from mnistlab.errors import DataError

MIRRORS = ("https://archive.ics.uci.edu/static/public/81/",)
ARCHIVE = "pen+based+recognition+of+handwritten+digits.zip"
MEMBER = "pendigits-orig.tra.Z"
# of what is inside the member
SHA256 = "a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4"
MAX_BYTES = 10_000_000  # of the member, packed


def load_pendigits(progress: Progress | None = None) -> list[Drawing]:
    """The pen digits with labels and writers, downloaded unless they are in the cache. Raises
    DataError.
    """
    path = cache_folder() / "data" / "pendigits" / "pendigits-orig.tra"
    if not path.is_file():
        archive = fetch_file("pendigits", ARCHIVE, MIRRORS, None, path.parent, progress)
        try:
            content = _unpacked(archive)
        finally:
            archive.unlink(missing_ok=True)
        try:
            atomic.write_whole(path, content)
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written ({error.strerror}); set MNISTLAB_CACHE to a folder "
                f"that can"
            ) from None
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(
            f"{path}: not the published file (its checksum differs); delete it to fetch it again"
        )
    return parse_pendigits(content.decode("latin-1"))


def _unpacked(archive: Path) -> bytes:
    """The strokes' file inside UCI's zip, where it is packed once more by LZW."""
    try:
        from unlzw3 import unlzw
    except ImportError:
        raise DataError(
            "pendigits: UCI packs them with LZW; pip install unlzw3 to read that"
        ) from None
    try:
        with zipfile.ZipFile(archive) as files:
            if files.getinfo(MEMBER).file_size > MAX_BYTES:
                raise DataError(f"pendigits: {MEMBER} is larger than is believed; try again later")
            content: bytes = unlzw(files.read(MEMBER))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"pendigits: what UCI sent cannot be read ({error}); try again later"
        ) from None
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(
            "pendigits: what UCI sent is not the published file (its checksum differs); try "
            "again later"
        )
    return content
