import os
import sys
from contextlib import suppress
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistlab.book.reading import parse_book, read_book, shipped_books
from mnistlab.errors import BookError
from tests.conftest import BASE

TRIAL = '[[trial]]\nname = "one"\n'
ONE = BASE + TRIAL
AT = 'trial "one": '


def parse(text: str) -> None:
    parse_book(text, "book", "book.toml")


def test_the_six_trials_are_those_of_the_published_table() -> None:
    rows = {}
    for trial in read_book("six-trials").trials:
        (conv,), training = trial.network.conv, trial.training
        rows[trial.name] = (
            conv.out, conv.kernel, conv.stride, conv.padding,
            training.batch_size, training.learning_rate, training.weight_decay,
        )  # fmt: skip
    assert rows == {
        "1": (16, 7, 3, 1, 32, 0.001, 0.01),
        "2": (16, 7, 3, 1, 32, 0.0005, 0.01),
        "3": (16, 7, 3, 1, 32, 0.0005, 0.001),
        "4": (32, 7, 3, 1, 32, 0.0005, 0.001),
        "5": (32, 7, 3, 1, 64, 0.0005, 0.001),
        "6": (32, 5, 2, 1, 32, 0.0005, 0.001),
    }


def test_every_shipped_book_can_be_read() -> None:
    for name in shipped_books():
        assert read_book(name).name == name


def test_a_trial_takes_what_its_chain_sets_and_only_settings_are_inherited() -> None:
    book = parse_book(
        BASE + '[[trial]]\nname = "c"\nfrom = "b"\nepochs = 9\n'
        '[[trial]]\nname = "a"\nwhy = "because"\nbatch_size = 8\n[[trial]]\nname = "b"\nfrom = '
        '"a"\ndropout = 0.5\n',
        "book", "book.toml",
    )  # fmt: skip
    trial = book.trial("c")
    assert (trial.training.batch_size, trial.network.dropout, trial.training.epochs) == (8, 0.5, 9)
    assert (trial.parent, trial.why, trial.training.learning_rate) == ("b", "", 0.003)
    assert [trial.name for trial in book.trials] == ["c", "a", "b"]


