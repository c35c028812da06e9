"""The revision to serve, from SSM: whatever keeps it from being read is an error of the models' own."""

import pytest
from growfolio.aws.parameters import SsmParameter
from growfolio.errors import ModelError, PermanentModelError, TemporaryModelError
from growfolio.models.revisions import ParameterValue

from tests.fakes.parameter_server import FaultyParameters


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"{}", TemporaryModelError),
        (400, b'{"__type": "ParameterNotFound"}', PermanentModelError),
        (400, b'{"__type": "AccessDeniedException"}', PermanentModelError),
    ],
)
def test_a_parameter_that_cannot_be_read_is_a_model_error(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, error: type[ModelError]
) -> None:
    with FaultyParameters(body, status=status) as server:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.url)
        value = ParameterValue(SsmParameter("/growfolio/test/model-revision"))
        with pytest.raises(error, match="SSM parameter /growfolio/test/model-revision"):
            value.current()
        assert value.name == "the SSM parameter /growfolio/test/model-revision"
