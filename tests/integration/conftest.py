"""A DynamoDB for tests that need one: `table` and `store` run on every engine, `moto_table` on moto alone."""

from collections.abc import Iterator

import pytest
from growfolio.storage.dynamodb import DynamoStore

from tests.dynamodb import FreshTable, dynamodb_local, fresh_table, moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The endpoint of moto's DynamoDB."""
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def local() -> Iterator[str]:
    """The endpoint of Amazon's DynamoDB Local."""
    with dynamodb_local() as endpoint:
        yield endpoint


@pytest.fixture(params=["moto", pytest.param("local", marks=pytest.mark.dynamodb_local)])
def table(request: pytest.FixtureRequest) -> FreshTable:
    """An empty table on each engine in turn."""
    return fresh_table(request.getfixturevalue(request.param))


@pytest.fixture
def store(table: FreshTable) -> DynamoStore:
    """A store over an empty table on each engine in turn."""
    return table.store


@pytest.fixture
def moto_table(moto: str) -> FreshTable:
    """An empty table on moto, for tests of what lies above the store."""
    return fresh_table(moto)
