"""Verdicts in words."""

import pytest

from mnistlab.book.module import Module
from mnistlab.book.trial import Conv, Network
from mnistlab.report.words import (
    bounds,
    data_words,
    describe_change,
    list_seeds,
    network_words,
    other_metrics,
    p_words,
    points,
    pooling_words,
    quoted,
    remarks,
    sentence,
    setting_name,
    shortened,
    show,
    signed,
)
from mnistlab.results.compare import compare
from mnistlab.results.statistics import Interval
from mnistlab.results.summary import TrialSummary
from tests.made_up import INFO, record, runs, trial, verdicts

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
        ({"hidden": ((), (120,))}, "Adding a hidden layer of 120"),
        ({"hidden": ((120, 84), ())}, "Removing hidden layers of 120 and 84"),
        ({"hidden": ((120,), (240,))}, "Changing hidden layers from 120 to 240"),
        ({"activation": ("relu", "gelu")}, "Changing activation from relu to gelu"),
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
    (verdict,) = compare(BOOK, runs("1", before) + runs("2", after))
    assert sentence(verdict) == (
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
    said = [points(each) for each in verdicts([], [0.02], [0.02, 0.02], [0.0, 0.0, 0.0])]
    assert said == [
        "n = 0",
        "+2.00 points no interval, n = 1",
        "+2.00 points no spread, n = 2",
        "0.00 points no spread, n = 3",
    ]


def test_an_undecided_change_says_what_its_seeds_could_have_found() -> None:
    (verdict,) = verdicts([0.001, -0.001, 0.002, 0.0005])
    assert verdict.detectable is not None
    size = f"{100 * verdict.detectable:.2f}"
    (said,) = remarks(verdict)
    assert said == (
        f"With this spread, 4 seeds would find a difference of {size} points four times in five."
    )
    among, _ = verdicts([0.001, -0.001, 0.002, 0.0005], [0.0, 0.0, 0.001])
    assert remarks(among)[0].endswith("five (before correcting for 2 changes).")
    (trifle,) = verdicts([0.0001, -0.0001, 0.0002, -0.0001])
    assert remarks(trifle)[0].endswith("The whole interval lies within ±0.1 points.")
    (helped,) = verdicts([0.02, 0.021, 0.02])
    assert remarks(helped) == []


def test_equal_differences_are_not_said_to_be_none() -> None:
    (five,) = verdicts([0.0042] * 5)
    assert sentence(five).endswith("made no clear difference: +0.42 points no spread, n = 5.")
    assert remarks(five) == [
        "The difference is the same with every seed: it has no spread, so no interval. Its p is "
        "the sign test's, the least that 5 seeds can give."
    ]
    assert p_words(five) == "p = 0.062; corrected for 1 change: 0.062."
    (none,) = verdicts([0.0] * 5)
    assert remarks(none) == [
        "The difference is the same with every seed: it has no spread, so no interval."
    ]


def test_what_is_not_counted_is_told_in_ranges() -> None:
    lost = record("2", 0, status="diverged")
    records = [*runs("1", [0.95] * 12), lost, record("2", 1), record("2", 4)]
    (verdict,) = compare(BOOK, records)
    assert remarks(verdict)[-1] == (
        "Not counted: trial 2 diverged with seed 0; trial 2 has no run with seeds 2 to 3, 5 to 11."
    )
    assert list_seeds([3]) == "seed 3"
    assert list_seeds([0, 2, 3, 4, 9]) == "seeds 0, 2 to 4, 9"


def test_runs_of_different_environments_are_told() -> None:
    here, there = {"python": "3.11", "cores": "2"}, {"python": "3.12", "cores": "2"}
    records = [record("1", seed, environment=here) for seed in range(2)]
    records += [record("2", seed, environment=there) for seed in range(2)]
    (verdict,) = compare(BOOK, records)
    assert remarks(verdict)[-1] == (
        "Paired runs differ in python: the time of those is not compared."
    )
    assert dict(other_metrics(verdict))["time"] == "–"
    assert pooling_words([here, there]) == (
        "The runs were made in 2 environments, which differ in python: their figures are taken "
        "together, their seconds cannot be compared."
    )
    assert pooling_words([here]) == pooling_words([]) == ""


def test_the_other_measures_in_words() -> None:
    before = [record("1", seed, test=0.97) for seed in range(3)]
    after = [record("2", seed, test=0.98 + seed / 1000, seconds=2 + seed) for seed in range(3)]
    (verdict,) = compare(BOOK, before + after)
    said = dict(other_metrics(verdict))
    # t(0.975, 2) = 4.302653: ± 4.302653·0.001/√3 = 0.002484
    assert said["test accuracy"] == "+1.10 points [0.85, 1.35]"
    assert said["test loss"] == "0.0000"  # the same with every seed: no interval
    assert said["time"].startswith("× 1.44 [0.")  # the cube root of 1·1.5·2


def test_a_network_and_its_training_in_words() -> None:
    settings = trial("1").training.model_copy(update={"schedule": "cosine", "patience": 3})
    layer = Conv(out=8, kernel=3, norm=True, pool=2)
    network = Network(conv=(*trial("1").network.conv, layer), dropout=0.5)
    changed = trial("1").model_copy(update={"training": settings, "network": network})
    assert network_words(TrialSummary(changed, None, (record("1", 0),))) == (
        "conv 16 of 7×7, stride 3, padding 1, ReLU → conv 8 of 3×3, stride 1, padding 0, "
        "batch-norm, ReLU, max-pool 2 → dropout 0.5 → linear "
        f"({network.parameters():,} parameters); "
        "adam, learning rate 0.001, weight decay 0, batch size 32, cosine schedule, "
        "8 epochs at most, patience 3"
    )


def test_a_network_for_other_images_has_other_parameters() -> None:
    network = Network(conv=(Conv(out=16, kernel=7, stride=3, padding=1),))
    plain = trial("1").model_copy(update={"network": network})
    names = tuple(f"class {number}" for number in range(47))
    data = INFO.model_copy(update={"classes": names, "channels": 3})
    runs = (record("1", 0).model_copy(update={"data": data}),)
    # 8 positions a side: 16·(3·7² + 1) weights of the convolution, 47·(16·8² + 1) of the classes
    assert f"({16 * 148 + 47 * 1025:,} parameters)" in network_words(
        TrialSummary(plain, None, runs)
    )


def test_a_module_is_named_and_has_the_parameters_that_its_runs_counted() -> None:
    module = Module(file="nets.py", name="SmallNet", source="")
    own = trial("2", "1").model_copy(update={"network": Network(conv=(), module=module)})
    lost = record("2", 0, status="failed")
    summary = TrialSummary(own, trial("1"), (lost,))
    assert network_words(summary).startswith("module nets.py:SmallNet; adam")
    done = record("2", 1).model_copy(update={"parameters": 1234})
    summary = TrialSummary(own, trial("1"), (lost, done))
    assert network_words(summary).startswith("module nets.py:SmallNet (1,234 parameters); adam")
    assert describe_change(summary.changes) == "Changing module from none to nets.py:SmallNet"


def test_data_in_words() -> None:
    assert data_words(INFO) == "50,000 train, 10,000 validation, 10,000 test images of 10 classes"
    other = INFO.model_copy(update={"classes": ("cat", "dog"), "channels": 3})
    assert data_words(other).endswith("10,000 test RGB images of 2 classes")


def test_names_of_classes_are_cut_by_the_room_they_take() -> None:
    assert [shortened("Ankle boot", 10), shortened("Ankle boot", 9)] == ["Ankle boot", "Ankle bo…"]
    assert shortened("血小板血小板", 6) == "血小…"  # 2 columns each
    assert shortened("a\u202eb\n c") == "a\\u202eb c"
    assert [quoted("4"), len(quoted("x" * 100))] == ["“4”", 42]