LETTERS = "may hold letters, digits, space, _ . - only, 60 at most; rename it"
NO_FILE = "cannot be a file name on every system; rename it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= 1", "not valid TOML: "),
        ("", "has no [[trial]]; add at least one"),
        ("trial = []", "has no [[trial]]; add at least one"),
        ("trial = 3", '"trial" should be a list: […], or [[…]] of tables, not 3'),
        ("[trial]\nname = 'x'", '"trial" should be a list: […], or [[…]] of tables, not {'),
        ("trial = [3]", '"trial.1" should be a table of keys, not 3'),
        ("base = 3\n" + TRIAL, '"base" should be a table of keys, not 3'),
        ("[base]\nbatchsize = 3\n" + TRIAL, '[base]: unknown key "batchsize"; did you mean '
                                             '"batch_size"?'),
        ("[base]\nwhy = 'x'\n" + TRIAL, '[base]: unknown key "why"; choose one of conv, head, '),
        ("sedes = 3\n" + ONE, 'unknown key "sedes"; did you mean "seeds"?'),
        ("name = 'x'\n" + ONE, 'unknown key "name"'),
        ("options = []\n" + ONE, 'unknown key "options"'),
        ("seeds = 0\n" + ONE, '"seeds" should be greater than or equal to 1, not 0'),
        ("seeds = 1001\n" + ONE, '"seeds" should be less than or equal to 1000, not 1001'),
        ("seeds = true\n" + ONE, '"seeds" should be a valid integer, not True'),
        ("title = 3\n" + ONE, '"title" should be a valid string, not 3'),
        ("margin = 0\n" + ONE, '"margin" should be greater than 0, not 0'),
        ("margin = inf\n" + ONE, '"margin" should be'),
        ("validation = -1\n" + ONE, '"validation" should be greater than or equal to 1, not -1'),
        ("extra = [{ strokes = 3 }]\n" + ONE, '"extra.1.strokes" should be a valid string, not 3'),
        ("extra = [{ copies = 3 }]\n" + ONE, '"extra.1.strokes" is missing; set it there'),
        (ONE + "lerning_rate = 1",
         AT + 'unknown key "lerning_rate"; did you mean "learning_rate"?'),
        (ONE + "network = { conv = [] }", AT + 'unknown key "network"'),
        (ONE + "parent = 'x'", AT + 'unknown key "parent"'),
        (ONE + 'batch_size = "3"', AT + '"batch_size" should be a valid integer, not \'3\''),
        (ONE + "learning_rate = -1", AT + '"learning_rate" should be greater than 0, not -1'),
        (ONE + "learning_rate = nan", AT + '"learning_rate" should be a finite number, not nan'),
        (ONE + "conv = 3", AT + '"conv" should be a list: […], or [[…]] of tables, not 3'),
        (ONE + "conv = [3]", AT + '"conv.1" should be a table of keys, not 3'),
        (ONE + "conv = [{ out = 1, kernel = 40 }]",
         AT + '"conv": layer 1: kernel 40 is larger than its padded input, 28×28'),
        (ONE + "conv = [{ out = 1, kernal = 4 }]",
         AT + 'unknown key "conv.1.kernal"; did you mean "kernel"?'),
        (ONE + "conv = [{ out = 1 }]", AT + '"conv.1.kernel" is missing; set it there'),
        (ONE + "momentum = 0.9",
         AT + "momentum is for sgd, and the optimizer is adam; set momentum = 0"),
        (ONE + 'optimizer = "adm"',
         AT + "\"optimizer\" should be 'adam', 'adamw' or 'sgd', not 'adm'"),
        (ONE + "reference.tset.accuracy = 1",
         AT + 'unknown key "reference.tset"; did you mean "test"?'),
        (ONE + "reference.test.acuracy = 1",
         AT + 'unknown key "reference.test.acuracy"; did you mean "accuracy"?'),
        (TRIAL, AT + '"conv" is missing; set it there or in [base]'),
        (ONE + 'from = "on"',
         AT + '"from" names \'on\', and there is no such trial; did you mean "one"?'),
        (ONE + "from = ''",
         AT + "\"from\" names '', and there is no such trial; choose one of one, base"),
        (ONE + "from = 3", '"trial.1.from" should be a valid string, not 3'),
        (ONE + 'from = "one"', "goes round in a circle: one → one; let one start from"),
        (ONE + 'from = "c"\n[[trial]]\nname = "b"\nfrom = "one"\n[[trial]]\nname = "c"\nfrom = "b"',
         "goes round in a circle: one → c → b → one; "),
        (ONE + '[[trial]]\nname = "ONE"',
         'two trials are called "ONE" (case is ignored); rename one'),
        (ONE + '[[trial]]\nname = "one"\nfrom = "one"',
         'two trials are called "one" (case is ignored); rename one'),
        ("[[trial]]\nname = 'a'\n" * 1001, '"trial" should have at most 1000 items, not '),
        (BASE + "[[trial]]\nwhy = 'x'", '"trial.1.name" is missing; set it there'),
        (BASE + '[[trial]]\nname = "../../x"', f'"trial.1.name": \'../../x\' {LETTERS}'),
        (BASE + '[[trial]]\nname = "<script>"', LETTERS),
        (BASE + '[[trial]]\nname = "one\\n"', LETTERS),
        (BASE + f'[[trial]]\nname = "{"x" * 300}"', LETTERS),
        (BASE + '[[trial]]\nname = "nul"', f"'nul' {NO_FILE}"),
        (BASE + '[[trial]]\nname = "com1.x"', f"'com1.x' {NO_FILE}"),
        (BASE + '[[trial]]\nname = "one."', f"'one.' {NO_FILE}"),
        (BASE + '[[trial]]\nname = "base"',
         "'base' is what trials start from; choose another name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_place_and_remedy(text: str, said: str) -> None:
    with pytest.raises(BookError) as caught:
        parse(text)
    assert str(caught.value).startswith("book.toml: " + (said if said.startswith(AT) else ""))
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "place",
    ["title = HERE\n" + ONE, ONE + "why = HERE", ONE + "note = HERE", "data = HERE\n" + ONE,
     "[[extra]]\nstrokes = HERE\n" + ONE,
     "[[extra]]\nstrokes = 'x'\nexclude_writers = [HERE]\n" + ONE,
     ONE + "from = HERE", BASE + "[[trial]]\nname = HERE", "HERE = 3\n" + ONE, ONE + "HERE = 3",
     ONE + "reference.test.HERE = 3", "[base]\nHERE = 3\n" + TRIAL],
)  # fmt: skip
@pytest.mark.parametrize("code", ["\\u001b[31m", "\\u0000", "\\u009b", "\\u007f"])
def test_nothing_in_a_book_steers_a_terminal(place: str, code: str) -> None:
    with pytest.raises(BookError, match="red") as caught:
        parse(place.replace("HERE", f'"red{code}"'))
    assert str(caught.value).isprintable()


