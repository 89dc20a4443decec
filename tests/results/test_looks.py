"""Looks: what decides, when, at which level; the same however the seeds came in."""

import pytest

from mnistlab.results.judging import EQUIVALENT, HELPED, TOO_FEW, UNCLEAR, judge
from mnistlab.results.looks import Change, Decisions, decide, plan_looks

MARGIN, IMAGES = 0.001, 10_000
LOOKS = plan_looks(5, 20)
CLEAR = [0.02, 0.021, 0.022, 0.02, 0.021]
NOISE = [0.002, -0.002, 0.001, -0.001, 0.0, 0.003, -0.003, 0.001, -0.001, 0.0] * 4


def by_seed(values: list[float]) -> Change:
    return dict(enumerate(values))


def decided(*changes: Change) -> Decisions:
    return decide(changes, LOOKS, MARGIN, IMAGES)


@pytest.mark.parametrize(
    ("first", "most", "seeds"),
    [(5, 40, (5, 10, 20, 40)), (5, 50, (5, 10, 20, 40, 50)), (5, 5, (5,)), (5, 3, (3,))],
)
def test_looks_double_up_to_the_last(first: int, most: int, seeds: tuple[int, ...]) -> None:
    looks = plan_looks(first, most)
    assert tuple(look.seeds for look in looks) == seeds
    assert sum(look.level for look in looks) == pytest.approx(0.05)
    ratio = looks[-1].level / looks[0].level
    assert ratio == pytest.approx((seeds[-1] / seeds[0]) ** 0.5)


def test_nothing_is_judged_before_a_look_is_complete() -> None:
    it = decided(by_seed(CLEAR), by_seed(NOISE[:4]))
    assert (it.open, it.seeds) == ([0, 1], 5)
    assert [each.verdict for each in it.judgements] == [TOO_FEW] * 2
    assert [each.look for each in it.judgements] == [None] * 2


def test_a_decided_change_is_frozen_and_the_open_one_goes_on() -> None:
    it = decided(by_seed(CLEAR), by_seed(NOISE[:5]))
    first, second = it.judgements
    assert (it.open, it.seeds) == ([1], 10)
    assert (first.verdict, first.look, first.level) == (HELPED, 1, LOOKS[0].level)
    assert (second.verdict, second.look) == (UNCLEAR, 1)
    later = decided(by_seed([*CLEAR, *[-0.5] * 15]), by_seed(NOISE[:20]))
    assert later.judgements[0] == first  # whatever its later seeds say
    assert (later.judgements[1].look, later.judgements[1].interval.n) == (3, 20)
    assert later.open == []


def test_a_look_is_a_judgement_at_its_level_with_the_decided_counted() -> None:
    later = decided(by_seed(CLEAR), by_seed(NOISE[:10])).judgements[1]
    (alone,) = judge([NOISE[:10]], MARGIN, IMAGES, LOOKS[1].level, [0.0])
    assert (later.p, later.p_holm, later.tested) == (alone.p, alone.p, 2)
    assert later.interval == alone.interval


def test_what_was_equivalent_without_a_direction_is_no_help_to_the_others() -> None:
    still = [0.0001, -0.0001] * 3
    it = decided(by_seed(still[:5]), by_seed(NOISE[:10]))
    equal, later = it.judgements
    assert (equal.verdict, equal.direction, equal.look) == (EQUIVALENT, None, 1)
    assert later.p is not None
    assert later.p_holm == min(1, 2 * later.p)


def test_a_seed_that_came_to_nothing_is_not_waited_for() -> None:
    lost: Change = {**by_seed(CLEAR), 1: None}
    it = decided(lost)
    assert (it.judgements[0].verdict, it.judgements[0].interval.n, it.open) == (HELPED, 4, [])
    nothing: Change = dict.fromkeys(range(20))
    assert decided(nothing).judgements[0].verdict == TOO_FEW
    assert decided(nothing).open == []


def test_the_same_differences_give_the_same_answers_in_whatever_order_they_came() -> None:
    backwards = dict(reversed(list(enumerate(NOISE[:20]))))
    assert decided(backwards) == decided(by_seed(NOISE[:20])) == decided(by_seed(NOISE))


def test_a_book_without_changes_is_decided() -> None:
    assert decided() == Decisions([], [], 0)
