import json
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from mnistlab.book.reading import read_book
from mnistlab.book.trial import Book, Conv, Network, Trial, changed
from mnistlab.errors import BookError


def test_geometry_of_trial_1_by_hand() -> None:
    network = Network(conv=(Conv(out=16, kernel=7, stride=3, padding=1),))
    # (28 + 2 - 7) // 3 + 1 = 8 positions a side; 16·8·8 = 1,024 features; 16·(49 + 1) + 10·(1,024 +
    # 1) = 11,050
    assert network.shapes() == [(1, 28), (16, 8)]
    assert network.features() == 1024
    assert network.parameters() == 11_050


def test_geometry_with_pool_and_norm_by_hand() -> None:
    network = Network(conv=(Conv(out=8, kernel=3, pool=2, norm=True), Conv(out=4, kernel=3)))
    # 28 → 26 → pool 13 → 11; weights 8·9 + 8 + 2·8 (norm) + 4·8·9 + 4 + 10·(4·121 + 1)
    assert network.shapes() == [(1, 28), (8, 13), (4, 11)]
    assert network.parameters() == 96 + 292 + 4850


@pytest.mark.parametrize(
    ("conv", "said"),
    [
        (Conv(out=1, kernel=29), "kernel 29 is larger than its padded input, 28×28"),
        (Conv(out=1, kernel=28, pool=2), "pool 2 is larger than its input"),
    ],
)
def test_impossible_geometry_is_refused(conv: Conv, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Network(conv=(conv,))


def test_changes_name_each_setting_that_differs() -> None:
    book = read_book("six-trials")
    changes = {
        trial.name: changed(book.trial(trial.parent), trial)
        for trial in book.trials
        if trial.parent
    }
    assert changes == {
        "2": {"learning_rate": (0.001, 0.0005)},
        "3": {"weight_decay": (0.01, 0.001)},
        "4": {"conv.out": (16, 32)},
        "5": {"batch_size": (32, 64)},
        "6": {"conv.kernel": (7, 5), "conv.stride": (3, 2)},
    }


def test_changes_of_layers_are_numbered_and_another_number_of_layers_is_one_change() -> None:
    def with_layers(*out: int) -> Trial:
        layers = tuple(Conv(out=n, kernel=3) for n in out)
        return (
            read_book("six-trials").trials[0].model_copy(update={"network": Network(conv=layers)})
        )

    assert changed(with_layers(2, 3), with_layers(2, 4)) == {"conv2.out": (3, 4)}
    assert list(changed(with_layers(2), with_layers(2, 4))) == ["conv"]


def test_settings_are_frozen_and_strict() -> None:
    conv = Conv(out=1, kernel=3)
    with pytest.raises(ValidationError):
        conv.out = 2  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Conv(out=True, kernel=3)
    with pytest.raises(ValidationError):
        Conv.model_validate({"out": "1", "kernel": 3})


def test_a_book_survives_json(tiny_book: Book) -> None:
    for book in (tiny_book, read_book("six-trials")):
        assert Book.model_validate_json(book.model_dump_json()) == book


def test_fewer_epochs_and_other_seeds(tiny_book: Book) -> None:
    assert {trial.training.epochs for trial in tiny_book.with_epochs(7).trials} == {7}
    assert tiny_book.with_epochs(7).trials[1].training.learning_rate == 0.001
    assert tiny_book.with_seeds(3).seeds == (0, 1, 2)
    assert len(tiny_book.with_seeds(1000).seeds) == 1000


def test_what_a_command_changed_is_noted_as_the_command_writes_it(tiny_book: Book) -> None:
    book = tiny_book.with_epochs(5).with_seeds(2).with_strokes(["a.jsonl", "it's.jsonl"])
    strokes = ("--strokes a.jsonl", "--strokes 'it'\"'\"'s.jsonl'")
    assert tiny_book.options == ()
    assert book.options == ("--epochs 5", "--seeds 2", *strokes)
    again = book.with_epochs(7).with_strokes(["b.jsonl"])
    assert again.options == ("--seeds 2", *strokes, "--epochs 7", "--strokes b.jsonl")
    assert Book.model_validate_json(again.model_dump_json()) == again


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda book: book.with_seeds(1500),
            "--seeds: should be less than or equal to 1000, not 1500",
        ),
        (lambda book: book.with_seeds(0), "--seeds: should be greater than or equal to 1, not 0"),
        (lambda book: book.with_seeds(10**4000), "--seeds: should be less than or equal to 1000"),
        (lambda book: book.with_seeds(True), "--seeds: should be a valid integer, not True"),
        (lambda book: book.with_epochs(0), "--epochs: should be greater than or equal to 1, not 0"),
        (lambda book: book.with_epochs(1.5), "--epochs: should be a valid integer, not 1.5"),
        (lambda book: book.with_epochs(10**6), "--epochs: should be less than or equal to 100000"),
        (
            lambda book: book.with_strokes(["x" * 2001]),
            '--strokes: "extra.1.strokes" should have at most 2000 characters, not',
        ),
        (
            lambda book: book.with_strokes(["x\0"]),
            "should hold no control characters, not 'x\\x00'",
        ),
        (lambda book: book.with_strokes(["x\udcff"]), "should be UTF-8, not 'x\\udcff'"),
        (lambda book: book.with_strokes([3]), "should be a valid string, not 3"),
        (lambda book: book.with_strokes(["x"] * 101), '"extra" should have at most 100 items'),
    ],
)
def test_what_a_command_may_not_change_is_refused_in_one_line(
    tiny_book: Book, change: Callable[[Book], Book], said: str
) -> None:
    with pytest.raises(BookError) as caught:
        change(tiny_book)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parent": "lost"}, "names 'lost', and there is no such trial"),
        ({"parent": "b"}, "circle: b → b"),
        ({"name": "A"}, 'two trials are called "A"'),
        ({"name": "../a"}, "may hold letters"),
    ],
)
def test_a_damaged_book_on_disk_is_not_believed(
    tiny_book: Book, change: dict[str, str], said: str
) -> None:
    damaged = json.loads(tiny_book.model_dump_json())
    damaged["trials"][1] |= change
    with pytest.raises(ValidationError, match=said):
        Book.model_validate_json(json.dumps(damaged))


def test_networks_without_layers_can_be_compared() -> None:
    plain = read_book("six-trials").trials[0].model_copy(update={"network": Network(conv=())})
    other = plain.model_copy(update={"network": Network(conv=(), dropout=0.5)})
    assert changed(plain, other) == {"dropout": (0.0, 0.5)}
