"""The errors a user can cause, each one line that says what is wrong, where, and what to do.

LabError
├── BookError   a book of trials that cannot be run
├── DataError   images, labels or strokes that cannot be used, or not be fetched
├── EngineError what trains is not there, not able to, or not what it should be
│   └── NoEngineError   the native engine is not installed, or cannot be loaded here
├── StoreError  a results folder that cannot be read or written
└── UnfinishedError     part of the work is done and stored, and the rest could not be
"""


class LabError(Exception):
    """Anything that is wrong with what the lab was given; its text is shown to the user as
    it is.
    """


class BookError(LabError):
    """A book of trials cannot be run."""


class DataError(LabError):
    """Images, labels or strokes cannot be used, or could not be fetched."""


class EngineError(LabError):
    """What trains a network is not installed, not there, or not able to."""


class NoEngineError(EngineError):
    """The native engine is not installed, or cannot be loaded here: PyTorch can take its place."""


class StoreError(LabError):
    """A results folder or the cache folder cannot be read or written."""


class UnfinishedError(LabError):
    """Part of the work is done and stored, and the rest could not be: exit code 1, not 2."""


def one_line(text: object) -> str:
    """A text from outside as a terminal or a page may have it: one line, no control characters.

    Every run of white space becomes a space, and what could steer a terminal its code: `\\x1b`.
    """
    line = " ".join(str(text).split())
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)
