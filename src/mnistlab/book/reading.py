"""A TOML file → a Book: chains of trials resolved, everything that is wrong named by file, trial
and key.
"""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from mnistlab.book.trial import (
    MAX_SEEDS,
    MAX_TRIALS,
    Augment,
    Book,
    Conv,
    Extra,
    Figures,
    Network,
    Reference,
    Settings,
    Training,
    Trial,
)
from mnistlab.errors import BookError

MAX_BOOK_BYTES = 1_000_000  # bytes
BOOK_KEYS = ("title", "data", "seeds", "validation", "extra", "base", "trial")
SETTING_KEYS = (*Network.model_fields, *Training.model_fields)
TRIAL_KEYS = ("name", "from", "why", "note", "reference", *SETTING_KEYS)
NESTED: dict[str, type[Settings]] = {
    "conv": Conv, "augment": Augment, "extra": Extra,
    "reference": Reference, "train": Figures, "validation": Figures, "test": Figures,
}  # fmt: skip
Model = TypeVar("Model", bound=Settings)


def shipped_books() -> dict[str, str]:
    """The books that come with mnistlab: name → TOML text."""
    files = (resources.files("mnistlab") / "books").iterdir()
    return {
        Path(file.name).stem: file.read_text("utf-8")
        for file in files
        if file.name.endswith(".toml")
    }


def read_book(book: str | Path) -> Book:
    """Read a book from a TOML file, or one that comes with mnistlab by its name. Raises
    BookError.
    """
    path = Path(book)
    if not _is_file(path) and str(book) in (shipped := shipped_books()):
        return parse_book(shipped[str(book)], str(book), str(book))
    if not _is_file(path):
        names = ", ".join(sorted(shipped_books()))
        raise BookError(
            f"{str(book)[:200]}: no such book; give a TOML file or one of the books that come "
            f"with mnistlab: {names}"
        )
    try:
        if path.stat().st_size > MAX_BOOK_BYTES:
            raise BookError(
                f"{book}: larger than {MAX_BOOK_BYTES:,} bytes, which no book of trials is; "
                f"give another file"
            )
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BookError(
            f"{book}: cannot be read as UTF-8 text ({_first_line(error)}); save it as UTF-8"
        ) from None
    return parse_book(text, path.stem, str(book))


