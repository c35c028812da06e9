"""SSM parameters, read by the real botocore."""

from collections.abc import Iterator
from typing import cast

import botocore.session
import pytest
from botocore.stub import Stubber
from growfolio.aws.parameters import MAX_AGE, SsmParameter
from growfolio.errors import PermanentParameterError, TemporaryParameterError
from moto.server import ThreadedMotoServer
from mypy_boto3_ssm import SSMClient

from tests.fakes.parameter_server import FaultyParameters

NAME = "/growfolio/test/model-revision"
SCHEDULE = 300


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def ssm(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SSMClient]:
    """SSM as the environment names it, and empty."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = cast(SSMClient, botocore.session.get_session().create_client("ssm"))
    client.describe_parameters()  # the first answer takes moto longer than the product waits
    yield client
    client.delete_parameters(Names=[NAME])


class Clock:
    """Seconds, moved on by the test."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_promotion_is_seen_by_the_next_refresh_and_a_retry_asks_nobody(ssm: SSMClient) -> None:
    ssm.put_parameter(Name=NAME, Value="a" * 40, Type="String")
    clock = Clock()
    parameter = SsmParameter(NAME, clock=clock)
    assert parameter.current() == "a" * 40
    ssm.put_parameter(Name=NAME, Value="b" * 40, Type="String", Overwrite=True)
    clock.now += MAX_AGE - 1
    assert parameter.current() == "a" * 40
    clock.now += SCHEDULE - MAX_AGE
    assert parameter.current() == "b" * 40


def test_a_secret_is_decrypted_and_shown_nowhere(ssm: SSMClient) -> None:
    ssm.put_parameter(Name=NAME, Value="hf_secret\n", Type="SecureString")
    parameter = SsmParameter(NAME)
    assert parameter.current() == "hf_secret"
    assert "hf_secret" not in repr(parameter) + repr(parameter.current)


def test_a_parameter_that_does_not_exist_is_named_and_found_once_it_does(ssm: SSMClient) -> None:
    parameter = SsmParameter(NAME)
    with pytest.raises(PermanentParameterError, match=f"there is no SSM parameter {NAME}: create it"):
        parameter.current()
    ssm.put_parameter(Name=NAME, Value="a" * 40, Type="String")
    assert parameter.current() == "a" * 40


def test_an_unreachable_ssm_is_a_temporary_fault(ssm: SSMClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
    with pytest.raises(
        TemporaryParameterError, match=rf"{NAME} cannot be read now \(EndpointConnectionError\)"
    ):
        SsmParameter(NAME).current()


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("AccessDeniedException", PermanentParameterError, "allow ssm:GetParameter"),
        ("ThrottlingException", TemporaryParameterError, "cannot be read now"),
        ("InternalServerError", TemporaryParameterError, "cannot be read now"),
    ],
)
def test_what_is_worth_retrying_is_told_from_what_must_be_set(
    ssm: SSMClient, code: str, error: type[Exception], message: str
) -> None:
    parameter = SsmParameter(NAME, client=lambda: ssm)
    with Stubber(ssm) as stubbed:
        stubbed.add_client_error("get_parameter", code)
        with pytest.raises(error, match=message):
            parameter.current()


def test_without_a_region_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(PermanentParameterError, match="set AWS credentials and region"):
        SsmParameter(NAME).current()


@pytest.mark.parametrize(
    ("body", "announced"),
    [
        (b"{}", None),
        (b"", None),
        (b"", 120),
        (b'{"Parameter": {"Name": "/growfolio/test', 120),
        (b'{"Parameter": {}}', None),
        (b'{"Parameter": null}', None),
        (b"[]", None),
        (b"null", None),
    ],
    ids=["{}", "empty", "cut to nothing", "cut in the middle", "no value", "null", "a list", "null body"],
)
def test_an_answer_without_a_value_is_a_temporary_fault(
    monkeypatch: pytest.MonkeyPatch, ssm: SSMClient, body: bytes, announced: int | None
) -> None:
    with FaultyParameters(body, announced=announced) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.url)
        with pytest.raises(TemporaryParameterError, match=f"{NAME} cannot be read now"):
            SsmParameter(NAME).current()
