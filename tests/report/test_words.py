"""Figures, names and data in words."""

from mnistlab.report.words import (
    bounds,
    data_words,
    list_names,
    list_seeds,
    pooling_words,
    quoted,
    shortened,
    show,
    signed,
)  # fmt: skip
from mnistlab.results.statistics import Interval
from tests.made_up import INFO


def test_numbers() -> None:
    assert [signed(value, 2) for value in (0.5, -0.5, 0.001, -0.001)] == [
        "+0.50",
        "−0.50",
        "0.00",
        "0.00",
    ]
    assert bounds(-0.1, 0.2, 1) == "[−0.1, 0.2]"
    assert bounds(None, None, 1) == ""
    assert [show(Interval(0, None, None, None)), show(Interval(1, 0.5, None, None))] == [
        "–",
        "0.5000",
    ]


def test_data_in_words() -> None:
    assert data_words(INFO) == "50,000 train, 10,000 validation, 10,000 test images of 10 classes"
    other = INFO.model_copy(update={"classes": ("cat", "dog"), "channels": 3})
    assert data_words(other).endswith("10,000 test RGB images of 2 classes")


def test_names_of_classes_are_cut_by_the_room_they_take() -> None:
    assert [shortened("Ankle boot", 10), shortened("Ankle boot", 9)] == ["Ankle boot", "Ankle bo…"]
    assert shortened("血小板血小板", 6) == "血小…"  # 2 columns each
    assert shortened("a\u202eb\n c") == "a\\u202eb c"
    assert [quoted("4"), len(quoted("x" * 100))] == ["“4”", 42]


def test_names_and_seeds_in_a_row() -> None:
    assert [list_names(["1", "2", "3"][:n]) for n in range(4)] == [
        "", "1", "1 and 2", "1, 2 and 3",
    ]  # fmt: skip
    assert list_seeds([3]) == "seed 3"
    assert list_seeds([0, 2, 3, 4, 9]) == "seeds 0, 2 to 4, 9"


def test_what_environments_differ_in() -> None:
    here, there = {"python": "3.11", "cores": "2"}, {"python": "3.12", "cores": "2"}
    assert pooling_words([here, there]) == (
        "The runs were made in 2 environments, which differ in python: their figures are taken "
        "together, their seconds cannot be compared."
    )
    assert pooling_words([here]) == pooling_words([]) == ""