def test_texts_may_have_lines_and_any_letters() -> None:
    text = 'title = "naïve 数字 👩‍🔬"\n' + ONE + 'why = """\nOne.\n\tTwo."""'
    book = parse_book(text, "größe (1)", "book.toml")
    assert (book.title, book.trials[0].why) == ("naïve 数字 👩‍🔬", "One.\n\tTwo.")
    assert book.name == "größe (1)"


@pytest.mark.parametrize(
    "name", ["..", ".", "", ".hidden", "a/b", "a\\b", "nul", "CON", "x.", "x ", "a\x1b", "a\0",
             "a\udcff", "x" * 300]
)  # fmt: skip
def test_a_book_must_have_a_name_that_its_results_folder_can_have(name: str) -> None:
    with pytest.raises(
        BookError, match=r"book.toml: its file's name.* should |; rename it"
    ) as caught:
        parse_book(ONE, name, "book.toml")
    assert str(caught.value).isprintable()


def test_a_file_called_dots_does_not_write_beside_its_results(tmp_path: Path) -> None:
    for name in ("...toml", "....toml", ".toml"):
        (tmp_path / name).write_text(ONE, "utf-8")
        with pytest.raises(BookError, match="cannot be a file name on every system; rename it"):
            read_book(tmp_path / name)


@pytest.mark.parametrize("key", [".".join(["a"] * 5000), '\'a b\' . "\\"c" .' * 2000 + "d"])
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "[[{}]]", "x = [{{ {} = 1 }}]"])
def test_a_key_of_many_dots_is_refused_before_it_takes_gigabytes(key: str, form: str) -> None:
    with pytest.raises(BookError, match="a key of more than 16 dots, which no book has"):
        parse(form.format(key))


