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
    from mnistlab.lab import run_book

__all__ = ["LabError", "load_data", "read_book", "run_book"]

_HOMES = {
    "LabError": "mnistlab.errors",
    "load_data": "mnistlab.data.catalog",
    "read_book": "mnistlab.book.reading",
    "run_book": "mnistlab.lab",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mnistlab' has no attribute {name!r}")
