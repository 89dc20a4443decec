"""What books and trials may be called, and which trial changes which."""

import re
from collections import Counter
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated

from pydantic import AfterValidator, Field

from mnistlab.book.checking import nearest, shown

FORBIDDEN = set('/\\:*?"<>|')  # in a file's name, on one system or another
PORTS = [f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)]
DEVICE_NAMES = {"con", "prn", "aux", "nul", *PORTS}  # of Windows, which no file may have


def _file_name(name: str) -> str:
    device = name.split(".")[0].rstrip().lower() in DEVICE_NAMES
    if device or not name.isprintable() or FORBIDDEN & set(name) or name.strip(" .") != name:
        raise ValueError(f"{shown(name)} cannot be a file name on every system; rename it")
    return name


def _trial_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,59}", name):
        valid = "letters, digits, space, _ . - only, 60 at most"
        raise ValueError(f"{shown(name)} may hold {valid}; rename it")
    if name.lower() == "base":
        raise ValueError("'base' is what trials start from; choose another name")
    return _file_name(name)


TrialName = Annotated[str, AfterValidator(_trial_name)]
BookName = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_file_name)]


def check_and_sort(parents: Sequence[tuple[str, str]]) -> list[str]:
    """The names of `base` and of all trials, each after the one it changes.

    `parents` are pairs of a trial and the one it changes. Raises ValueError if there is none, for a
    name taken twice, a parent that is not there, and a circle.
    """
    if not parents:
        raise ValueError("has no [[trial]]; add at least one")
    known, counts = dict(parents), Counter(name.lower() for name, _ in parents)
    if twice := [name for name, _ in parents if counts[name.lower()] > 1]:
        raise ValueError(f'two trials are called "{twice[-1]}" (case is ignored); rename one')
    for name, parent in parents:
        if parent not in known and parent != "base":
            said = f"names {shown(parent)}, and there is no such trial"
            raise ValueError(f'trial "{name}": "from" {said}{nearest(parent, [*known, "base"])}')
    try:
        return list(TopologicalSorter({name: [known[name]] for name in known}).static_order())
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        said = f'"from" goes round in a circle: {circle}; let one start from "base"'
        raise ValueError(said) from None
