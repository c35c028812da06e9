"""The refresh's handler, asked to probe its providers."""

import pytest
from growfolio.settings import Settings

from functions.refresh.app import make_handler
from tests.bars import moment

NOW = moment("2024-09-05 18:00")


class Context:
    function_name = "refresh"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:refresh"
    aws_request_id = "1"


def test_a_probe_is_answered_with_each_provider_and_touches_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no table and no bucket here."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings = Settings(table="none", market="stocks", source="simulated")
    answer = make_handler(settings, lambda: NOW)({"probe": True}, Context())
    (probed,) = answer["probe"]
    assert probed.pop("seconds") >= 0
    assert probed == {"provider": "simulated", "trouble": "", "must_be_set": False}
