"""The engine's self-test on every variant that this processor has; other processors: tests/slow."""

from pathlib import Path

import pytest

pytest.importorskip("ziglang")
from tests.slow.processors import Line, Program, agree, differences, lines_of, native

FUSED = Program("fused", "x86_64-linux-gnu", "v3", "x86_64_v3")
PLAIN = FUSED._replace(name="plain", variant="v2")


def test_variants_train_score_and_warp_the_same(tmp_path: Path) -> None:
    lines = {program: lines_of(program, tmp_path) for program in native(tmp_path)}
    assert all(len(found) > 30 for found in lines.values())
    assert differences(lines) == []


def test_what_counts_as_a_difference() -> None:
    line = Line("linear", "0x1.8p+1", "12")
    assert agree(FUSED, line, line)
    assert agree(PLAIN, line._replace(loss="0x1.801p+1", hash="13"), line)
    assert not agree(PLAIN, line._replace(loss="0x1.81p+1"), line)
    assert not agree(PLAIN, line._replace(loss="nan"), line)
    assert not agree(PLAIN, Line("warp", "0x1p+1", "13"), Line("warp", "0x1p+1", "12"))
    other, another = FUSED._replace(name="other"), line._replace(hash="13")
    found = differences({PLAIN: [another], FUSED: [line], other: [another]})
    assert found == ["other, linear: 0x1.8p+1 13, not 0x1.8p+1 12"]
