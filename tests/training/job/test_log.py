"""A job's log: one JSON object a line."""

import json
from datetime import datetime
from io import StringIO

from training.job.log import JobLog


def test_each_line_is_an_object_with_run_stage_and_facts() -> None:
    out = StringIO()
    log = JobLog(out, "job-1")
    log.info("begins, 100 % of it", done=[])
    log.stage = "train"
    log.error("no candles", code=3, trace="a\nb")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert list(first) == ["at", "level", "run", "stage", "message", "done"]
    assert datetime.fromisoformat(first.pop("at")).utcoffset() is not None
    assert first == {
        "level": "info",
        "run": "job-1",
        "stage": "start",
        "message": "begins, 100 % of it",
        "done": [],
    }
    assert (second["level"], second["stage"], second["code"], second["trace"]) == (
        "error",
        "train",
        3,
        "a\nb",
    )
