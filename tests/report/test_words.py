"""Verdicts in words."""

import pytest

from mnistlab.report.words import (
    bounds,
    describe_change,
    other_metrics,
    points,
    remarks,
    sentence,
    setting_name,
    show,
    signed,
)
from mnistlab.results.compare import compare, judge
from mnistlab.results.statistics import Interval
from tests.made_up import record, runs, trial

BOOK = [trial("1"), trial("2", "1", 0.0005)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weight_decay": (0.01, 0.001)}, "Lowering weight decay from 0.01 to 0.001"),
        ({"conv.out": (16, 32)}, "Raising filters from 16 to 32"),
        ({"conv2.norm": (False, True)}, "Adding batch-norm of layer 2"),
        ({"optimizer": ("adam", "sgd")}, "Changing optimizer from adam to sgd"),
        ({"conv": ([{}], [{}, {}])}, "Changing the network from 1 layer to 2 layers"),
        (
            {"conv.kernel": (7, 5), "conv.stride": (3, 2)},
            "Changing kernel 7 → 5, stride 3 → 2 together",
        ),
        ({"augment.rotate": (0.0, 10.0)}, "Raising augment rotate from 0 to 10"),
        ({}, "Changing nothing"),
    ],
)
def test_a_change_is_the_subject_of_a_sentence(
    changes: dict[str, tuple[object, object]], said: str
) -> None:
    assert describe_change(changes) == said


def test_names_of_settings() -> None:
    assert [setting_name(key) for key in ("conv.out", "conv3.kernel", "batch_size")] == [
        "filters", "kernel of layer 3", "batch size",
    ]  # fmt: skip


def test_the_sentence_of_the_readme() -> None:
    before, after = [0.95, 0.951, 0.95, 0.949, 0.952], [0.97, 0.972, 0.972, 0.97, 0.973]
    (comparison,) = compare(BOOK, runs("1", before) + runs("2", after))
    assert sentence(comparison) == (
        "Lowering learning rate from 0.001 to 0.0005 helped: +2.10 points [2.01, 2.19], n = 5."
    )


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


def test_few_pairs_in_words() -> None:
    said = [points(judged) for judged in judge([[], [0.02], [0.02, 0.02], [0.0, 0.0, 0.0]])]
    assert said == [
        "n = 0",
        "+2.00 points no interval, n = 1",
        "+2.00 points no spread, n = 2",
        "0.00 points no spread, n = 3",
    ]


def test_an_undecided_change_says_how_many_seeds_it_would_need() -> None:
    (comparison,) = compare(BOOK, runs("1", [0.97] * 4) + runs("2", [0.971, 0.969, 0.972, 0.9705]))
    needed = comparison.judgement.needed
    assert needed is not None
    size = "A difference of 0.06 points at the spread seen"
    assert (
        remarks(comparison)[0]
        == f"{size} would need about {needed} seeds to be found four times in five."
    )
    (comparison,) = compare(BOOK, runs("1", [0.97] * 4) + runs("2", [0.972, 0.968, 0.97, 0.97001]))
    assert "more than 1,000 seeds" in remarks(comparison)[0]
    (comparison,) = compare(BOOK, runs("1", [0.97] * 4) + runs("2", [0.97] * 4))
    assert remarks(comparison)[0] == "There is no difference to look for with more seeds."


def test_reservations_are_told() -> None:
    (comparison,) = compare(
        BOOK, runs("1", [0.95, 0.951, 0.95]) + runs("2", [0.97, 0.972, 0.972, 0.97])
    )
    assert any(
        "sign-flip test disagrees: p = 0.25, which cannot go below 0.25 with 3 seeds" in it
        for it in remarks(comparison)
    )
    assert "Not counted: trial 1 has no run with seed 3." in remarks(comparison)
    lost = record("2", 3, status="diverged")
    (comparison,) = compare(
        BOOK, [*runs("1", [0.95, 0.951, 0.95, 0.96]), *runs("2", [0.97, 0.972, 0.972]), lost]
    )
    assert "Not counted: trial 2 diverged with seed 3." in remarks(comparison)


def test_the_other_measures_in_words() -> None:
    (comparison,) = compare(BOOK, runs("1", [0.95, 0.951, 0.95]) + runs("2", [0.97, 0.972, 0.972]))
    said = dict(other_metrics(comparison))
    assert said["test accuracy"] == "0.00 points [0.00, 0.00]"
    assert said["time"] == "× 1.00 [1.00, 1.00]"
