"""`make deploy` with a stand-in for SAM and moto for AWS: where it acts, what it refuses, in what order."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from growfolio.errors import ConfigurationError

from infra.deploy import refuse_missing_machines, release
from infra.local.embedded_aws import embedded_aws
from infra.place import Place
from tests.fakes.hub_server import FakeHub
from tests.fakes.models import Publication, constant_graph
from tests.patience import HANG

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
ACCOUNT = "123456789012"
SAM = """#!/bin/sh
echo "$AWS_REGION $AWS_DEFAULT_REGION $*" >> {log}
if [ "$1" = build ]; then mkdir -p "$3" && echo 'Resources: {{}}' > "$3/template.yaml"; fi
exit {code}
"""
STACK: dict[str, Any] = {
    "Parameters": {"Architecture": {"Type": "String"}, "Stage": {"Type": "String"}},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
}


@dataclass
class Shell:
    """An owner's shell: what is exported, and what SAM was asked for."""

    folder: Path
    endpoint: str
    exported: dict[str, str] = field(default_factory=lambda: {"AWS_REGION": "eu-central-1"})
    sam_fails: bool = False

    def make(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        sam = self.folder / "sam"
        sam.write_text(SAM.format(log=self.folder / "sam.log", code=int(self.sam_fails)))
        sam.chmod(0o755)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MAKE", "MFLAGS"))}
        environment = clean | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            # Providers are out of reach: a deploy warns of them, and goes on.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "SAM_CLI": str(sam),
            "BUILD_DIR": str(self.folder / "build"),
            **self.exported,
        }
        # What is installed is not made again: only the steps of the target itself run.
        installed = [
            word for name in (".venv-sam/.ready", ".venv/.run", ".venv/.dev") for word in ("-o", name)
        ]
        return subprocess.run(
            ["make", "--no-print-directory", *installed, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def asked_of_sam(self) -> list[str]:
        log = self.folder / "sam.log"
        return log.read_text().splitlines() if log.exists() else []

    def client(self, service: str, region: str = "eu-central-1") -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def stack(self, stage: str, architecture: str) -> None:
        self.client("cloudformation").create_stack(
            StackName=f"growfolio-{stage}",
            TemplateBody=json.dumps(STACK),
            Parameters=[
                {"ParameterKey": "Architecture", "ParameterValue": architecture},
                {"ParameterKey": "Stage", "ParameterValue": stage},
            ],
        )


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with embedded_aws() as endpoint:
        # moto's state is the process's.
        requests.post(f"{endpoint}/moto-api/reset", timeout=HANG)
        yield Shell(tmp_path, endpoint)


@pytest.mark.slow
def test_the_place_is_named_first_and_every_program_acts_there(shell: Shell) -> None:
    ran = shell.make("deploy", "STAGE=dev")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"deploying to account {ACCOUNT}, region eu-central-1, stage dev\n")
    build, deploy = shell.asked_of_sam
    for line in (build, deploy):
        assert line.startswith("eu-central-1 eu-central-1 ")
    assert " build " in build
    assert "--region eu-central-1" in deploy
    assert "--stack-name growfolio-dev" in deploy
    assert " Release=" in deploy
    from_here, after = "From this machine, one request to each provider:", "WARNING: the refresh of stocks in"
    assert from_here in ran.stdout
    assert "WARNING: yahoo, binance, kraken did not serve" in ran.stderr
    assert after in ran.stderr, "moto has no functions to ask"


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_either_name_of_the_region_does(shell: Shell, name: str) -> None:
    shell.exported = {name: "ap-southeast-2"}
    assert shell.make("deploy").returncode == 0
    assert shell.asked_of_sam[-1].startswith("ap-southeast-2 ap-southeast-2 deploy")


def test_the_profile_s_region_does_too(shell: Shell) -> None:
    (shell.folder / "config").write_text("[profile mine]\nregion = sa-east-1\n")
    shell.exported = {"AWS_PROFILE": "mine"}
    assert shell.make("deploy").returncode == 0
    assert "--region sa-east-1" in shell.asked_of_sam[-1]


@pytest.mark.parametrize("target", ["deploy", "promote", "rollback"])
@pytest.mark.parametrize(
    ("exported", "fault"),
    [
        ({}, "no region: export AWS_REGION"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "differ: unset one"),
        ({"AWS_REGION": "frankfurt"}, "no region of AWS"),
        ({"AWS_PROFILE": "nobody"}, "nobody"),
    ],
)
def test_without_a_clear_region_nothing_happens(
    shell: Shell, target: str, exported: dict[str, str], fault: str
) -> None:
    shell.exported = exported
    ran = shell.make(target, f"REVISION={'a' * 40}")
    assert ran.returncode != 0
    assert fault in ran.stderr
    assert shell.asked_of_sam == []


def test_a_stage_has_a_stack_of_its_own(shell: Shell) -> None:
    assert shell.make("deploy", "STAGE=staging").returncode == 0
    assert "--stack-name growfolio-staging" in shell.asked_of_sam[-1]
    assert "Stage=staging" in shell.asked_of_sam[-1]
    assert "stage=staging" in shell.asked_of_sam[-1]


def test_production_is_confirmed_and_protected(shell: Shell) -> None:
    assert shell.make("deploy", "STAGE=prod").returncode == 0
    assert " --confirm-changeset" in shell.asked_of_sam[-1]
    assert "DeletionProtection=true" in shell.asked_of_sam[-1]


@pytest.mark.parametrize("stage", ["Dev", "a", "stage-2", "x; rm -r x"])
def test_a_stage_that_the_template_refuses_is_refused_first(shell: Shell, stage: str) -> None:
    ran = shell.make("deploy", f"STAGE={stage}")
    assert ran.returncode != 0
    assert "lower-case letters and digits" in ran.stderr
    assert shell.asked_of_sam == []


@pytest.mark.slow
def test_another_architecture_than_the_stack_s_is_refused_unless_meant(shell: Shell) -> None:
    shell.stack("dev", "x86_64")
    ran = shell.make("deploy")
    assert "make deploy ARCH=x86_64" in ran.stderr
    assert shell.asked_of_sam == []
    assert shell.make("deploy", "CHANGE_ARCH=1").returncode == 0
    assert shell.make("deploy", "ARCH=x86_64").returncode == 0


def test_a_bucket_that_an_earlier_stack_left_is_named_before_it_blocks_the_deploy(shell: Shell) -> None:
    bucket = f"growfolio-dev-{ACCOUNT}-eu-central-1"
    where = {"LocationConstraint": "eu-central-1"}
    shell.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    ran = shell.make("deploy")
    assert f"ExistingBucket={bucket}" in ran.stderr
    assert shell.asked_of_sam == []


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        ({}, ""),
        ({"WithTraining": "true"}, ""),
        ({"WithTraining": "true", "TrainingInstanceTypes": "g4dn.xlarge,g9.huge"}, "no g9.huge"),
        ({"TrainingInstanceTypes": "g9.huge"}, ""),
    ],
)
def test_machines_that_the_region_lacks_are_named_before_they_roll_the_stack_back(
    shell: Shell, chosen: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", shell.endpoint)
    place = Place(ACCOUNT, "eu-central-1", "dev")
    if not missing:
        refuse_missing_machines(place, chosen)
        return
    with pytest.raises(ConfigurationError, match=missing):
        refuse_missing_machines(place, chosen)


def test_a_release_is_another_where_anything_that_readers_are_served_by_is(tmp_path: Path) -> None:
    layer, function = tmp_path / "CoreLayer/python/growfolio.py", tmp_path / "ApiFunction/app.py"
    for file in (layer, function):
        file.parent.mkdir(parents=True)
        file.write_text("1")
    first = release(tmp_path, {"FreshShare": "0.8"})
    assert release(tmp_path, {"FreshShare": "0.8"}) == first
    found = {first, release(tmp_path, {"FreshShare": "0.9"})}
    for file in (layer, function):
        file.write_text("2")
        found.add(release(tmp_path, {"FreshShare": "0.8"}))
    assert len(found) == 4


def test_a_build_that_fails_is_not_deployed(shell: Shell) -> None:
    shell.sam_fails = True
    ran = shell.make("deploy")
    assert ran.returncode != 0
    assert len(shell.asked_of_sam) == 1


@pytest.mark.slow
def test_a_promoted_revision_survives_the_version_that_takes_its_parameter_out_of_the_stack(
    shell: Shell,
) -> None:
    """The old template owned the parameter and the update deletes it: the new name has its value."""
    ssm, cloud = shell.client("ssm"), shell.client("cloudformation")
    old = {"Name": "/growfolio/dev/model-revision", "Type": "String", "Value": "starter"}
    resources = {"ModelRevision": {"Type": "AWS::SSM::Parameter", "Properties": old}}
    cloud.create_stack(
        StackName="growfolio-dev", TemplateBody=json.dumps({"Resources": STACK["Resources"] | resources})
    )
    ssm.put_parameter(Name=old["Name"], Value="a" * 40, Overwrite=True)
    assert shell.make("deploy").returncode == 0
    cloud.update_stack(StackName="growfolio-dev", TemplateBody=json.dumps({"Resources": STACK["Resources"]}))
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=old["Name"])
    kept = ssm.get_parameter(Name="/growfolio/dev/served-revision")["Parameter"]
    assert kept["Value"] == "a" * 40
    ssm.put_parameter(Name=kept["Name"], Value="b" * 40, Overwrite=True)
    assert shell.make("deploy").returncode == 0
    assert ssm.get_parameter(Name=kept["Name"])["Parameter"]["Value"] == "b" * 40


