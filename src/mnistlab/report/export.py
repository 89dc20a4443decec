"""`results.json`, the contract that other programs read; later versions only add keys."""

import json
from dataclasses import asdict
from typing import Any

from mnistlab.data.split import PARTS
from mnistlab.results.compare import METRIC, Verdict
from mnistlab.results.statistics import Interval
from mnistlab.results.summary import Results
from mnistlab.training.record import RunRecord
from mnistlab.training.scores import METRICS

SCHEMA = 2


def to_json(results: Results) -> str:
    """`results.json`: fractions, epochs from 1, null for what is undefined or not finite."""
    plan, best = results.plan, results.best()
    contract = {
        "schema": SCHEMA,
        "book": plan.book.name,
        "title": plan.book.title,
        "data": plan.data.model_dump(include={"name", "sha256", "sizes", "classes", "channels"}),
        "engine": plan.engine,
        "device": plan.device,
        "margin": results.margin,
        "looks": [asdict(look) for look in plan.looks],
        "best": best.trial if best else None,
        "not_told_from_best": best.rivals if best else (),
        "best_seeds": best.seeds if best else (),
        "runs": [
            {"trial": summary.trial.name, "parent": summary.trial.parent}
            | _run(record)
            | {"folder": results.folders.get((summary.trial.name, record.seed))}
            for summary in results.summaries()
            for record in summary.records
        ],
        "verdicts": [verdict_record(verdict) for verdict in results.verdicts()],
    }
    return json.dumps(contract, indent=1, allow_nan=False)


def _run(record: RunRecord) -> dict[str, Any]:
    scores = {part: dict.fromkeys(METRICS) for part in PARTS}
    scores |= {part: figures.model_dump() for part, figures in record.scores.items()}
    keys = {"seed", "status", "reason", "epoch", "seconds", "cpu_seconds", "engine", "device"}
    return record.model_dump(include=keys | {"parameters"}) | {"scores": scores}


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    figures = ("n", "difference", "low", "high", "p", "p_holm", "margin", "detectable", "level")
    return {
        "trial": verdict.trial.name,
        "parent": verdict.parent.name,
        "changed": verdict.changed,
        "metric": METRIC,
        **{name: getattr(verdict, name) for name in figures},
        "look": verdict.look,
        "verdict": verdict.verdict,
        "direction": verdict.direction,
        "verdict_text": verdict.verdict_text,
        "also": {name: _also(name, it) for name, it in verdict.also.items()},
    }


def _also(name: str, it: Interval) -> dict[str, Any]:
    mean = "ratio" if name == "time" else "difference"
    return {"n": it.n, mean: it.mean, "low": it.low, "high": it.high}
