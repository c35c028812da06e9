"""Promoting and rolling back a model revision, on moto's SSM."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from growfolio.models.revisions import parameter_of, promote, rollback
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PARAMETER = parameter_of("test")
FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SSMClient]":
    """SSM with the parameter as a first deploy leaves it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
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
