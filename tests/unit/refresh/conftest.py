"""The market that refreshes are tried on."""

import pytest

from tests.unit.refresh.world import World


@pytest.fixture
def world() -> World:
    return World()
