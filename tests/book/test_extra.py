"""The book's words about drawings and augmentation."""

import pytest

from mnistlab.book.reading import parse_book, read_book
from mnistlab.book.trial import changed
from mnistlab.errors import BookError

BOOK = """
seeds = 1
[[extra]]
strokes = "pendigits"
exclude_writers = [3, "ann"]
copies = 2
[base]
conv = [{ out = 4, kernel = 7, stride = 3 }]
batch_size = 32
learning_rate = 0.001
epochs = 1
[[trial]]
name = "plain"
[[trial]]
name = "turned"
from = "plain"
augment = { rotate = 10 }
"""


def test_extra_and_augment_are_read() -> None:
    book = parse_book(BOOK, "b", "b.toml")
    assert book.extra[0].exclude_writers == ("3", "ann")
    assert book.extra[0].copies == 2
    assert not book.trial("plain").training.augment.active
    assert changed(book.trial("plain"), book.trial("turned")) == {"augment.rotate": (0.0, 10.0)}


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ("copies = 2", "copy = 2", r'"extra\.1\.copy".*did you mean "copies"'),
        ("rotate = 10", "rotation = 10", r'"augment\.rotation".*did you mean "rotate"'),
        ("rotate = 10", "rotate = -1", r'"augment\.rotate" should be greater'),
        ("copies = 2", "copies = 0", r'"extra\.1\.copies" should be greater'),
        ("[[extra]]", "[extra]", '"extra" should be'),
    ],
)
def test_what_is_wrong_is_named(found: str, instead: str, said: str) -> None:
    with pytest.raises(BookError, match=said) as caught:
        parse_book(BOOK.replace(found, instead), "b", "b.toml")
    assert "\n" not in str(caught.value)


def test_the_drawing_book_fits_its_limit() -> None:
    (trial,) = read_book("drawing").trials
    assert 4 * trial.network.parameters() < 490_000  # of the 500,000 bytes that its model may have


def test_more_strokes_can_be_added_to_any_book() -> None:
    book = parse_book(
        '[[extra]]\nstrokes = "few.jsonl"\n' + BOOK.replace("seeds = 1\n", ""), "b", "b.toml"
    )
    assert book.with_strokes([]) == book
    assert [(extra.strokes, extra.copies) for extra in book.with_strokes(["mine.jsonl"]).extra] == [
        ("few.jsonl", 1),
        ("pendigits", 2),
        ("mine.jsonl", 2),
    ]
