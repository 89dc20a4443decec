"""How the command line ends: what it complains of at last, and its exit code.

0 all done; 2 refused before starting; 1 some inputs or runs failed, or work stopped midway, and the
rest was done; 3 an expectation that is not met; 130 interrupted.
"""

import logging
import os
import sys
from typing import Any, NoReturn

import typer

from mnistlab import terminal
from mnistlab.errors import LabError, UnfinishedError
from mnistlab.terminal import complain

# of click, or of the copy of it that newer versions of typer carry
ClickException: type[Exception] = typer.BadParameter.__mro__[2]

UNFINISHED, REFUSED, UNMET, INTERRUPTED = 1, 2, 3, 130  # exit codes


def run_and_exit(app: typer.Typer) -> NoReturn:
    """Run a command line with this process's arguments and exit."""
    terminal.prepare()
    logging.getLogger("mnistlab").handlers = [_Warnings()]
    code = _exit_code(app)
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:  # what is left would be tried again at exit, with a complaint by Python
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _exit_code(app: typer.Typer) -> int:
    try:
        _refuse_impossible_names()
        code: Any = app(None if sys.argv[1:] else ["--help"], standalone_mode=False)
    except ClickException as error:
        complain(f"{error.format_message()} (see mnistlab --help)")  # type: ignore[attr-defined]
        return REFUSED
    except LabError as error:
        complain(error)
        return UNFINISHED if isinstance(error, UnfinishedError) else REFUSED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        return _unforeseen(error)
    return code if isinstance(code, int) else 0


def _refuse_impossible_names() -> None:
    for argument in sys.argv[1:]:
        if "\0" in argument or argument != argument.encode(errors="ignore").decode():
            raise LabError(f"{argument}: not a name in UTF-8; rename the file or folder")


def _unforeseen(error: Exception) -> int:
    """Say what the system refused, and return the exit code. Raises what is no such thing, a bug.

    When loky cannot start a process its cleaning up fails too: the first error is the context.
    """
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, KeyboardInterrupt):  # Ctrl-C while a library was imported
        return INTERRUPTED
    if not isinstance(cause, OSError):
        raise error
    reason = cause.strerror or cause
    if cause.filename is not None:
        complain(f"{cause.filename}: {reason}; give another name or place")
        return REFUSED
    complain(f"{reason}, in writing output or starting processes; make room and try again")
    return UNFINISHED


class _Warnings(logging.Handler):
    """Shows what the lab warns of as errors are shown."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())
