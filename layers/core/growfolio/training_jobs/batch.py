"""Training jobs on AWS Batch: submitted, and asked how they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from growfolio.aws.session import aws_client
from growfolio.errors import BadTrainingRequest, ConfigurationError
from growfolio.settings import Settings
from growfolio.training_jobs.request import TrainingRequest

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient


@dataclass(frozen=True, slots=True)
class TrainingJobs:
    """One job queue and what it runs."""

    queue: str
    definition: str
    log_group: str
    region: str
    client: BatchClient

    @classmethod
    def of(cls, settings: Settings) -> TrainingJobs:
        """Region and credentials come from the environment. Raises ConfigurationError without a queue."""
        if not (settings.job_queue and settings.job_definition):
            raise ConfigurationError("no job queue: set GROWFOLIO_JOB_QUEUE and GROWFOLIO_JOB_DEFINITION")
        client = cast("BatchClient", aws_client("batch"))
        region = client.meta.region_name
        return cls(settings.job_queue, settings.job_definition, settings.job_logs, region, client)

    def submit(self, request: TrainingRequest) -> dict[str, Any]:
        """The new job's id, and where its logs will be."""
        job = self.client.submit_job(
            jobName=f"training-{request.network}",
            jobQueue=self.queue,
            jobDefinition=self.definition,
            containerOverrides={"command": request.arguments()},
        )
        return {"job_id": job["jobId"], "status": "SUBMITTED", "logs": self._logs()}

    def status(self, job_id: str) -> dict[str, Any]:
        """Batch's status of a job, its reason if it has one, and the link to its own log stream.

        Raises BadTrainingRequest for a job that Batch does not know (any more: it forgets after a week).
        """
        found = self.client.describe_jobs(jobs=[job_id])["jobs"]
        if not found:
            raise BadTrainingRequest(f"no job {job_id!r}; ended jobs are forgotten after seven days")
        job = found[0]
        stream = job.get("container", {}).get("logStreamName", "")
        answer: dict[str, Any] = {"job_id": job["jobId"], "status": job["status"], "logs": self._logs(stream)}
        if reason := job.get("statusReason"):
            answer["reason"] = reason
        return answer

    def _logs(self, stream: str = "") -> str:
        """A link to the console; its path quotes twice, with $ for %."""

        def quoted(name: str) -> str:
            return quote(quote(name, safe=""), safe="").replace("%", "$")

        page = f"https://{self.region}.console.aws.amazon.com/cloudwatch/home?region={self.region}"
        link = f"{page}#logsV2:log-groups/log-group/{quoted(self.log_group)}"
        return f"{link}/log-events/{quoted(stream)}" if stream else link