def parse_book(text: str, name: str, file: str) -> Book:
    """The book in a TOML text; `file` is how errors call it. Raises BookError."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BookError(
            f"{file}: not valid TOML: {_first_line(error)}; correct that place"
        ) from None
    _refuse_unknown(tables, BOOK_KEYS, file)
    base = _table(tables.get("base", {}), f"{file}: [base]")
    _refuse_unknown(base, SETTING_KEYS, f"{file}: [base]")
    entries = _entries(tables.get("trial"), file)
    trials = tuple(
        _trial(entry, entries, base, f"{file}: trial {_quoted(name)}")
        for name, entry in entries.items()
    )
    seeds = tables.get("seeds", 5)
    if type(seeds) is not int or not 1 <= seeds <= MAX_SEEDS:
        raise BookError(
            f'{file}: "seeds" must be a whole number from 1 to {MAX_SEEDS}, not {_shown(seeds)}'
        )
    top: dict[str, Any] = {
        key: tables[key] for key in ("data", "validation", "extra") if key in tables
    }
    return _validated(
        Book,
        {
            "name": name,
            "title": tables.get("title", name),
            "seeds": tuple(range(seeds)),
            "trials": trials,
            **top,
        },
        file,
    )


def _entries(tables: Any, file: str) -> dict[str, Mapping[str, Any]]:
    """The [[trial]] tables by name, in the order of the file."""
    if not isinstance(tables, list) or not tables:
        raise BookError(f"{file}: has no [[trial]]; add at least one")
    entries: dict[str, Mapping[str, Any]] = {}
    seen: set[str] = set()
    if len(tables) > MAX_TRIALS:
        raise BookError(
            f"{file}: {len(tables):,} trials, and {MAX_TRIALS:,} are the most; make several "
            f"books of them"
        )
    for number, table in enumerate(tables, 1):
        place = f"{file}: trial number {number}"
        entry = _table(table, place)
        name = entry.get("name")
        if not isinstance(name, str):
            raise BookError(f'{place}: "name" must be a text, not {_shown(name)}')
        if name.lower() in seen:
            raise BookError(
                f"{file}: two trials are called {_quoted(name)} (case is ignored); rename one"
            )
        _refuse_unknown(entry, TRIAL_KEYS, f"{file}: trial {_quoted(name)}")
        seen.add(name.lower())
        entries[name] = entry
    return entries


def _trial(
    entry: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    base: Mapping[str, Any],
    place: str,
) -> Trial:
    parent = entry.get("from", "base")
    settings = _inherited(entry, entries, base, place)
    return _validated(
        Trial,
        {
            "name": entry["name"],
            "parent": None if parent == "base" else parent,
            "network": _validated(Network, _only(settings, Network.model_fields), place),
            "training": _validated(Training, _only(settings, Training.model_fields), place),
            **_only(entry, ("why", "note", "reference")),
        },
        place,
    )


def _inherited(
    entry: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, Any]],
    base: Mapping[str, Any],
    place: str,
) -> dict[str, Any]:
    """The trial's settings: those of `base`, overlaid by each trial on the chain that leads
    to it.
    """
    chain, names = [entry], [entry["name"]]
    while (parent := chain[-1].get("from", "base")) != "base":
        if not isinstance(parent, str) or parent not in entries:
            near = _nearest(parent, [*entries, "base"])
            raise BookError(
                f'{place}: "from" names {_shown(parent)}, and there is no such trial{near}'
            )
        if parent in names:
            circle = " → ".join([*names, parent])
            raise BookError(
                f'{place}: "from" goes round in a circle: {circle}; let one start from "base"'
            )
        chain.append(entries[parent])
        names.append(parent)
    settings = dict(base)
    for link in reversed(chain):
        settings |= _only(link, SETTING_KEYS)
    return settings


def _validated(model: type[Model], values: Mapping[str, Any], place: str) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # a misspelt key is also a missing one: say the former
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        raise BookError(f"{place}: {_explained(first, model)}") from None


def _explained(error: Any, model: type[Settings]) -> str:
    """One of pydantic's errors in the words of a book."""
    *outer, last = error["loc"] or ("settings",)
    key = (
        ".".join(str(part + 1) if isinstance(part, int) else part for part in error["loc"])
        or "settings"
    )
    match error["type"]:
        case "extra_forbidden":
            named = [part for part in outer if isinstance(part, str)]
            valid = (NESTED[named[-1]] if named else model).model_fields
            return f'unknown key "{key}"{_nearest(last, valid)}'
        case "missing":
            return f'"{key}" is missing; set it there or in [base]'
        case "value_error":
            return (
                f'"{key}": {error["ctx"]["error"]}' if error["loc"] else str(error["ctx"]["error"])
            )
        case "string_pattern_mismatch":
            return (
                f'"{key}" {_shown(error["input"])} may hold letters, digits, space, _ . - '
                f"only, 60 at most; rename it"
            )
    said = error["msg"].removeprefix("Input should be ").removeprefix("Input ")
    return f'"{key}" should be {said}, not {_shown(error["input"])}'


def _refuse_unknown(table: Mapping[str, Any], valid: Iterable[str], place: str) -> None:
    for key in table:
        if key not in valid:
            raise BookError(f"{place}: unknown key {_quoted(key)}{_nearest(key, valid)}")


def _nearest(key: Any, valid: Iterable[str]) -> str:
    names = list(valid)
    near = get_close_matches(_shown(key).strip("'\""), names, n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else f"; choose one of {', '.join(names)}"


def _table(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BookError(f"{place}: must be a table of keys, not {_shown(value)}")
    return value


def _only(table: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table}


def _shown(value: Any) -> str:
    """A value as an error shows it: one short line, whatever it holds."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits, which Python does not write out
        return "a number too long to show"
    return text if len(text) <= 60 else text[:57] + "..."


def _quoted(name: str) -> str:
    """A name or key as an error shows it: in double quotes, nothing in it breaking the line."""
    return f'"{_shown(name)[1:-1]}"'


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no name that a file can have, or a folder that may not be looked into
        return False


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
