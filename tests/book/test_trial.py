import pytest
from pydantic import ValidationError

from mnistlab.book.reading import parse_book, read_book
from mnistlab.book.trial import Book, Conv, Network, Trial, changed


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
    assert tiny_book.with_seeds(3).seeds == (0, 1, 2)
    assert parse_book(
        "seeds = 2\n[base]\nconv=[]\nbatch_size=1\nlearning_rate=1\nepochs=1\n[[trial]]\nname='a'",
        "b",
        "b",
    ).seeds == (0, 1)