def test_promote_copies_then_serves_and_rollback_needs_no_hub(shell: Shell) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "artifacts-of-dev"}}
    template = {
        "Parameters": {"ModelRepository": {"Type": "String"}},
        "Resources": {"Artifacts": bucket},
        "Outputs": {"Bucket": {"Value": {"Ref": "Artifacts"}}},
    }
    shell.client("cloudformation").create_stack(
        StackName="growfolio-dev",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "ModelRepository", "ParameterValue": "growfolio/signals"}],
    )
    with FakeHub() as hub:
        shell.exported["HF_ENDPOINT"] = hub.endpoint
        graphs = (constant_graph((0.1, 0.2, 0.7)), constant_graph((0.6, 0.3, 0.1)))
        first, second = (
            hub.publish("growfolio/signals", Publication().add("stocks_5m_lstm", graph, ["AAPL"]).files())
            for graph in graphs
        )
        for revision in (first, second):
            ran = shell.make("promote", f"REVISION={revision}")
            assert ran.returncode == 0, ran.stderr
            assert f"{revision}: 3 files copied to s3://artifacts-of-dev/models" in ran.stdout
        refused = shell.make("promote", f"REVISION={'c' * 40}")
        assert refused.returncode == 2 or "Error 2" in refused.stderr
        assert f"{'c' * 40} is no commit of growfolio/signals: set REVISION" in refused.stderr
    ran = shell.make("rollback")
    assert ran.returncode == 0, ran.stderr
    assert f"{first}: 0 files copied" in ran.stdout
    assert f"served-revision: {second} -> {first}; the next refresh serves it" in ran.stdout
