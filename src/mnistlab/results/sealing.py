"""Files that carry hashes, so that damage and edits are found when they are read."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mnistlab.errors import StoreError


def sealed(content: BaseModel, files: Mapping[str, bytes]) -> bytes:
    """JSON that holds the hashes of `files` and of itself."""
    hashes = {name: sha256_of(file) for name, file in files.items()}
    return _with_hash(content.model_dump(mode="json") | {"files": hashes})


def unsealed(path: Path) -> tuple[bytes, dict[str, str]]:
    """What `sealed` has written, and the hashes of its files. Raises ValueError."""
    content = path.read_bytes()
    values = json.loads(content)
    expect(_with_hash(values) == content)
    return content, dict(values["files"])


def _with_hash(values: dict[str, Any]) -> bytes:
    """JSON with the SHA-256 of its canonical form: without that, keys sorted, no spaces."""
    rest = {key: value for key, value in values.items() if key != "sha256"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return json.dumps({**rest, "sha256": sha256_of(canonical.encode())}, indent=1).encode()


def sha256_of(content: bytes) -> str:
    """The hash of a file's content, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def verified(folder: Path, hashes: Mapping[str, str]) -> dict[str, bytes]:
    """The files of those hashes. Raises StoreError for the first that is not what was written."""
    files = {}
    for name, sha256 in hashes.items():
        with reading(folder / name):
            files[name] = (folder / name).read_bytes()
            expect(sha256_of(files[name]) == sha256)
    return files


def expect(truth: bool) -> None:
    """Raise ValueError, which `reading` puts in words, unless that is so."""
    if not truth:
        raise ValueError


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Make one line that names the file of whatever its content makes a library raise."""
    try:
        yield
    except Exception as error:
        reason = getattr(error, "strerror", None) or "its content is not what was written"
        remedy = "run the book again with this --out to make it anew"
        raise StoreError(f"{path}: damaged or of another version ({reason}); {remedy}") from None
