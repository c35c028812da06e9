"""The cloud on one machine: `make run`.

Starts an embedded DynamoDB, runs the real refresh handlers on their five-minute schedule, prints the
signals and serves the API. Nothing here is deployed.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from growfolio.assets import Market
from growfolio.errors import ConfigurationError, GrowfolioError

PERIOD = 300
PUBLISHING_DELAY = 5
"""Seconds after a bar's close before the schedule fires, as EventBridge's fires within the minute."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `make run` was asked for."""

    market: str
    candles: str
    at: int | None
    once: bool
    as_json: bool
    port: int

    @classmethod
    def from_environment(cls, environ: dict[str, str]) -> "Options":
        """Raises ConfigurationError with what to change."""
        market = environ.get("MARKET") or "simulated"
        if market not in ("simulated", "replay", "live"):
            raise ConfigurationError(f"MARKET={market!r}: choose simulated, replay or live")
        candles = environ.get("CANDLES", "")
        if market == "replay" and not Path(candles).is_dir():
            raise ConfigurationError("MARKET=replay needs CANDLES=DIR, a folder of <ID>_5m.parquet files")
        at = environ.get("AT")
        if market == "replay" and not at:
            raise ConfigurationError("MARKET=replay needs AT=2024-09-05T18:00:00Z, the moment to replay")
        if market == "live" and at:
            raise ConfigurationError("AT= goes with MARKET=replay or simulated: live is now")
        return cls(
            market, candles, _moment(at), _flag(environ, "ONCE"), _flag(environ, "JSON"), int(environ.get("PORT") or 8000)
        )


def _flag(environ: dict[str, str], name: str) -> bool:
    return environ.get(name, "").lower() in ("1", "true", "yes")


def _moment(text: str | None) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"AT={text!r} is not a time like 2024-09-05T18:00:00Z") from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def clock_from(at: int | None) -> Callable[[], int]:
    """A clock in seconds since the epoch that runs on from at, or the machine's."""
    offset = 0.0 if at is None else at - time.time()
    return lambda: int(time.time() + offset)
