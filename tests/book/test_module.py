"""Modules in a book: what is read of a file, who inherits it, and what counts as a change."""

import os
from pathlib import Path

import pytest

from mnistlab.book import module as reading
from mnistlab.book.module import Module
from mnistlab.book.reading import parse_book, read_book
from mnistlab.book.trial import Book, Conv, changed
from mnistlab.errors import BookError
from tests.conftest import BASE

SOURCE = "raise AssertionError('reading a book runs nothing')\n"
CONV = "conv = [{ out = 8, kernel = 3 }]"


def book(folder: Path, *trials: str, base: str = BASE) -> Book:
    """A book of trials a, b, … with these keys, beside `nets.py`."""
    (folder / "nets.py").write_text(SOURCE, "utf-8")
    tables = [
        f'[[trial]]\nname = "{name}"\n{keys}\n' for name, keys in zip("abcd", trials, strict=False)
    ]
    (folder / "own.toml").write_text(base + "".join(tables), "utf-8")
    return read_book(folder / "own.toml")


def test_a_book_takes_the_files_text_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "nets.py").write_bytes(b"x = 1\r\n")
    trials = 'module = "nets.py:SmallNet"', 'module = "more/nets.py:Net_2"'
    read = book(tmp_path, *trials)
    assert [trial.network.module for trial in read.trials] == [
        Module(file="nets.py", name="SmallNet", source=SOURCE),
        Module(file="more/nets.py", name="Net_2", source="x = 1\n"),
    ]
    assert Book.model_validate_json(read.model_dump_json()) == read
    module = read.trials[1].network.module
    assert module
    assert module.sha256.startswith("9e26bf369911")  # printf 'x = 1\n' | sha256sum


def test_a_network_is_inherited_as_one_module_or_as_layers_and_never_mixed(tmp_path: Path) -> None:
    base = BASE + 'dropout = 0.5\nactivation = "tanh"\n'
    own = 'module = "nets.py:Net"\nlearning_rate = 0.5'
    read = book(tmp_path, own, 'from = "a"\nepochs = 9', f'from = "b"\n{CONV}', base=base)
    first, second, third = read.trials
    assert first.network.module == second.network.module is not None
    assert (first.network.conv, first.network.dropout, first.network.activation) == ((), 0, "relu")
    assert (second.training.learning_rate, second.training.epochs) == (0.5, 9)
    assert third.network.module is None
    assert (third.network.conv, third.network.dropout) == ((Conv(out=8, kernel=3),), 0)
    in_base = BASE.replace("conv = [{ out = 4, kernel = 5, stride = 3 }]", 'module = "nets.py:N"')
    other, same = book(tmp_path, CONV, "", base=in_base).trials
    assert (other.network.module, other.network.conv[0].out) == (None, 8)
    assert same.network.module


AT = ': trial "a": "module" '
FORM = 'should be "FILE.py:NAME", a file beside the book and what makes the network in it, not '


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("module = 3", AT + FORM + "3"),
        ('module = "nets.py"', AT + FORM + "'nets.py'"),
        ('module = "nets.py:2"', AT + FORM + "'nets.py:2'"),
        ('module = "nets.py:a.b"', AT + FORM + "'nets.py:a.b'"),
        ('module = "../nets.py:Net"', AT + FORM + "'../nets.py:Net'"),
        ('module = "/nets.py:Net"', AT + FORM + "'/nets.py:Net'"),
        ('module = "C:/nets.py:Net"', AT + FORM + "'C:/nets.py:Net'"),
        ('module = "nets.py\\u001b:Net"', AT + FORM + "'nets.py\\x1b:Net'"),
        ('module = "none.py:Net"', "/none.py: no such file; correct it"),
        ('module = "none.py:Net"', f"own.toml{AT[:-1]}: "),
        ('module = "folder.py:Net"', "/folder.py: not a file; correct it"),
        ('module = "latin.py:Net"', "cannot be read as UTF-8 text ('utf-8' codec can't decode"),
        (
            f'module = "nets.py:Net"\n{CONV}\nhidden = [3]',
            ': trial "a": "module" is a whole network; leave out conv, hidden',
        ),
    ],
)
def test_what_is_no_module_is_refused_in_one_line(keys: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9")
    with pytest.raises(BookError) as caught:
        book(tmp_path, keys)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(BookError, match=r"pipe\.py: not a file; correct it$"):
        book(tmp_path, 'module = "pipe.py:Net"')


def test_a_file_that_is_too_long_and_a_book_that_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = 'module = "nets.py:Net"'
    with pytest.raises(BookError, match="and this book is none; save it as a file"):
        parse_book(f'{BASE}[[trial]]\nname = "a"\n{keys}\n', "own", "own.toml")
    monkeypatch.setattr(reading, "MAX_SOURCE", len(SOURCE) - 1)
    with pytest.raises(BookError, match=r"nets\.py: larger than \d+ characters; make it shorter"):
        book(tmp_path, keys)


def test_a_module_is_one_change_and_an_edited_file_is_one_too(tmp_path: Path) -> None:
    own = 'from = "a"\nmodule = "nets.py:Net"\nepochs = 9'
    native, module, back = book(tmp_path, "", own, f'from = "b"\n{CONV}').trials
    assert changed(native, module) == {"epochs": (2, 9), "module": (None, "nets.py:Net")}
    assert changed(module, back) == {"module": ("nets.py:Net", None)}
    assert changed(module, module) == {}
    assert module.network.module
    edited = module.network.module.model_copy(update={"source": "x = 1\n"})
    network = module.network.model_copy(update={"module": edited})
    told = changed(module, module.model_copy(update={"network": network}))
    assert list(told) == ["module"]
    assert told["module"][1] == "nets.py:Net (9e26bf)"
    assert told["module"][0] != told["module"][1]
