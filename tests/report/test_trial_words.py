"""Trials in words."""

import pytest

from mnistlab.book.module import Module
from mnistlab.book.trial import Conv, Network
from mnistlab.report.trial_words import describe_change, network_words, setting_name
from mnistlab.results.summary import TrialSummary
from tests.made_up import INFO, record, trial


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
