"""The train function, from the event that a person sends to the call that AWS Batch receives."""

from collections.abc import Iterator
from typing import Any, cast

import botocore.session
import pytest
from botocore.stub import Stubber
from growfolio.errors import BadTrainingRequest, ConfigurationError
from growfolio.settings import Settings
from growfolio.training_jobs.batch import TrainingJobs

from functions.train.app import Handler, make_handler

LOGS = (
    "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
    "#logsV2:log-groups/log-group/$252Faws$252Fbatch$252Ftraining"
)


@pytest.fixture
def batch() -> Iterator[Stubber]:
    """A Batch that holds every call against the service's own model; calls not expected fail."""
    client = botocore.session.get_session().create_client(
        "batch", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def handler(batch: Stubber) -> Handler:
    client = cast("Any", batch.client)
    return make_handler(TrainingJobs("queue", "definition", "/aws/batch/training", "eu-west-1", client))


def test_a_request_submits_one_job_and_answers_its_id_and_logs(batch: Stubber, handler: Handler) -> None:
    command = ["job", "--symbols", "AAPL", "--timeframes", "5m", "--network", "ensemble", "--publish"]
    batch.add_response(
        "submit_job",
        {"jobName": "training-ensemble", "jobId": "1234"},
        {
            "jobName": "training-ensemble",
            "jobQueue": "queue",
            "jobDefinition": "definition",
            "containerOverrides": {"command": command},
        },
    )
    answer = handler({"symbols": ["AAPL"], "timeframes": ["5m"], "publish": True}, None)
    assert answer == {"job_id": "1234", "status": "SUBMITTED", "logs": LOGS}


def test_a_job_id_answers_its_status_and_the_link_to_its_own_logs(batch: Stubber, handler: Handler) -> None:
    batch.add_response("describe_jobs", {"jobs": [a_job("RUNNING", "job/default/5")]}, {"jobs": ["1234"]})
    answer = handler({"job_id": "1234"}, None)
    stream = "/log-events/job$252Fdefault$252F5"
    assert answer == {"job_id": "1234", "status": "RUNNING", "logs": LOGS + stream}


def test_a_failed_job_says_why(batch: Stubber, handler: Handler) -> None:
    why = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
    batch.add_response(
        "describe_jobs", {"jobs": [a_job("FAILED") | {"statusReason": why}]}, {"jobs": ["1234"]}
    )
    assert handler({"job_id": "1234"}, None)["reason"] == why


def test_a_job_that_batch_does_not_know_is_an_error(batch: Stubber, handler: Handler) -> None:
    batch.add_response("describe_jobs", {"jobs": []}, {"jobs": ["gone"]})
    with pytest.raises(BadTrainingRequest, match="no job 'gone'"):
        handler({"job_id": "gone"}, None)


@pytest.mark.parametrize(
    "event", [{"job_id": ""}, {"job_id": 5}, {"job_id": "1234", "publish": True}, {"symbols": ["TWTR"]}]
)
def test_a_request_that_makes_no_sense_reaches_no_machine(handler: Handler, event: dict[str, Any]) -> None:
    with pytest.raises(BadTrainingRequest):
        handler(event, None)


def test_a_function_without_a_queue_says_which_setting_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="GROWFOLIO_JOB_QUEUE"):
        TrainingJobs.of(Settings())


def a_job(status: str, stream: str = "") -> dict[str, Any]:
    """What Batch says of a job, as far as its own model demands it."""
    job = {
        "jobId": "1234",
        "jobName": "training-ensemble",
        "jobQueue": "queue",
        "jobDefinition": "definition",
        "status": status,
        "startedAt": 1,
    }
    return job | ({"container": {"logStreamName": stream}} if stream else {})
