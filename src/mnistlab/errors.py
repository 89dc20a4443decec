"""The errors a user can cause, each one line that says what is wrong, where, and what to do.

LabError
├── BookError           a book of trials cannot be run
├── DataError           images, labels or strokes cannot be used or fetched
├── EngineError         what trains a network is missing, not able to, or not what it should be
│   └── NoEngineError   the native engine cannot be loaded here: PyTorch can take its place
├── StoreError          a results folder or the cache folder cannot be read or written
└── UnfinishedError     part of the work is done and stored, the rest could not be
"""

from collections.abc import Iterator
from contextlib import contextmanager


class LabError(Exception):
    """Something is wrong with what the lab was given; its text is shown to the user."""


class BookError(LabError):
    """A book of trials cannot be run."""


class DataError(LabError):
    """Images, labels or strokes cannot be used, or could not be fetched."""


class EngineError(LabError):
    """What trains a network is missing, not able to, or not what it should be."""


class NoEngineError(EngineError):
    """The native engine is not installed, or cannot be loaded here."""


class StoreError(LabError):
    """A results folder or the cache folder cannot be read or written."""


class UnfinishedError(LabError):
    """Work stopped midway; what was finished is stored. Its exit code is 1, not 2."""


@contextmanager
def store_errors_as_unfinished() -> Iterator[None]:
    """Raise a StoreError as UnfinishedError: part of the work is done."""
    try:
        yield
    except StoreError as error:
        raise UnfinishedError(str(error)) from None


def printable(text: object) -> str:
    """Return a text in which every character that could steer a terminal is its code: `\\x1b`."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in str(text))


def one_line(text: object) -> str:
    """Return a text from outside as a terminal or a page may have it: one printable line.

    Every run of white space becomes a space.
    """
    return printable(" ".join(str(text).split()))
