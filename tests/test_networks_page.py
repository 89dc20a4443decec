"""The page on small networks says what its results hold."""

import json
from pathlib import Path

from mnistlab.book.reading import read_book
from mnistlab.results.statistics import interval

PAGE = Path(__file__).parents[1] / "docs" / "networks"


def test_every_row_is_what_the_runs_gave() -> None:
    contract = json.loads((PAGE / "results.json").read_text("utf-8"))
    rows = [row.split(" | ") for row in (PAGE / "README.md").read_text("utf-8").splitlines()]
    told = {row[0].removeprefix("| "): row for row in rows if len(row) == 7}
    for trial in read_book(PAGE / "networks.toml").trials:
        runs = [run for run in contract["runs"] if run["trial"] == trial.name]
        test = interval([run["scores"]["test"]["accuracy"] for run in runs])
        assert test.half is not None
        seconds = sum(run["cpu_seconds"] for run in runs) / len(runs)
        assert told[trial.name][2:] == [
            f"{trial.network.parameters():,}", str(len(runs)),
            f"{test.mean:.4f} ± {test.half:.4f}", told[trial.name][5], f"{seconds:,.0f} |",
        ]  # fmt: skip
