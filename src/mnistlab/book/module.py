"""A network of one's own in a book, `module = "nets.py:SmallNet"`: what is read of its file.

Nothing of it is run here; `training/modules.py` does that, in the process that trains.
"""

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import Field

from mnistlab.book.checking import Settings, read_text, refused, shown, validated

FILE, NAME = r"[\w. /-]{1,200}\.py", r"[^\W\d]\w{0,199}"
MAX_SOURCE = 100_000  # characters of a module's file, which each of its runs keeps


class Module(Settings):
    """A file of Python beside the book, and what in it makes the network when it is called.

    `source` is the file's text, so that nothing else is needed to run it.
    """

    file: Annotated[str, Field(pattern=f"^{FILE}$")]
    name: Annotated[str, Field(pattern=f"^{NAME}$")]
    source: Annotated[str, Field(max_length=MAX_SOURCE)]

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"

    @property
    def sha256(self) -> str:
        """The hash of the file's text, hexadecimal."""
        return hashlib.sha256(self.source.encode()).hexdigest()


def read_module(value: Any, folder: Path | None, place: str) -> Module:
    """Return the module that a book in `folder` calls `value`. Raises BookError, `place` first.

    None is the folder of a book that is no file.
    """
    found = re.fullmatch(f"({FILE}):({NAME})", value) if isinstance(value, str) else None
    file, name = found.groups() if found else ("..", "")
    path, key = PurePosixPath(file), f'{place}: "module"'
    if path.is_absolute() or ".." in path.parts:
        said = 'should be "FILE.py:NAME", a file beside the book and what makes the network in it'
        raise refused(f"{key} {said}, not {shown(value)}")
    if folder is None:
        raise refused(f"{key} is a file beside the book, and this book is none; save it as a file")
    source = read_text(folder / path, MAX_SOURCE, key)
    if len(source) > MAX_SOURCE:
        most = f"larger than {MAX_SOURCE:,} characters"
        raise refused(f"{key}: {folder / path}: {most}; make it shorter")
    module: Module = validated(Module, {"file": file, "name": name, "source": source}, key)
    return module
