"""What a built function meets when it runs: its environment from the template, AWS, and the providers."""

import hashlib
import itertools
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.grid import last_slots
from growfolio.models.hub import HubRepository
from growfolio.models.mirror import key_of, mirror
from growfolio.models.revisions import FixedRevision, promote
from growfolio.storage import items
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.objects import S3Objects

from infra.sizes import BuiltFunction
from tests.dynamodb import client_of
from tests.fakes.models import constant_graph
from tests.samples import a_signal
from tests.stack.cloud import Created, Json, Templates
from tests.stack.emulator import Emulated, Package, Runtime, emulated
from tests.stack.permissions import Grant, grants
from tests.stack.providers import MODELS, PROBABILITIES, SECRETS, Providers
from tests.stack.recorder import Call, Recorder

GRAPH = key_of(hashlib.sha256(constant_graph(PROBABILITIES)).hexdigest())
"""Where the mirror holds the graph of all models."""


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
        self.mirror_models()
        # One file is missing, so that the Hub is asked too.
        self.created.client("s3").delete_object(Bucket=self.bucket, Key=GRAPH)
        promote(ssm, self.created.outputs["RevisionParameter"], self.providers.revision)

    def mirror_models(self) -> None:
        """Copy the published models into the stack's bucket, as make promote does."""
        revision = self.providers.revision
        origin = HubRepository(
            MODELS,
            FixedRevision(revision),
            self.folder / "promoting",
            lambda: SECRETS["hub-token"],
            self.providers.hub.endpoint,
        )
        mirror(origin, revision, S3Objects(self.bucket, self.created.client("s3")))

    @property
    def bucket(self) -> str:
        return self.created.physical["Artifacts"]

    @property
    def table(self) -> str:
        return self.created.physical["Table"]

    @cached_property
    def dynamodb(self) -> Any:
        return client_of(f"http://{self.record.backends['dynamodb']}")

    @property
    def store(self) -> DynamoStore:
        return DynamoStore(self.table, self.dynamodb)

    def remember_signals(self, market: Market) -> None:
        """Signals of earlier bars, the newest of them shown to readers: the next refresh settles them."""
        asset = assets_of(market)[0]
        for timeframe in Timeframe:
            for bar_close in last_slots(market, int(time.time()), timeframe, 4)[:-1].tolist():
                self.store.put_signal(a_signal(asset.symbol, timeframe, bar_close=bar_close))

    def forget_signals(self, market: Market) -> None:
        """As if the market's newest bar had not been handled yet."""
        for timeframe in Timeframe:
            for asset in assets_of(market):
                key = items.signal_key(asset, timeframe)
                self.dynamodb.delete_item(TableName=self.table, Key=key)

    def objects(self, prefix: str) -> list[str]:
        """Keys in the bucket."""
        s3 = self.created.client("s3")
        found = s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def stream_records(self) -> list[Json]:
        """What the table's stream tells of signals, as the event source mapping passes it on."""
        streams = self.created.client("dynamodbstreams", f"http://{self.record.backends['dynamodb']}")
        arn = self.dynamodb.describe_table(TableName=self.table)["Table"]["LatestStreamArn"]
        records: list[Json] = []
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            place = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = streams.get_shard_iterator(**place)["ShardIterator"]
            while iterator:
                page = streams.get_records(ShardIterator=iterator)
                records += [_as_delivered(record, arn) for record in page["Records"]]
                iterator = page.get("NextShardIterator") if page["Records"] else None
        return [record for record in records if record["dynamodb"]["Keys"]["pk"]["S"].startswith("SIGNAL#")]

    def package(self, function: str) -> Package:
        """What is shipped for a function."""
        built = self.built[function]
        return Package(built.code, [folder for _, folder in built.layers])

    def environment(self, function: str) -> dict[str, str]:
        """The template's variables, and where AWS and the Hub are."""
        return self.created.environment(function) | {
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL": self.record.endpoint,
            "HF_ENDPOINT": self.providers.hub.endpoint,
        }

    @contextmanager
    def running(
        self,
        function: str,
        package: Package | None = None,
        environment: dict[str, str] | None = None,
        *,
        offline: bool = False,
    ) -> Iterator[Emulated]:
        """The function as shipped and configured, or with another package or environment.

        offline, it trusts no provider's certificate.
        """
        principal = f"{function}{next(self.counter)}"
        folder = self.folder / principal
        folder.mkdir()
        # The key tells the recorder whose calls these are.
        variables = (environment or self.environment(function)) | {"AWS_ACCESS_KEY_ID": principal}
        package = package or self.package(function)
        trusting = None if offline else self.authority
        with emulated(self.runtime, package, variables, folder, trusting) as process:
            yield process
        shutil.rmtree(folder / "opt")

    def grants(self, function: str) -> list[Grant]:
        """What the function's role allows."""
        role = self.templates.resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]
        return list(grants(self.created.grants(role)))

    def calls(self, function: str, principal: str) -> set[Call]:
        """What one run of the function has called, and what Lambda calls in its name, with its role."""
        return self.record.of(principal) | set(self._by_lambda(function))

    def _by_lambda(self, function: str) -> Iterator[Call]:
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
            table = self.created.client("dynamodb").describe_table(TableName=self.table)["Table"]
            stream = table["LatestStreamArn"]
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"):
                yield Call(function, f"dynamodb:{action}", stream)
            yield Call(function, "sqs:SendMessage", dead_letters)

    def _of_function(self, kind: str, function: str) -> Sequence[Json]:
        found = self.templates.of_type(kind).values()
        return [properties for properties in found if properties["FunctionName"] == {"Ref": function}]


def _as_delivered(record: Json, arn: str) -> Json:
    """Lambda hands on times as numbers, and where a record comes from."""
    changed = dict(record["dynamodb"])
    changed["ApproximateCreationDateTime"] = changed["ApproximateCreationDateTime"].timestamp()
    return {**record, "dynamodb": changed, "eventSourceARN": arn}
