"""Clients share what is known of AWS's services, and nothing else."""

import pytest
from botocore.exceptions import UnknownServiceError
from growfolio.aws.session import aws_client


def test_each_client_has_the_region_and_the_credentials_of_its_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    found = []
    for region, key in (("eu-central-1", "one"), ("us-west-2", "two")):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        client = aws_client("dynamodb")
        found.append((client.meta.region_name, client._request_signer._credentials.access_key))
    assert found == [("eu-central-1", "one"), ("us-west-2", "two")]


def test_clients_share_the_descriptions_of_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    one, other = (aws_client(service).meta.service_model for service in ("ssm", "ssm"))
    assert one.metadata is other.metadata


def test_a_service_that_there_is_not_is_said_so() -> None:
    with pytest.raises(UnknownServiceError, match="dynamodbb"):
        aws_client("dynamodbb")
