"""What a built function meets when it runs: its environment from the template, AWS, and the providers."""

import itertools
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from growfolio.store.dynamodb import DynamoStore

from infra.revision import promote
from infra.sizes import BuiltFunction
from tests.dynamodb import client_of
from tests.stack.cloud import Created, Json, Templates
from tests.stack.emulator import Emulated, Package, Runtime, emulated
from tests.stack.permissions import Grant, grants
from tests.stack.providers import SECRETS, Providers
from tests.stack.recorder import Call, Recorder


@dataclass(frozen=True)
class World:
    created: Created
    templates: Templates
    built: dict[str, BuiltFunction]
    runtime: Runtime
    record: Recorder
    providers: Providers
    authority: Path
    folder: Path
    counter: Iterator[int] = field(default_factory=itertools.count)

    def prepare(self) -> None:
        """Make the table, as the template declares it, on the engine that serves it; and the secrets."""
        declared = dict(self.templates.of_type("AWS::DynamoDB::Table")["Table"])
        streams = {"StreamEnabled": True, **declared["StreamSpecification"]}
        self.dynamodb.create_table(
            TableName=self.table,
            AttributeDefinitions=declared["AttributeDefinitions"],
            KeySchema=declared["KeySchema"],
            BillingMode=declared["BillingMode"],
            StreamSpecification=streams,
        )
        ssm = self.created.client("ssm")
        for name, secret in SECRETS.items():
            ssm.put_parameter(Name=f"/growfolio/test/{name}", Type="SecureString", Value=secret)
        promote(ssm, self.created.outputs["RevisionParameter"], self.providers.revision)

    @property
    def table(self) -> str:
        return self.created.physical["Table"]

    @property
    def dynamodb(self) -> Any:
        return client_of(f"http://{self.record.backends['dynamodb']}")

    @property
    def store(self) -> DynamoStore:
        return DynamoStore(self.table, self.dynamodb)

    def package(self, function: str) -> Package:
        """What is shipped for a function."""
        built = self.built[function]
        return Package(built.code, [folder for _, folder in built.layers])

    def environment(self, function: str) -> dict[str, str]:
        """What AWS would set: the template's variables, and credentials whose key names the function."""
        return self.created.environment(function) | {
            "AWS_ACCESS_KEY_ID": function,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_ENDPOINT_URL": self.record.endpoint,
            "HF_ENDPOINT": self.providers.hub.endpoint,
        }

    @contextmanager
    def running(
        self, function: str, package: Package | None = None, environment: dict[str, str] | None = None
    ) -> Iterator[Emulated]:
        """The function as shipped and configured, or with another package or environment."""
        folder = self.folder / f"{function}-{next(self.counter)}"
        folder.mkdir()
        package = package or self.package(function)
        with emulated(
            self.runtime, package, environment or self.environment(function), folder, trusting=self.authority
        ) as process:
            yield process
        shutil.rmtree(folder / "opt")

    def grants(self, function: str) -> list[Grant]:
        """What the function's role allows."""
        role = self.templates.resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]
        return list(grants(self.created.grants(role)))

    def calls(self, function: str) -> set[Call]:
        """What the function has called, and what Lambda calls on its behalf, with its role."""
        return self.record.of(function) | set(self._on_behalf(function))

    def _on_behalf(self, function: str) -> Iterator[Call]:
        physical = self.created.physical
        region = "us-east-1:123456789012"
        properties = self.templates.resources[function]["Properties"]
        group = physical[properties["LoggingConfig"]["LogGroup"]["Ref"]]
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            yield Call(function, action, f"arn:aws:logs:{region}:log-group:{group}:log-stream:x")
        dead_letters = f"arn:aws:sqs:{region}:{physical['DeadLetters'].rpartition('/')[2]}"
        for settings in self._of_function("AWS::Lambda::EventInvokeConfig", function):
            assert settings["DestinationConfig"]["OnFailure"]["Destination"]
            yield Call(function, "sqs:SendMessage", dead_letters)
        for _ in self._of_function("AWS::Lambda::EventSourceMapping", function):
            stream = f"arn:aws:dynamodb:{region}:table/{self.table}/stream/2026-01-01T00:00:00.000"
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"):
                yield Call(function, f"dynamodb:{action}", stream)
            yield Call(function, "sqs:SendMessage", dead_letters)

    def _of_function(self, kind: str, function: str) -> Sequence[Json]:
        found = self.templates.of_type(kind).values()
        return [properties for properties in found if properties["FunctionName"] == {"Ref": function}]
