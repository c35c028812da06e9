"""What moto cannot create, read from the expanded templates: versions, names, what outlives the stack."""

import json
from pathlib import Path

import pytest

from tests.stack.cloud import Json, Templates
from tests.stack.conftest import expanded
from tests.stack.test_policies import listed, statements

NAME = {"Fn::Sub": "growfolio-${Stage}-api-5xx"}


def test_readers_are_served_by_the_alias(templates: Templates) -> None:
    [(name, alias)] = templates.of_type("AWS::Lambda::Alias").items()
    assert (alias["Name"], alias["FunctionName"]) == ("live", {"Ref": "ApiFunction"})
    [api] = templates.of_type("AWS::ApiGatewayV2::Api").values()
    assert f"functions/${{{name}}}/invocations" in json.dumps(api)
    [permission] = templates.of_type("AWS::Lambda::Permission").values()
    assert permission["FunctionName"] == {"Ref": name}


def test_the_alias_is_switched_at_once_and_back_by_the_alarm_on_5xx(templates: Templates) -> None:
    [group] = templates.of_type("AWS::CodeDeploy::DeploymentGroup").values()
    assert group["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": "AllAtOnce"}
    assert group["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": NAME}]}
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    alarm = templates.nested["Monitoring"]["Resources"]["ApiFaults"]["Properties"]
    assert alarm["AlarmName"] == NAME


def versions(stack: Json) -> set[str]:
    return {name for name, one in stack["Resources"].items() if one["Type"] == "AWS::Lambda::Version"}


def test_whatever_is_released_gets_a_version_of_its_own(build: Path) -> None:
    """Without the digest, a change of layers or parameters alone would never reach readers."""
    first, again, second = (expanded(build, Release=release) for release in ("aa", "aa", "bb"))
    assert versions(first) == versions(again) != versions(second)


def test_candles_outlive_the_stack_but_a_failed_first_deploy_leaves_nothing(templates: Templates) -> None:
    assert templates.resources["Artifacts"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert templates.resources["Artifacts"]["Condition"] == "MakesBucket"


def test_nothing_runs_before_everything_else_stands(templates: Templates) -> None:
    after = set(templates.resources["Schedules"]["DependsOn"])
    assert {"Monitoring", "ApiFunction", "ExplainFunction"} <= after
    schedules = {
        name: resource
        for template in (templates.stack, *templates.nested.values())
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Scheduler::Schedule"
    }
    assert set(schedules) <= set(templates.nested["Schedules"]["Resources"])


@pytest.mark.parametrize("kind", ["AWS::CloudWatch::Dashboard", "AWS::Budgets::Budget"])
def test_what_has_a_name_in_the_whole_account_carries_the_region(templates: Templates, kind: str) -> None:
    [one] = templates.of_type(kind).values()
    name = one.get("DashboardName") or one["Budget"]["BudgetName"]
    assert name == {"Fn::Sub": "growfolio-${Stage}-${AWS::Region}"}


def test_a_spot_machine_that_is_taken_back_lets_its_job_end(templates: Templates) -> None:
    [launch] = templates.of_type("AWS::EC2::LaunchTemplate").values()
    script = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config" in script


def test_only_a_training_job_may_promote(templates: Templates) -> None:
    able = {role for role, one in statements(templates) if "ssm:PutParameter" in listed(one["Action"])}
    assert able == {"JobRole"}
    assert "JobRole" in templates.nested["Training"]["Resources"]
