"""`results.json`, the contract that other programs read."""

import json
from typing import Any

from mnistlab.book.trial import Trial
from mnistlab.data.split import PARTS
from mnistlab.results.summary import Results
from mnistlab.training.record import RunRecord
from mnistlab.training.scores import METRICS

SCHEMA = 2


def to_json(results: Results) -> str:
    """`results.json`: fractions, epochs from 1, null for what is undefined or not finite."""
    contract = {
        "schema": SCHEMA,
        "book": results.plan.book.name,
        "data": results.plan.data.model_dump(),
        "runs": [
            _row(record, summary.trial)
            for summary in results.summaries()
            for record in summary.records
        ],
        "comparisons": [comparison.row() for comparison in results.comparisons()],
    }
    return json.dumps(contract, indent=1, allow_nan=False)


def _row(record: RunRecord, trial: Trial) -> dict[str, Any]:
    nothing = dict.fromkeys(METRICS)
    scores = {
        part: record.scores[part].model_dump() if part in record.scores else nothing
        for part in PARTS
    }
    return {
        "trial": trial.name,
        "parent": trial.parent,
        "seed": record.seed,
        "status": record.status,
        "reason": record.reason,
        "epoch": record.epoch,
        "scores": scores,
        "seconds": record.seconds,
        "engine": record.engine,
    }
