"""What moto made of the expanded template, as far as moto makes anything of it."""

import json

import pytest
from growfolio.domain.times import DAY

from tests.stack.cloud import ACCOUNT, REGION, Created, Templates
from tests.stack.conftest import PARAMETERS
from training.exit_codes import Outcome

SILENT = {
    "AWS::ApiGatewayV2::Api",
    "AWS::Budgets::Budget",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::Scheduler::Schedule",
}
"""What moto ignores without a word: asserted on the expanded template instead."""
UNLISTED = {
    "AWS::EC2::Route",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::IAM::InstanceProfile",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::Lambda::Permission",
}
"""What moto creates, but does not list with the stack."""


def test_everything_that_moto_knows_was_created(created: Created, templates: Templates) -> None:
    expected = {
        name
        for template in (templates.stack, *templates.nested.values())
        for name, resource in template["Resources"].items()
        if resource["Type"] not in SILENT | UNLISTED
    }
    assert expected - set(created.physical) == set()
    assert len(expected) > 40


def test_the_functions_run_python_313_on_the_chosen_architecture(created: Created) -> None:
    functions = created.client("lambda").list_functions()["Functions"]
    names = ("refresh-stocks", "refresh-crypto", "api", "explain", "train", "watch")
    assert {f["FunctionName"] for f in functions} == {f"growfolio-test-{name}" for name in names}
    assert {f["Runtime"] for f in functions} == {"python3.13"}
    assert {f["Handler"] for f in functions} == {"app.handler"}
    assert {tuple(f["Architectures"]) for f in functions} == {(PARAMETERS["Architecture"],)}


def test_the_table_is_on_demand_with_a_stream_and_cannot_be_deleted_by_mistake(created: Created) -> None:
    dynamodb = created.client("dynamodb")
    table = dynamodb.describe_table(TableName=created.outputs["Table"])["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert str(table["DeletionProtectionEnabled"]).lower() == PARAMETERS["DeletionProtection"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]


def test_the_stream_feeds_explain(created: Created) -> None:
    [mapping] = created.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionArn"].endswith("growfolio-test-explain")
    assert f"table/{created.outputs['Table']}/stream/" in mapping["EventSourceArn"]


def test_the_bucket_is_encrypted(created: Created) -> None:
    s3 = created.client("s3")
    bucket = created.outputs["Bucket"]
    assert bucket == f"growfolio-test-{ACCOUNT}-{REGION}"
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_served_revision_is_no_part_of_the_stack(created: Created, templates: Templates) -> None:
    assert templates.of_type("AWS::SSM::Parameter") == {}
    assert created.outputs["RevisionParameter"] == "/growfolio/test/served-revision"


def test_dead_letters_are_kept_for_two_weeks(created: Created) -> None:
    sqs = created.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=created.outputs["DeadLetters"], AttributeNames=["All"])
    assert attributes["Attributes"]["MessageRetentionPeriod"] == str(14 * DAY)


def test_the_owner_hears_of_alarms(created: Created) -> None:
    [subscription] = created.client("sns").list_subscriptions()["Subscriptions"]
    assert subscription["TopicArn"] == created.outputs["Topic"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", PARAMETERS["AlarmEmail"])


def test_training_runs_on_spot_first_and_costs_nothing_at_rest(created: Created) -> None:
    batch = created.client("batch")
    machines = {
        m["computeEnvironmentArn"]: m for m in batch.describe_compute_environments()["computeEnvironments"]
    }
    [queue] = batch.describe_job_queues()["jobQueues"]
    order = sorted(queue["computeEnvironmentOrder"], key=lambda entry: entry["order"])
    resources = [machines[entry["computeEnvironment"]]["computeResources"] for entry in order]
    assert [one["type"] for one in resources] == ["SPOT", "EC2"]
    assert {one["minvCpus"] for one in resources} == {0}


def test_a_training_job_gets_a_gpu_an_end_and_another_try_when_spot_is_lost(
    created: Created, templates: Templates
) -> None:
    [definition] = created.client("batch").describe_job_definitions()["jobDefinitions"]
    needs = {
        need["type"]: need["value"] for need in definition["containerProperties"]["resourceRequirements"]
    }
    assert needs["GPU"] == "1"
    declared = templates.of_type("AWS::Batch::JobDefinition")["JobDefinition"]
    assert declared["Timeout"]["AttemptDurationSeconds"] <= 4 * 3600
    ends = declared["RetryStrategy"]["EvaluateOnExit"]
    assert ends[0] == {"Action": "RETRY", "OnStatusReason": "Host EC2*"}
    assert {"Action": "RETRY", "OnExitCode": str(Outcome.INTERRUPTED.value)} in ends
    assert {"Action": "RETRY", "OnExitCode": str(Outcome.CONNECTION.value)} in ends
    assert str(Outcome.NO_GPU.value) not in [end.get("OnExitCode") for end in ends]
    assert ends[-1] == {"Action": "EXIT", "OnReason": "*"}
    [needs_gpu] = [
        one["Value"]
        for one in declared["ContainerProperties"]["Environment"]
        if one["Name"] == "GROWFOLIO_NEEDS_GPU"
    ]
    assert needs_gpu == "true"


def test_a_job_that_can_never_start_ends_with_its_reason(templates: Templates) -> None:
    actions = templates.of_type("AWS::Batch::JobQueue")["JobQueue"]["JobStateTimeLimitActions"]
    assert {action["State"] for action in actions} == {"RUNNABLE"}
    assert {action["Action"] for action in actions} == {"CANCEL"}
    assert {action["Reason"].partition(":")[0] for action in actions} == {"CAPACITY", "MISCONFIGURATION"}
    assert max(action["MaxTimeSeconds"] for action in actions) <= 3600


def test_training_images_are_scanned_and_old_ones_go(created: Created, templates: Templates) -> None:
    declared = templates.of_type("AWS::ECR::Repository")["Repository"]
    assert declared["ImageScanningConfiguration"] == {"ScanOnPush": True}
    policy = json.loads(declared["LifecyclePolicy"]["LifecyclePolicyText"])
    assert policy["rules"][0]["action"] == {"type": "expire"}
    [repository] = created.client("ecr").describe_repositories()["repositories"]
    assert repository["repositoryUri"] == created.outputs["TrainingImage"]


@pytest.mark.parametrize("role", ["ExecutionRole", "JobRole"])
def test_what_a_job_may_do_is_about_this_stack_alone(created: Created, role: str) -> None:
    for statement in created.grants(role):
        resources = (
            statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        )
        if statement["Action"] == "ecr:GetAuthorizationToken":
            continue
        assert all("growfolio" in resource for resource in resources), statement
