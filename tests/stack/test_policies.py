"""What roles may do, read from the templates; and what checkov thinks of all of it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.cloud import Json, Templates
from tests.stack.conftest import ROOT

UNNAMEABLE = {"batch:DescribeJobs", "ecr:GetAuthorizationToken"}
"""Actions for which AWS lets no resource be named."""


def statements(templates: Templates) -> Iterator[tuple[str, Json]]:
    """Each statement that grants something to a role, with the role."""
    for name, role in templates.of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement["Fn::If"][1] if "Fn::If" in statement else statement


def listed(one_or_more: object) -> list[object]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_no_role_may_do_everything_of_a_service(templates: Templates) -> None:
    found = list(statements(templates))
    assert len(found) > 20
    assert not [(role, one) for role, one in found if any("*" in str(a) for a in listed(one["Action"]))]


def test_no_role_may_touch_everything_where_a_resource_can_be_named(templates: Templates) -> None:
    everywhere = [
        (role, action)
        for role, statement in statements(templates)
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    ]
    assert {action for _, action in everywhere} == UNNAMEABLE


def test_each_function_has_a_role_of_its_own(templates: Templates) -> None:
    functions = templates.of_type("AWS::Lambda::Function")
    roles = [function["Role"]["Fn::GetAtt"][0] for function in functions.values()]
    assert len(set(roles)) == len(functions)
    declared = templates.of_type("AWS::IAM::Role")
    assert not [role for role in roles if "ManagedPolicyArns" in declared[role]]


def test_a_schedule_may_call_its_function_and_nothing_else(templates: Templates) -> None:
    for schedule in templates.of_type("AWS::Scheduler::Schedule").values():
        role = schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]
        allowed = {
            (one["Action"], json.dumps(one["Resource"]))
            for owner, one in statements(templates)
            if owner == role
        }
        assert allowed == {
            ("lambda:InvokeFunction", json.dumps(schedule["Target"]["Arn"])),
            ("sqs:SendMessage", json.dumps({"Ref": "DeadLetters"})),
        }


def test_only_the_refresh_of_stocks_may_read_the_keys_of_alpaca(templates: Templates) -> None:
    readers = {role for role, one in statements(templates) if "Alpaca" in json.dumps(one["Resource"])}
    assert readers == {"RefreshStocksRole"}


def test_the_mirror_is_read_by_refresh_and_written_by_nobody_but_the_training_job(
    templates: Templates,
) -> None:
    found = [(role, one) for role, one in statements(templates) if "/models/" in json.dumps(one["Resource"])]
    writers = {role for role, one in found if "s3:PutObject" in listed(one["Action"])}
    readers = {role for role, one in found if listed(one["Action"]) == ["s3:GetObject"]}
    assert (writers, readers) == ({"JobRole"}, {"RefreshStocksRole", "RefreshCryptoRole"})


def test_only_tls_reaches_the_bucket_and_the_public_never_does(templates: Templates) -> None:
    bucket = templates.of_type("AWS::S3::Bucket")["Artifacts"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    [statement] = templates.of_type("AWS::S3::BucketPolicy")["ArtifactsPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.fixture(scope="module")
def found(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """What checkov finds in the expanded templates when it is told of no exception: checks and resources."""
    folder = tmp_path_factory.mktemp("templates")
    for name, template in {"stack": templates.stack, **templates.nested}.items():
        bare = {
            # Without conditions: checkov passes over what is off by default.
            id: {k: v for k, v in r.items() if k not in ("Metadata", "Condition")}
            for id, r in template["Resources"].items()
        }
        (folder / f"{name}.json").write_text(json.dumps(template | {"Resources": bare}, indent=1))
    return checkov(folder)


def checkov(folder: Path) -> set[tuple[str, str]]:
    command = f"checkov --directory {folder} --framework cloudformation --skip-download --output json"
    program = ROOT / ".venv-policy/bin/checkov"
    ran = subprocess.run([str(program), *command.split()[1:]], capture_output=True, check=False)
    results: Json = json.loads(ran.stdout)["results"]
    assert len(results["passed_checks"]) > 5
    return {(one["check_id"], one["resource"].partition(".")[2]) for one in results["failed_checks"]}


def excused(templates: Templates) -> dict[tuple[str, str], str]:
    """The exceptions written in the templates, each with its reason; generated resources inherit them."""
    return {
        (skip["id"], name): skip["comment"]
        for template in (templates.stack, *templates.nested.values())
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::Lambda::EventInvokeConfig"
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }


def test_checkov_finds_nothing_that_is_not_excused(templates: Templates, found: set[tuple[str, str]]) -> None:
    assert sorted(found - set(excused(templates))) == []


def test_an_exception_that_nothing_needs_is_gone(templates: Templates, found: set[tuple[str, str]]) -> None:
    assert sorted(set(excused(templates)) - found) == []


def test_every_exception_says_why(templates: Templates) -> None:
    for exception, reason in excused(templates).items():
        assert len(reason.split()) >= 5, exception


def test_checkov_would_find_an_open_bucket(templates: Templates, tmp_path: Path) -> None:
    spoiled = json.loads(json.dumps(templates.stack))
    del spoiled["Resources"]["Artifacts"]["Properties"]["PublicAccessBlockConfiguration"]
    (tmp_path / "stack.json").write_text(json.dumps(spoiled))
    assert ("CKV_AWS_53", "Artifacts") in checkov(tmp_path)
