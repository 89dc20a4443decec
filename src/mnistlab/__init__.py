"""A lab for small image classifiers: change one thing, train on several seeds, see if it helped.

    from mnistlab import load_data, read_book, run_book

Names are imported when first used (PEP 562), so that `import mnistlab` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistlab.book.reading import read_book
    from mnistlab.data.catalog import load_data
    from mnistlab.errors import LabError
    from mnistlab.images import DataSet, Images
    from mnistlab.lab import run_book

    __version__: str

__all__ = [
    "DataSet", "Images", "LabError", "__version__", "load_data", "read_book", "run_book",
]  # fmt: skip

_HOMES = {
    "DataSet": "mnistlab.images",
    "Images": "mnistlab.images",
    "LabError": "mnistlab.errors",
    "load_data": "mnistlab.data.catalog",
    "read_book": "mnistlab.book.reading",
    "run_book": "mnistlab.lab",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("mnistlab")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mnistlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
