"""What `make run` may be asked for."""

from pathlib import Path

import pytest
from growfolio.errors import ConfigurationError

from infra.local.options import Options

REPLAY = {"MARKET": "replay", "CANDLES": str(Path(__file__).parent), "AT": "2024-09-05T18:00:00Z"}


def test_nothing_asked_is_a_simulated_market_of_now_served_on_port_8000() -> None:
    assert Options.from_environment({}) == Options("simulated", "", None, 0, False, False, 8000)


@pytest.mark.parametrize("at", ["2024-09-05T18:00:00Z", "2024-09-05 18:00", "2024-09-05T14:00:00-04:00"])
def test_the_moment_to_replay_is_in_utc_unless_it_says_otherwise(at: str) -> None:
    assert Options.from_environment(REPLAY | {"AT": at}).at == 1_725_559_200


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ({"MARKET": "paper"}, "choose simulated, replay or live"),
        (REPLAY | {"CANDLES": ""}, "needs CANDLES=DIR"),
        (REPLAY | {"CANDLES": "/no/such/folder"}, "needs CANDLES=DIR"),
        (REPLAY | {"AT": ""}, "needs AT"),
        (REPLAY | {"AT": "yesterday"}, "is not a time like 2024-09-05T18:00:00Z"),
        (REPLAY | {"MARKET": ""}, "CANDLES goes with MARKET=replay"),
        ({"MARKET": "live", "AT": "2024-09-05T18:00:00Z"}, "live is always now"),
        ({"HOURS": "48"}, "HOURS goes with AT"),
        (REPLAY | {"HOURS": "0"}, "choose a whole number from 1"),
        (REPLAY | {"HOURS": "1.5"}, "choose a whole number from 1"),
        (REPLAY | {"HOURS": "100000"}, "choose a whole number from 1"),
        ({"PORT": "0"}, "is not a port number"),
        ({"PORT": "65536"}, "is not a port number"),
        ({"PORT": "²"}, "is not a port number"),
    ],
)
def test_a_wish_that_cannot_be_met_says_what_to_put_instead(asked: dict[str, str], advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        Options.from_environment(asked)
