"""The train function: a training request in, a job's id and the link to its logs out.

{"symbols": ["AAPL"], "timeframes": ["5m"], "network": "ensemble", "publish": true} submits a job;
{"job_id": "..."} asks how one is.
"""

from growfolio.start import ON_LAMBDA, started

# isort: split
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from growfolio.errors import BadTrainingRequest
from growfolio.settings import Settings
from growfolio.training_jobs.batch import TrainingJobs
from growfolio.training_jobs.request import TrainingRequest

log = logging.getLogger("train")
log.setLevel(logging.INFO)

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def make_handler(jobs: TrainingJobs) -> Handler:
    """A handler for one queue. It raises BadTrainingRequest, whose message the caller sees."""

    def handle(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        if "job_id" in event:
            if set(event) != {"job_id"} or not isinstance(event["job_id"], str) or not event["job_id"]:
                raise BadTrainingRequest('to ask for a job, send only {"job_id": "..."}')
            return jobs.status(event["job_id"])
        request = TrainingRequest.from_event(event)
        answer = jobs.submit(request)
        log.info("submitted %s as %s", request, answer["job_id"])
        return answer

    return handle


if ON_LAMBDA:
    handler = make_handler(TrainingJobs.of(Settings.of_function("train", os.environ)))
    started()
