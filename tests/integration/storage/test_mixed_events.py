"""Duplicate, late, concurrent and killed runs on DynamoDB's own conditions: nothing lost, nothing wrong."""

import pytest

from tests.dynamodb import fresh_table
from tests.fakes.events import Events


@pytest.mark.dynamodb_local
def test_five_hundred_mixed_events_lose_nothing_and_make_nothing_wrong(local: str) -> None:
    Events(fresh_table(local).store, seed=5, bars=6).deliver(500)
