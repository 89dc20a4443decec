from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistlab.book.reading import parse_book, read_book, shipped_books
from mnistlab.errors import BookError
from tests.conftest import BASE

ONE = BASE + '[[trial]]\nname = "one"\n'


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= 1", "book.toml: not valid TOML: "),
        ("", "book.toml: has no [[trial]]; add at least one"),
        ("trial = 3", "book.toml: has no [[trial]]; add at least one"),
        ("sedes = 3\n" + ONE, 'book.toml: unknown key "sedes"; did you mean "seeds"?'),
        ("seeds = 0\n" + ONE, 'book.toml: "seeds" must be a whole number from 1 to 1000, not 0'),
        ("seeds = true\n" + ONE, 'book.toml: "seeds" must be a whole number from 1 to 1000, not '
                                 'True'),
        ("title = 3\n" + ONE, 'book.toml: "title" should be a valid string, not 3'),
        ("validation = -1\n" + ONE, 'book.toml: "validation" should be greater than or equal to '
                                    '1, not -1'),
        (ONE + "lerning_rate = 1", 'book.toml: trial "one": unknown key "lerning_rate"; did you '
                                   'mean "learning_rate"?'),
        (ONE + 'batch_size = "3"', 'book.toml: trial "one": "batch_size" should be a valid '
                                   'integer, not \'3\''),
        (ONE + "learning_rate = -1", 'book.toml: trial "one": "learning_rate" should be greater '
                                     'than 0, not -1'),
        (ONE + "learning_rate = nan", 'book.toml: trial "one": "learning_rate" should be a '
                                      'finite number, not nan'),
        (ONE + "conv = [{ out = 1, kernel = 40 }]",
         'book.toml: trial "one": "conv": layer 1: kernel 40 is larger than its padded input, '
         '28×28'),
        (ONE + "conv = [{ out = 1, kernal = 4 }]",
         'book.toml: trial "one": unknown key "conv.1.kernal"; did you mean "kernel"?'),
        (ONE + "conv = [{ out = 1 }]", 'book.toml: trial "one": "conv.1.kernel" is missing; set '
                                       'it there or in [base]'),
        (ONE + "momentum = 0.9", "momentum is for sgd, and the optimizer is adam; set momentum "
                                 "= 0"),
        (ONE + 'optimizer = "adm"', "\"optimizer\" should be 'adam', 'adamw' or 'sgd', not 'adm'"),
        (ONE + "reference.tset.accuracy = 1",
         'book.toml: trial "one": unknown key "reference.tset"; did you mean "test"?'),
        (ONE + "reference.test.acuracy = 1",
         'book.toml: trial "one": unknown key "reference.test.acuracy"; did you mean "accuracy"?'),
        ('[[trial]]\nname = "x"', 'book.toml: trial "x": "conv" is missing; set it there or in '
                                  '[base]'),
        (ONE + 'from = "on"',
         'book.toml: trial "one": "from" names \'on\', and there is no such trial; did you mean '
         '"one"?'),
        (ONE + 'from = "one"', "goes round in a circle: one → one"),
        (ONE + 'from = "two"\n[[trial]]\nname = "two"\nfrom = '
               '"one"', "goes round in a circle: one → two → one"),
        (ONE + '[[trial]]\nname = "ONE"', 'book.toml: two trials are called "ONE" (case is '
                                          'ignored); rename one'),
        (BASE + "[[trial]]\nwhy = 'x'", 'book.toml: trial number 1: "name" must be a text, not '
                                        'None'),
        (BASE + '[[trial]]\nname = "../../x"', "may hold letters, digits, space, _ . - only, 60 "
                                               "at most; rename it"),
        (BASE + '[[trial]]\nname = "<script>"', "may hold letters, digits, space, _ . - only, "
                                                "60 at most; rename it"),
        (BASE + '[[trial]]\nname = "one\\n"', "may hold letters, digits, space, _ . - only, 60 "
                                              "at most; rename it"),
        (BASE + '[[trial]]\nname = "nul"', "cannot be a file name on Windows"),
        (BASE + '[[trial]]\nname = "com1.x"', "cannot be a file name on Windows"),
        (BASE + '[[trial]]\nname = "one."', "cannot be a file name on Windows"),
        (BASE + '[[trial]]\nname = "base"', "'base' is what trials start from; choose another "
                                            "name"),
        ("base = 3\n[[trial]]\nname = 'x'", "book.toml: [base]: must be a table of keys, not 3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_place_and_remedy(text: str, said: str) -> None:
    with pytest.raises(BookError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("book.toml:")
    assert "\n" not in str(caught.value)


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
    with pytest.raises(BookError, match="larger than 1,000,000 bytes"):
        read_book(tmp_path / "large.toml")


def test_a_file_goes_before_a_shipped_book_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("six-trials").write_text("title = 'mine'\n" + ONE, "utf-8")
    assert read_book("six-trials").title == "mine"


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
