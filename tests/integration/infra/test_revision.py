"""Promoting and rolling back a model revision: moto for AWS, a Hub on this machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError, TemporaryModelError
from growfolio.models.mirror import Mirror
from growfolio.models.revisions import parameter_of, promote, rollback
from growfolio.storage.objects import S3Objects
from moto import mock_aws

from infra.place import Place
from infra.revision import mirrored
from tests.fakes.hub_server import FakeHub, Repository
from tests.fakes.models import Publication, constant_graph

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PARAMETER = parameter_of("test")
PLACE = Place("123456789012", "us-east-1", "test")
NAME, BUCKET, TOKEN = "growfolio/signals", "growfolio-test-bucket", "hf_may_read"
UP = constant_graph((0.1, 0.2, 0.7))
FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SSMClient]":
    """SSM with the parameter as a first deploy leaves it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("ssm", region_name="us-east-1")
        client.put_parameter(Name=PARAMETER, Type="String", Value="starter")
        yield client


def served(ssm: "SSMClient") -> str:
    return ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"]


def test_a_promoted_revision_is_served(ssm: "SSMClient") -> None:
    assert promote(ssm, PARAMETER, FIRST) == ("starter", FIRST)
    assert served(ssm) == FIRST


@pytest.mark.parametrize("moving", ["main", "v1.0", FIRST[:7], FIRST.upper().replace("1", "A"), ""])
def test_what_may_move_is_never_promoted(ssm: "SSMClient", moving: str) -> None:
    with pytest.raises(ValueError, match="40 hex digits"):
        promote(ssm, PARAMETER, moving)
    assert served(ssm) == "starter"


def test_rolling_back_serves_what_was_served_before(ssm: "SSMClient") -> None:
    promote(ssm, PARAMETER, FIRST)
    promote(ssm, PARAMETER, SECOND)
    assert rollback(ssm, PARAMETER) == (SECOND, FIRST)
    assert served(ssm) == FIRST


def test_promoting_the_same_twice_leaves_something_to_roll_back_to(ssm: "SSMClient") -> None:
    promote(ssm, PARAMETER, FIRST)
    promote(ssm, PARAMETER, FIRST)
    assert rollback(ssm, PARAMETER) == (FIRST, "starter")


def test_rolling_back_a_second_time_goes_forward_again(ssm: "SSMClient") -> None:
    promote(ssm, PARAMETER, FIRST)
    rollback(ssm, PARAMETER)
    rollback(ssm, PARAMETER)
    assert served(ssm) == FIRST


def test_a_first_deploy_has_nothing_to_roll_back_to(ssm: "SSMClient") -> None:
    with pytest.raises(ValueError, match="never been anything but starter"):
        rollback(ssm, PARAMETER)


def test_before_the_first_promotion_the_starter_models_serve(ssm: "SSMClient") -> None:
    ssm.delete_parameter(Name=PARAMETER)
    with pytest.raises(ValueError, match="never been anything but starter"):
        rollback(ssm, PARAMETER)
    assert promote(ssm, PARAMETER, FIRST) == ("starter", FIRST)
    assert rollback(ssm, PARAMETER) == (FIRST, "starter")


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A private repository with one revision."""
    with FakeHub() as server:
        server.repositories[NAME] = Repository(token=TOKEN)
        server.publish(NAME, Publication().add("stocks_5m_lstm", UP, ["AAPL"]).files())
        yield server


def deployed(ssm: "SSMClient", repository: str = NAME) -> None:
    """The stack as promotion sees it: its bucket, its repository and where the token lies."""
    ssm.put_parameter(Name="/hub-token", Type="SecureString", Value=TOKEN)
    given = {"ModelRepository": repository, "HubTokenParameter": "/hub-token"}
    template = {
        "Parameters": {name: {"Type": "String"} for name in given},
        "Resources": {"Artifacts": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}}},
        "Outputs": {"Bucket": {"Value": {"Ref": "Artifacts"}}},
    }
    boto3.client("cloudformation", region_name="us-east-1").create_stack(
        StackName=PLACE.stack,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )


def test_promotion_copies_the_revision_to_the_stack_s_bucket(
    ssm: "SSMClient", hub: FakeHub, tmp_path: Path
) -> None:
    deployed(ssm)
    commit = hub.repositories[NAME].head
    said: list[str] = []
    promote(ssm, PARAMETER, commit, lambda: said.append(mirrored(PLACE, commit, hub.endpoint)))
    assert said == [f"{commit}: 3 files copied to s3://{BUCKET}/models, all of it read back and verified"]
    hub.goes_down()
    models = Mirror(S3Objects(BUCKET), tmp_path).fetch(commit, [Market.STOCKS])
    assert models.graphs == {"stocks_5m_lstm": UP}
    assert mirrored(PLACE, commit, hub.endpoint).startswith(f"{commit}: 0 files copied")


def test_what_cannot_be_copied_is_not_served(ssm: "SSMClient", hub: FakeHub) -> None:
    deployed(ssm)
    hub.goes_down()
    with pytest.raises(TemporaryModelError):
        promote(ssm, PARAMETER, FIRST, lambda: mirrored(PLACE, FIRST, hub.endpoint))
    assert served(ssm) == "starter"


def test_the_starter_models_need_no_bucket(ssm: "SSMClient") -> None:
    assert "nothing is copied" in mirrored(PLACE, "starter")


def test_without_a_stack_or_its_repository_promotion_says_what_to_do(ssm: "SSMClient") -> None:
    with pytest.raises(ConfigurationError, match=r"there is no stack growfolio-test .*: make deploy"):
        mirrored(PLACE, FIRST)
    deployed(ssm, repository="")
    with pytest.raises(ConfigurationError, match=r"set ModelRepository in growfolio\.toml"):
        mirrored(PLACE, FIRST)
