"""The built stack, created in moto, and its functions in the Lambda emulator: `make stack-test`."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.local.embedded_aws import embedded_aws
from infra.sizes import BuiltFunction, built_functions
from infra.template import load
from tests.dynamodb import dynamodb_local
from tests.stack.cloud import Created, Json, Templates, create
from tests.stack.emulator import Runtime
from tests.stack.internet import internet, loopback_up
from tests.stack.providers import MODELS, Providers, providers
from tests.stack.recorder import Recorder, recorder
from tests.stack.stories import STORIES, Played, play
from tests.stack.world import World

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = {
    "Stage": "test",
    "Architecture": "x86_64",
    "ReservedConcurrency": "3",
    "DeletionProtection": "true",
    "AlarmEmail": "owner@example.com",
    "AllowedOrigins": "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "ModelRepository": MODELS,
    "HubTokenParameter": "/growfolio/test/hub-token",
    "HubWriteTokenParameter": "/growfolio/test/hub-write-token",
    "WithTraining": "true",
    "StockSources": "yahoo,alpaca",
    "AlpacaKeyParameter": "/growfolio/test/alpaca-key",
    "AlpacaSecretParameter": "/growfolio/test/alpaca-secret",
    "QuoteKeyParameter": "/growfolio/test/quote-key",
    "ExplainKeyParameter": "/growfolio/test/explain-key",
}


@pytest.fixture(scope="session")
def build() -> Path:
    """What `make stack-test` has built, for this machine's architecture."""
    return ROOT / os.environ["STACK_TEST_BUILD"]


@pytest.fixture(scope="session")
def built(build: Path) -> dict[str, BuiltFunction]:
    return {function.name: function for function in built_functions(build)}


def expanded(build: Path, **parameters: str) -> Json:
    """The built template as AWS would expand it for these parameters."""
    given = [f"{name}={value}" for name, value in parameters.items()]
    command = [str(ROOT / ".venv-sam/bin/python"), "infra/transform.py", str(build / "template.yaml"), *given]
    stack: Json = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return stack


@pytest.fixture(scope="session")
def templates(build: Path) -> Templates:
    """The built template as AWS would expand it, and those nested in it."""
    stack = expanded(build)
    nested = {
        name: load(build / resource["Properties"]["TemplateURL"]).body
        for name, resource in stack["Resources"].items()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    }
    return Templates(stack, nested)


@pytest.fixture(scope="session")
def online(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Providers, Path]]:
    """The providers on the private internet, and the authority that vouches for their hosts."""
    loopback_up()
    with providers() as ready, internet(ready.hosts, tmp_path_factory.mktemp("internet")) as authority:
        yield ready, authority


@pytest.fixture(scope="session")
def created(online: object, templates: Templates) -> Iterator[Created]:
    """The stack in moto. The private internet comes first: it brings the loopback up."""
    with embedded_aws() as endpoint:
        yield create(endpoint, templates, PARAMETERS)


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    emulator = next(
        (ROOT / ".venv-sam/lib").glob("python3*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64")
    )
    return Runtime(emulator, Path(os.environ["PYTHON313"]), ROOT / ".cache/lambda-runtime")


@pytest.fixture(scope="session")
def record(created: Created) -> Iterator[Recorder]:
    """The proxy that functions take for AWS: the table is DynamoDB Local's, the rest moto's."""
    with (
        dynamodb_local() as table,
        recorder({"": _address(created.endpoint), "dynamodb": _address(table)}) as proxy,
    ):
        yield proxy


@pytest.fixture(scope="session")
def world(
    created: Created,
    templates: Templates,
    built: dict[str, BuiltFunction],
    runtime: Runtime,
    record: Recorder,
    online: tuple[Providers, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    """Everything that a built function meets when it runs."""
    folder = tmp_path_factory.mktemp("run")
    world = World(created, templates, built, runtime, record, *online, folder)
    world.prepare()
    return world


@pytest.fixture(scope="session")
def played(world: World) -> dict[str, Played]:
    """The story of every function, as it is shipped and configured."""
    return {function: play(world, function) for function in STORIES}


def _address(endpoint: str) -> str:
    return urlsplit(endpoint).netloc
