"""What pydantic finds wrong in a book or an option, in one line: place, key and remedy."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mnistlab.errors import BookError, one_line

WORDS = {  # pydantic's type of error → what it says should be, where its own words are Python's
    "dict_type": "be a table of keys",
    "model_type": "be a table of keys",
    "tuple_type": "be a list: […], or [[…]] of tables",
    "string_unicode": "be UTF-8",
    "string_pattern_mismatch": "hold no control characters",
}
MAX_SHOWN = 60  # characters


class Settings(BaseModel):
    """What every part of a book has in common: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def read_text(path: Path, most: int, place: str = "") -> str:
    """The text of a file, one character more than `most` if it is longer.

    Raises BookError, `place` first, if there is any, then the path.
    """
    where = f"{place}: {path}" if place else f"{path}"
    try:
        if not path.is_file():  # to open a pipe would be to wait for whoever writes to it
            raise refused(f"{where}: {'not a' if path.exists() else 'no such'} file; correct it")
        with path.open(encoding="utf-8") as file:
            return file.read(most + 1)
    except UnicodeDecodeError as error:
        reason = f"cannot be read as UTF-8 text ({error})"
        raise refused(f"{where}: {reason}; save it as UTF-8") from None
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise refused(f"{where}: {reason}; mend that") from None


def validated(kind: Any, value: Any, place: str) -> Any:
    """`value` as a `kind`, a model or an annotated type. Raises BookError, `place` first."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        # a misspelt key is also a missing one: say the former
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        raise refused(f"{place}: {_explained(first, kind)}") from None


def refused(reason: str) -> BookError:
    """The error for that reason, which may quote anything: it stays one line."""
    return BookError(one_line(reason))


def nearest(key: str, valid: Iterable[str]) -> str:
    """The end of an error about an unknown key: the one that was meant, or all there are."""
    names = list(valid)
    near = get_close_matches(key[:MAX_SHOWN], names, n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else f"; choose one of {', '.join(names)}"


def shown(value: Any) -> str:
    """A value as an error shows it: short, whatever it holds."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits, which Python does not write out
        return "a number too long to show"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def quoted(name: str) -> str:
    """A name or key as an error shows it: short, in double quotes."""
    return f'"{shown(name)[1:-1]}"'


def _explained(error: Any, kind: Any) -> str:
    """One of pydantic's errors in the words of a book."""
    path = error["loc"]
    key = quoted(".".join(str(part + 1) if isinstance(part, int) else part for part in path))
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {key}{nearest(path[-1], _keys(kind, path[:-1]))}"
        case "missing":
            return f"{key} is missing; set it there{' or in [base]' * (len(path) == 1)}"
        case "value_error":
            return f"{key}: {error['ctx']['error']}" if path else str(error["ctx"]["error"])
    said = error["msg"].partition(" should ")[2].partition(" after validation")[0]
    said = f"should {WORDS.get(error['type'], said)}, not {shown(error['input'])}"
    return f"{key} {said}" if path else said


def _keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys of the table that `path` leads to."""
    for name in (part for part in path if isinstance(part, str)):
        annotation = model.model_fields[name].annotation  # Conv, tuple[Conv, ...] or Conv | None
        inner = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        model = next(kind for kind in inner if issubclass(kind, BaseModel))
    return list(model.model_fields)
