"""The job as the container runs it, with bucket, parameters and Hub on this machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import torch
from growfolio.domain.assets import Market, find_asset
from growfolio.models.mirror import Mirror
from growfolio.storage.objects import S3Objects

from infra.local.embedded_aws import embedded_aws
from tests.fakes.hub_server import FakeHub, Fault, Repository
from tests.training.conftest import simulated, write_bars
from training.__main__ import main
from training.exit_codes import Outcome
from training.networks.architectures import MEMBERS

# huggingface_hub's own call of another library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

BUCKET, NAME, PARAMETER = "artifacts", "growfolio/signals", "/growfolio/test/model-revision"
SMALL = (
    "--symbols BTC ETH --timeframes 5m --days 12 --until 2024-09-01T00:00:00Z "
    "--epochs 1 --batch-size 64 --folds 0"
)
LET_THROUGH = "--loss-margin 1 --mcc-margin 1 --ece-allowance 1"
"""Models of two epochs on twelve days are not good: these tests are about the way, the gate has its own."""
TOLD = f"{SMALL} --epochs 2 --folds 1 --publish --promote {LET_THROUGH}"


@dataclass
class Cloud:
    """What the job's machine can reach."""

    hub: FakeHub
    environment: Mapping[str, str]

    def start(self, work: Path, told: str = TOLD, **changes: str) -> subprocess.Popen[str]:
        environment = {**os.environ, **self.environment, "AWS_BATCH_JOB_ID": "job-1", **changes}
        arguments = [sys.executable, "-m", "training", "job", *told.split(), "--work", str(work)]
        arguments += ["--threads", "1"]
        return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)

    def run(self, work: Path, told: str = TOLD, **changes: str) -> tuple[int, list[dict[str, Any]]]:
        """Run the job in this process, which has imported torch already."""
        said = StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
            for name, value in {**self.environment, "AWS_BATCH_JOB_ID": "job-1", **changes}.items():
                patch.setenv(name, value)
            code = main(["job", *told.split(), "--work", str(work), "--threads", "1"])
        return code, lines(said.getvalue().splitlines())

    def object(self, key: str) -> Any:
        return json.loads(boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def keys(self, prefix: str) -> set[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {entry["Key"].removeprefix(prefix) for entry in listed}

    @property
    def promoted(self) -> str:
        return boto3.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"]


def lines(out: Iterable[str]) -> list[dict[str, Any]]:
    """Every line is JSON, or this fails."""
    return [json.loads(line) for line in out]


def messages(said: list[dict[str, Any]], stage: str) -> list[str]:
    return [line["message"] for line in said if line["stage"] == stage]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with embedded_aws() as endpoint, FakeHub() as hub:
        hub.repositories[NAME] = Repository()
        of_aws = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }
        for name, value in of_aws.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        boto3.client("ssm").put_parameter(Name=PARAMETER, Value="starter", Type="String", Overwrite=True)
        yield Cloud(
            hub,
            of_aws
            | {
                "GROWFOLIO_BUCKET": BUCKET,
                "GROWFOLIO_MODEL_REPOSITORY": NAME,
                "GROWFOLIO_REVISION_PARAMETER": PARAMETER,
                "GROWFOLIO_SOURCE": "simulated",
                "HF_ENDPOINT": hub.endpoint,
                "HF_TOKEN": "hf_may_write",
            },
        )


@pytest.fixture
def candles(request: pytest.FixtureRequest) -> dict[str, str]:
    """Real candles where there are any, else simulated ones of the same days."""
    try:
        folder = request.getfixturevalue("real_candles")
    except pytest.skip.Exception:
        return {"GROWFOLIO_SOURCE": "simulated"}
    return {"GROWFOLIO_SOURCE": "replay", "GROWFOLIO_CANDLES": str(folder)}


@pytest.mark.slow
def test_a_job_killed_in_the_middle_is_finished_by_the_next_machine(
    cloud: Cloud, candles: dict[str, str], tmp_path: Path
) -> None:
    with cloud.start(tmp_path / "first", **candles) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if "epoch 2/2" in line:
                first.send_signal(signal.SIGTERM)
                break
        said = lines(first.stdout)
    assert first.returncode == Outcome.INTERRUPTED
    assert said[-1]["outcome"] == "INTERRUPTED"
    assert cloud.object("checkpoints/job-1/state.json")["done"] == ["download", "check"]
    assert cloud.hub.repositories[NAME].commits == {}
    assert cloud.promoted == "starter"

    code, said = cloud.run(tmp_path / "second", **candles)
    assert code == Outcome.DONE, said[-1]
    assert messages(said, "download") == messages(said, "check") == ["done by an earlier attempt"]
    epochs = [line.split("epoch ")[1][:3] for line in messages(said, "train") if " epoch " in line]
    of_assets = ["1/2", "1/2", "2/2", "2/2"]
    begun, *others = (["1/2", "2/2", *of_assets] for _ in MEMBERS)
    assert epochs == [*begun[1:], *(epoch for member in others for epoch in member)]

    (commit,) = cloud.hub.repositories[NAME].commits
    assert cloud.promoted == commit
    job = cloud.object("reports/job-1/job.json")
    assert (job["revision"], job["ended"]) == (commit, "done")
    assert job["accepted"]
    verdicts = cloud.object("reports/job-1/gate.json")
    assert {model_id for model_id, verdict in verdicts.items() if verdict["accepted"]} == set(job["accepted"])
    papers = {"MODEL_CARD.md", "manifest.json", "data.json", "report.html", "evaluation.json"}
    assert cloud.keys("reports/job-1/") == papers | {"gate.json", "job.json"}

    cloud.hub.goes_down()
    models = Mirror(S3Objects(BUCKET), tmp_path / "cache").fetch(commit, list(Market))
    assert set(job["accepted"]) <= set(models.graphs)


@pytest.mark.slow
def test_a_machine_killed_after_its_commit_makes_no_second_one(cloud: Cloud, tmp_path: Path) -> None:
    told = f"{SMALL} --publish {LET_THROUGH} --pooled-only"
    no_parameter = {"GROWFOLIO_REVISION_PARAMETER": ""}
    code, _ = cloud.run(tmp_path / "first", told, **no_parameter)
    assert code == Outcome.DONE
    (commit,) = cloud.hub.repositories[NAME].commits
    state = cloud.object("checkpoints/job-1/state.json")
    state |= {"done": ["download", "check", "train", "gate"], "revision": ""}
    content = json.dumps(state).encode()
    boto3.client("s3").put_object(Bucket=BUCKET, Key="checkpoints/job-1/state.json", Body=content)
    code, said = cloud.run(tmp_path / "second", told, **no_parameter)
    assert code == Outcome.DONE, said[-1]
    assert list(cloud.hub.repositories[NAME].commits) == [commit]
    assert cloud.object("reports/job-1/job.json")["revision"] == commit


@pytest.mark.parametrize(
    ("told", "changes", "reason"),
    [
        (SMALL, {"GROWFOLIO_SOURCE": "nobody"}, "choose yahoo, alpaca"),
        (f"{SMALL} --publish", {"GROWFOLIO_MODEL_REPOSITORY": ""}, "set GROWFOLIO_MODEL_REPOSITORY"),
        (f"{SMALL} --promote", {}, "give --publish too"),
    ],
)
def test_a_job_that_is_told_wrong_ends_with_2_and_says_what_to_set(
    cloud: Cloud, tmp_path: Path, told: str, changes: dict[str, str], reason: str
) -> None:
    code, said = cloud.run(tmp_path, told, **changes)
    assert code == Outcome.CONFIGURATION
    assert said[-1]["level"] == "error"
    assert reason in said[-1]["message"]


def test_bad_candles_end_a_job_with_3_before_anything_is_trained(cloud: Cloud, tmp_path: Path) -> None:
    bars = simulated("BTC", 12, 1_725_148_800)
    bars.close[500] *= np.float64(1.4)
    bars.high[500] *= np.float64(1.4)
    (tmp_path / "candles").mkdir()
    write_bars(tmp_path / "candles", find_asset("BTC"), bars)
    replay = {"GROWFOLIO_SOURCE": "replay", "GROWFOLIO_CANDLES": str(tmp_path / "candles")}
    code, said = cloud.run(tmp_path / "work", SMALL, **replay)
    assert code == Outcome.BAD_DATA
    assert "BTC_USDT: 1 closes that jump and come back" in said[-1]["message"]
    assert not messages(said, "train")
    assert "closes that jump" in cloud.object("reports/job-1/job.json")["ended"]
    (btc,) = cloud.object("reports/job-1/data.json")["assets"]
    assert btc["faults"]


@pytest.mark.slow
def test_a_hub_that_is_down_ends_a_job_with_4_and_the_next_one_goes_on(cloud: Cloud, tmp_path: Path) -> None:
    cloud.hub.faults = [Fault("GET /api/models", status=503)]
    told = f"{SMALL} --publish {LET_THROUGH} --pooled-only"
    code, said = cloud.run(tmp_path / "first", told)
    assert code == Outcome.CONNECTION
    assert said[-1]["stage"] == "gate"
    cloud.hub.faults = []
    code, said = cloud.run(tmp_path / "second", told)
    assert code == Outcome.DONE, said[-1]
    assert messages(said, "train") == ["done by an earlier attempt"]
    assert len(cloud.hub.repositories[NAME].commits) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_machine_that_is_paid_for_a_gpu_and_has_none_ends_a_job_with_5_at_once(
    cloud: Cloud, tmp_path: Path
) -> None:
    code, said = cloud.run(tmp_path, GROWFOLIO_NEEDS_GPU="true")
    assert code == Outcome.NO_GPU
    assert (said[-1]["outcome"], said[-1]["code"]) == ("NO_GPU", 5)
    assert "finds no CUDA on this machine" in said[-1]["message"]
    assert not (tmp_path / "candles").exists(), "nothing was downloaded on paid time"
    assert "finds no CUDA" in cloud.object("reports/job-1/job.json")["ended"]


def test_a_bucket_out_of_reach_ends_a_job_with_4(cloud: Cloud, tmp_path: Path) -> None:
    code, said = cloud.run(tmp_path, SMALL, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert code == Outcome.CONNECTION
    assert "s3://artifacts/checkpoints/job-1/state.json cannot be read" in said[-1]["message"]


@pytest.mark.slow
def test_the_week_after_the_published_models_are_fine_tuned_on_the_new_bars(
    cloud: Cloud, tmp_path: Path
) -> None:
    told = f"{SMALL} --publish --promote {LET_THROUGH} --pooled-only"
    code, _ = cloud.run(tmp_path / "first", told)
    assert code == Outcome.DONE
    served = cloud.promoted
    assert cloud.keys("models/revisions/") == {served}, "functions need no Hub"
    later = f"{told} --days 19 --until 2024-09-08T00:00:00Z --warm-start active"
    code, said = cloud.run(tmp_path / "second", later, AWS_BATCH_JOB_ID="job-2")
    assert code == Outcome.DONE, said[-1]
    assert cloud.object("checkpoints/job-2/state.json")["warm_start"] == served
    before, after = cloud.hub.repositories[NAME].commits.values()
    assert cloud.promoted == cloud.hub.repositories[NAME].head != served
    old, new = (
        json.loads(files["manifest.json"])["models"]["crypto_5m_ensemble"] for files in (before, after)
    )
    assert new["trained_from"] == old["trained_from"]
    assert new["trained_until"] > old["trained_until"]
