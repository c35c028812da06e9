"""The expanded template, created in moto: what AWS would make of it, as far as moto can."""

import ast
import io
import json
import logging
import warnings
import zipfile
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.cloudformation.models import Stack
from moto.core.config import default_user_config

REGION = "us-east-1"
ACCOUNT = "123456789012"
API_ID = "a1b2c3d4e5"
SERVICE_ROLE = {"Path": "/aws-service-role/batch.amazonaws.com/", "RoleName": "AWSServiceRoleForBatch"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Templates:
    """The expanded stack and the stacks nested in it, by logical id."""

    stack: Json
    nested: dict[str, Json]

    @property
    def resources(self) -> dict[str, Json]:
        resources: dict[str, Json] = self.stack["Resources"]
        return resources

    def of_type(self, kind: str) -> dict[str, Json]:
        """Properties by logical id, of this stack and those nested in it."""
        every = [self.stack, *self.nested.values()]
        return {
            name: resource.get("Properties", {})
            for template in every
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }


@dataclass(frozen=True)
class Created:
    """A stack that moto has created."""

    endpoint: str
    outputs: dict[str, str]
    physical: dict[str, str]
    """The name or ARN of what was created, by logical id, nested stacks included."""

    def client(self, service: str, endpoint: str = "") -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint or self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def environment(self, function: str) -> dict[str, str]:
        """A function's environment, with everything that the template refers to filled in."""
        configuration = self.client("lambda").get_function_configuration(FunctionName=self.physical[function])
        # AWS passes numbers as text; moto leaves them numbers.
        return {name: str(value) for name, value in configuration["Environment"]["Variables"].items()}

    def grants(self, role: str) -> list[Json]:
        """The statements of a role's policies, with everything that they refer to filled in."""
        iam = self.client("iam")
        name = self.physical[role]
        statements = []
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            # moto keeps a policy as Python writes it, not as JSON.
            statements += [one for one in ast.literal_eval(document)["Statement"] if one]
        return statements


def create(endpoint: str, templates: Templates, parameters: dict[str, str]) -> Created:
    """Create the stack, code and nested templates uploaded first. Raises what moto raises.

    moto runs in this process. Its Lambda and Batch need no Docker: nothing runs there.
    """
    default_user_config["lambda"] = {"use_docker": False}
    default_user_config["batch"] = {"use_docker": False}
    created = Created(endpoint, {}, {})
    _upload(created, templates)
    created.client("iam").create_role(AssumeRolePolicyDocument="{}", **SERVICE_ROLE)
    cloudformation = created.client("cloudformation")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tried to parse .* not supported by moto")
        logging.getLogger("moto").setLevel(logging.ERROR)
        # moto nests stacks, but does not tell their outputs.
        patch.setattr(Stack, "get_cfn_attribute", _output, raising=False)
        patch.setattr(Stack, "has_cfn_attr", classmethod(lambda *_: True))
        cloudformation.create_stack(
            StackName="growfolio",
            TemplateBody=json.dumps(_for_moto(templates.stack)),
            Parameters=[{"ParameterKey": name, "ParameterValue": text} for name, text in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        stacks = cloudformation.describe_stacks()["Stacks"]
        physical = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for stack in stacks
            for resource in cloudformation.describe_stack_resources(StackName=stack["StackId"])[
                "StackResources"
            ]
            if {"LogicalResourceId", "PhysicalResourceId"} <= set(resource)
        }
    outputs = next(stack["Outputs"] for stack in stacks if stack["StackName"] == "growfolio")
    return Created(endpoint, {o["OutputKey"]: o["OutputValue"] for o in outputs}, physical)


def _output(stack: Stack, attribute: str) -> str:
    name = attribute.removeprefix("Outputs.")
    value: str = next(o["OutputValue"] for o in stack.outputs or [] if o["OutputKey"] == name)
    return value


def _upload(created: Created, templates: Templates) -> None:
    s3 = created.client("s3")
    s3.create_bucket(Bucket="code")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "")
    for name, resource in templates.resources.items():
        if resource["Type"] in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion"):
            key = resource["Properties"].get("Code", resource["Properties"].get("Content"))["S3Key"]
            s3.put_object(Bucket="code", Key=key, Body=package.getvalue())
        if resource["Type"] == "AWS::CloudFormation::Stack":
            body = json.dumps(_for_moto(templates.nested[name]))
            s3.put_object(Bucket="code", Key=f"{name}.json", Body=body)


def _for_moto(template: Json) -> Json:
    """A template as moto can read it: what it has no notion of is named here, and asserted on elsewhere."""
    # HTTP APIs are not created, so their id is invented.
    text = json.dumps(template).replace('{"Ref": "Api"}', f'"{API_ID}"').replace("${Api}", API_ID)
    copy: Json = json.loads(text)
    for name, resource in copy["Resources"].items():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            resource["Properties"]["TemplateURL"] = f"https://s3.amazonaws.com/code/{name}.json"
        if resource["Type"] == "AWS::Lambda::Permission":
            # Aliases are not created: their function stands for them.
            function = resource["Properties"]["FunctionName"]["Ref"]
            resource["Properties"]["FunctionName"] = {"Ref": function.removesuffix("Aliaslive")}
        if resource["Type"] == "AWS::Batch::ComputeEnvironment":
            # Real accounts have a role linked to the service; lists by comma are not split.
            role = f"arn:aws:iam::{ACCOUNT}:role{SERVICE_ROLE['Path']}{SERVICE_ROLE['RoleName']}"
            resource["Properties"]["ServiceRole"] = role
            resource["Properties"]["ComputeResources"]["InstanceTypes"] = ["g4dn.xlarge"]
    return copy
