"""A TOML file → a Book: chains of trials resolved, what is wrong named by file, trial and key."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from mnistlab.book.checking import Settings, nearest, quoted, read_text, refused, validated
from mnistlab.book.module import read_module
from mnistlab.book.names import BookName, TrialName, check_and_sort
from mnistlab.book.trial import (
    MAX_TRIALS,
    Book,
    BookHeader,
    Extra,
    Network,
    SeedCount,
    Training,
    Trial,
)

MAX_CHARACTERS = 1_000_000  # of a book
MAX_DOTS = 16  # in one key: the memory that tomllib needs grows with their square
PART = r"""(?:(?<![\w-])[\w-]++|"(?:\\.|[^"\\\n])*+"|'[^'\n]*+')"""  # of a key, between dots
# a text, a comment, or a key of too many dots: what is inside the former is passed over, in one go
TOKEN = re.compile(
    r'''"""(?:(?!""")(?:\\.|[^\\]))*+(?:""")?'''
    r"|'''(?:(?!''').)*+(?:''')?"
    rf"|(?P<dotted>{PART}(?:[ \t]*+\.[ \t]*+{PART}){{{MAX_DOTS + 1}}})"
    r"""|"(?:\\.|[^"\\\n])*+"?|\#[^\n]*+|[\w-]++"""
    r"|'[^'\n]*+'?",
    re.DOTALL,
)
SETTING_KEYS = (*Network.model_fields, *Training.model_fields)
LAYER_KEYS = tuple(key for key in Network.model_fields if key != "module")
WORD_KEYS = ("why", "note", "reference")
TRIAL_KEYS = ("name", "from", *WORD_KEYS, *SETTING_KEYS)


class TrialTable(Settings, extra="allow"):
    """A [[trial]] as it is written; its settings are looked at with those that it inherits."""

    name: TrialName
    parent: Annotated[str, Field(alias="from")] = "base"

    def keys(self) -> dict[str, Any]:
        """All but `name` and `from`."""
        return self.model_extra or {}


class BookTable(BookHeader):
    """A book as it is written."""

    seeds: SeedCount = 5
    base: Annotated[dict[str, Any], Field(default_factory=dict)]
    trial: Annotated[tuple[TrialTable, ...], Field(strict=False, max_length=MAX_TRIALS)] = ()


def shipped_books() -> dict[str, str]:
    """The books that come with mnistlab: name → TOML text."""
    files = (resources.files("mnistlab") / "books").iterdir()
    books = [file for file in files if file.name.endswith(".toml")]
    return {Path(file.name).stem: file.read_text("utf-8") for file in books}


def read_book(book: str | Path) -> Book:
    """Read a book from a TOML file, or one that comes with mnistlab by its name.

    Raises BookError.
    """
    path, name, shipped = Path(book), str(book), shipped_books()
    if _is_file(path):
        return parse_book(read_text(path, MAX_CHARACTERS), path.stem, name, path.parent)
    if name in shipped:
        return parse_book(shipped[name], name, name)
    books = ", ".join(sorted(shipped))
    remedy = f"give a TOML file or one of the books that come with mnistlab: {books}"
    raise refused(f"{name[:200]}: no such book; {remedy}")


def parse_book(text: str, name: str, file: str, folder: Path | None = None) -> Book:
    """The book in a TOML text; `file` is how errors call it. Raises BookError.

    Modules are read from `folder`, where the book is; without one it can have none. Paths of data
    and drawings lead from the current folder or, where nothing is there, from that one.
    """
    table: BookTable = validated(BookTable, _tables(text, file), file)
    _refuse_unknown(table.base, SETTING_KEYS, f"{file}: [base]")
    settings = _settings(table, file, folder)
    return Book(
        name=validated(BookName, name, f"{file}: its file's name"),
        title=table.title or name,
        data=_located(table.data, folder),
        validation=table.validation,
        margin=table.margin,
        extra=tuple(_located_strokes(each, folder) for each in table.extra),
        seeds=tuple(range(table.seeds)),
        trials=tuple(_trial(each, settings[each.name], file) for each in table.trial),
    )


def _located(path: str, folder: Path | None) -> str:
    """A path, or one that leads beside the book where only that is there.

    A word without a dot or a slash may be the name of a known data set: it stays as it is.
    """
    beside = str(folder / path) if folder and {*path} & set("./\\") else path
    return beside if _exists(beside) and not _exists(path) else path


def _located_strokes(extra: Extra, folder: Path | None) -> Extra:
    return extra.model_copy(update={"strokes": _located(extra.strokes, folder)})


def _tables(text: str, file: str) -> dict[str, Any]:
    if len(text) > MAX_CHARACTERS:
        size = f"larger than {MAX_CHARACTERS:,} characters"
        raise refused(f"{file}: {size}, which no book of trials is; give another file")
    if any(token["dotted"] for token in TOKEN.finditer(text)):
        raise refused(f"{file}: a key of more than {MAX_DOTS} dots, which no book has; shorten it")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(f"{file}: not valid TOML: {error}; correct that place") from None


def _settings(book: BookTable, file: str, folder: Path | None) -> dict[str, dict[str, Any]]:
    """Every trial's settings: those it inherits, overlaid by its own."""
    try:
        names = check_and_sort([(trial.name, trial.parent) for trial in book.trial])
    except ValueError as error:
        raise refused(f"{file}: {error}") from None
    settings = {"base": _own_settings(book.base, folder, f"{file}: [base]")}
    trials = {trial.name: trial for trial in book.trial}
    for trial in (trials[name] for name in names if name != "base"):
        own = _own_settings(trial.keys(), folder, f'{file}: trial "{trial.name}"')
        settings[trial.name] = _inherited(settings[trial.parent], own) | own
    return settings


def _own_settings(table: Mapping[str, Any], folder: Path | None, place: str) -> dict[str, Any]:
    """The settings in one table, of its module what the file holds."""
    own = _only(table, SETTING_KEYS)
    if "module" in own:
        if others := [key for key in LAYER_KEYS if key in own]:
            raise refused(f'{place}: "module" is a whole network; leave out {", ".join(others)}')
        own["module"] = read_module(own["module"], folder, place)
    return own


def _inherited(settings: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial takes over: of a network nothing where its own is one of the other kind."""
    dropped = LAYER_KEYS if "module" in own else ("module",) if _only(own, LAYER_KEYS) else ()
    return {key: value for key, value in settings.items() if key not in dropped}


def _trial(table: TrialTable, settings: Mapping[str, Any], file: str) -> Trial:
    place = f'{file}: trial "{table.name}"'
    _refuse_unknown(table.keys(), TRIAL_KEYS, place)
    network = ({"conv": ()} if "module" in settings else {}) | _only(settings, Network.model_fields)
    values = _only(table.keys(), WORD_KEYS) | {
        "name": table.name,
        "parent": None if table.parent == "base" else table.parent,
        "network": validated(Network, network, place),
        "training": validated(Training, _only(settings, Training.model_fields), place),
    }
    trial: Trial = validated(Trial, values, place)
    return trial


def _only(table: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table}


def _refuse_unknown(table: Iterable[str], valid: Iterable[str], place: str) -> None:
    for key in table:
        if key not in valid:
            raise refused(f"{place}: unknown key {quoted(key)}{nearest(key, valid)}")


def _is_file(path: Path) -> bool:
    return _exists(path) and path.is_file()


def _exists(path: str | Path) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no name of a file, or in a folder that may not be looked into
        return False