@pytest.mark.parametrize(
    "flood", ["a", '"', "'", "\\", "a.", '"a', "a\"'", "a .b\n", '\\"', '# \\"', '"""', "'''"]
)
def test_looking_for_dots_takes_no_longer_than_the_text_is(flood: str) -> None:
    started = process_time()
    with pytest.raises(BookError):
        parse(flood * (100_000 // len(flood)))
    assert process_time() - started < 1  # it takes 0.02; with the square of the length, many


def test_dots_in_texts_are_no_dots_of_keys() -> None:
    listed = "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20"
    for form in ('"{}"', "'{}'", '"""\n{}\n""" # {}'):
        assert parse_book(ONE + "why = " + form.format(listed, listed), "b", "b.toml").trials
    why = (
        "Why? "
        + "." * 50
        + " See 1.2.3.4, a.b.c, i. e. e.g. www.example.org/a.b/c.d... "
        + "No. " * 9
    )
    assert parse_book(ONE + f'why = "{why}"', "b", "b.toml").trials[0].why == why


def test_deep_nesting_and_huge_numbers_are_refused() -> None:
    for text in ("x = " + "[" * 100_000, "x = " + "1" * 10_000):
        with pytest.raises(BookError, match=r"book.toml: "):
            parse(text)


def test_files_that_are_no_books(tmp_path: Path) -> None:
    with pytest.raises(
        BookError,
        match="no such book; give a TOML file or one of the books that come with mnistlab",
    ):
        read_book(tmp_path / "none.toml")
    with pytest.raises(BookError, match="no such book"):
        read_book(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"title = '\xe9'")
    with pytest.raises(BookError, match="cannot be read as UTF-8"):
        read_book(tmp_path / "latin.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(BookError, match="larger than 1,000,000 characters"):
        read_book(tmp_path / "large.toml")


@pytest.mark.parametrize("path", ["a\0b", "x" * 300 + ".toml", "a\x1b[31m\n.toml", "a\udcff.toml"])
def test_a_path_that_no_book_has_is_said_in_one_line(path: str) -> None:
    with pytest.raises(BookError, match="no such book; give a TOML file or one of") as caught:
        read_book(path)
    assert str(caught.value).isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_whose_name_is_not_utf8_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"one\xff.toml")
    path.write_text(ONE, "utf-8")
    with pytest.raises(BookError, match="its file's name: should be UTF-8") as caught:
        read_book(path)
    assert str(caught.value).isprintable()


def test_a_file_goes_before_a_shipped_book_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("six-trials").write_text("title = 'mine'\n" + ONE, "utf-8")
    assert read_book("six-trials").title == "mine"


def test_data_and_drawings_are_looked_for_here_and_then_beside_the_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "books").mkdir()
    monkeypatch.chdir(tmp_path)
    text = 'data = "k.npz"\n[[extra]]\nstrokes = "./s.jsonl"\ncopies = 2\n' + ONE
    Path("books/b.toml").write_text(text, "utf-8")

    def found(path: str = "books/b.toml") -> tuple[str, str, int]:
        book = read_book(path)
        return book.data, book.extra[0].strokes, book.extra[0].copies

    assert found() == ("k.npz", "./s.jsonl", 2)
    for name in ("k.npz", "s.jsonl"):
        Path("books", name).touch()
    assert found() == (str(Path("books/k.npz")), str(Path("books/s.jsonl")), 2)
    assert found(str(tmp_path / "books/b.toml"))[0] == str(tmp_path / "books/k.npz")
    Path("k.npz").touch()
    assert found()[0] == "k.npz"


def test_a_known_data_set_is_not_looked_for_beside_the_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mini", "pendigits"):
        (tmp_path / name).mkdir()
    text = 'data = "mini"\n[[extra]]\nstrokes = "pendigits"\n' + ONE
    (tmp_path / "b.toml").write_text(text, "utf-8")
    book = read_book(tmp_path / "b.toml")
    assert (book.data, book.extra[0].strokes) == ("mini", "pendigits")


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_random_bytes_never_give_anything_but_a_book_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("books") / "random.toml"
    path.write_bytes(content)
    with pytest.raises(BookError):
        read_book(path)


VALUES = st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=8)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["out", "kernel", "test", "x"]), inner)
    ),
    max_leaves=6,
)
KEYS = (
    "title",
    "seeds",
    "validation",
    "data",
    "conv",
    "module",
    "epochs",
    "optimizer",
    "reference",
    "from",
    "why",
    "batch_size",
)


@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES), st.dictionaries(st.sampled_from(KEYS), VALUES)
)
@settings(max_examples=300, deadline=None)
def test_any_value_anywhere_gives_a_book_or_a_book_error(
    top: dict[str, object], entry: dict[str, object]
) -> None:
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in top.items()) + ONE
    text += "".join(f"{key} = {_toml(value)}\n" for key, value in entry.items())
    with suppress(BookError):
        parse(text)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
        case str():
            return (
                '"'
                + "".join(
                    f"\\U{ord(letter):08x}"
                    for letter in value
                    if not 0xD800 <= ord(letter) < 0xE000
                )
                + '"'
            )
    return str(value)


def test_the_margin_is_in_points_and_a_tenth_unless_said() -> None:
    assert parse_book(ONE, "book", "book.toml").margin == 0.1
    assert parse_book("margin = 0.25\n" + ONE, "book", "book.toml").margin == 0.25
    assert parse_book("margin = 1\n" + ONE, "book", "book.toml").margin == 1
