"""What `make run` may be asked for, and what to say when it cannot be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from growfolio.errors import ConfigurationError

MOST_HOURS = 24 * 62


@dataclass(frozen=True, slots=True)
class Options:
    """`make run MARKET=… CANDLES=… AT=… HOURS=… ONCE=1 JSON=1 PORT=…`."""

    market: str
    """simulated, replay or live."""
    candles: str
    """The folder that replay reads."""
    at: int | None
    """Where the clock starts, in seconds since the epoch; None: now."""
    hours: int
    """How long a history is refreshed through from there, as fast as it goes; 0: none."""
    once: bool
    as_json: bool
    port: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Options":
        """Raises ConfigurationError; the message says what to change."""
        market = environ.get("MARKET") or "simulated"
        candles, at = environ.get("CANDLES", ""), environ.get("AT", "")
        if market not in ("simulated", "replay", "live"):
            raise ConfigurationError(f"MARKET={market!r}: choose simulated, replay or live")
        if market == "replay" and not (candles and Path(candles).is_dir()):
            raise ConfigurationError("MARKET=replay needs CANDLES=DIR, a folder of <ID>_5m.parquet files")
        if market == "replay" and not at:
            raise ConfigurationError("MARKET=replay needs AT, the moment to replay: AT=2024-09-05T18:00:00Z")
        if market != "replay" and candles:
            raise ConfigurationError("CANDLES goes with MARKET=replay; without it prices are not yours")
        if market == "live" and at:
            raise ConfigurationError("AT goes with MARKET=replay or simulated; live is always now")
        return cls(
            market=market,
            candles=str(Path(candles).resolve()) if candles else "",
            at=_moment(at) if at else None,
            hours=_hours(environ.get("HOURS", ""), at),
            once=_flag(environ, "ONCE"),
            as_json=_flag(environ, "JSON"),
            port=_port(environ.get("PORT") or "8000"),
        )


def _flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() in ("1", "true", "yes")


def _hours(text: str, at: str) -> int:
    if not text:
        return 0
    if not at:
        raise ConfigurationError("HOURS goes with AT, the moment that the history begins at")
    if not text.isdecimal() or not 0 < int(text) <= MOST_HOURS:
        raise ConfigurationError(f"HOURS={text!r}: choose a whole number from 1 to {MOST_HOURS}")
    return int(text)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"AT={text!r} is not a time like 2024-09-05T18:00:00Z") from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ConfigurationError(f"PORT={text!r} is not a port number")
    return int(text)
