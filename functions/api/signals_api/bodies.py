"""What the browser extension sends. It sends more than is used here, and that is no error."""

from math import isfinite
from typing import Annotated, Any

from growfolio.domain.assets import ASSETS, Timeframe
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

TIMEFRAMES = {Timeframe.M5: "5min", Timeframe.M15: "15min"}
"""What the extension calls them."""
DEEPEST = 8
"""Levels of what is sent back as it came."""


def _a_timeframe(given: object) -> Timeframe:
    for timeframe, name in TIMEFRAMES.items():
        if given in (name, timeframe.value):
            return timeframe
    raise ValueError(f"choose {' or '.join(TIMEFRAMES.values())}")


def _names(given: object) -> object:
    """A list of names, or one text with commas; nothing means all."""
    if isinstance(given, str):
        return [name.strip() for name in given.split(",") if name.strip()]
    return [] if given is None else given


def _returnable(given: object) -> object:
    """What can be sent back as JSON. json.loads also takes NaN and a nesting that nobody means."""
    if not _is_plain(given, DEEPEST):
        raise ValueError(f"numbers that JSON has, and at most {DEEPEST} levels of nesting")
    return given or {}


def _is_plain(value: object, levels: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(_is_plain(each, levels - 1) for each in inner)
    return not isinstance(value, float) or isfinite(value)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Profile(_Body):
    """Who reads."""

    risk_score: float | None = Field(
        default=None, ge=1, le=10, description="From 1, careful, to 10, daring; careful if left out."
    )


class AnalyzeRequest(_Body):
    """Which predictions, and for whom."""

    trader_type: Any = Field(default=None, description="`day_trader`.", examples=["day_trader"])
    user_profile: Profile | None = None
    timeframe: Annotated[Timeframe, BeforeValidator(_a_timeframe)] = Field(
        default=Timeframe.M15, description="`15min` or `5min`."
    )
    symbols: Annotated[list[str], BeforeValidator(_names)] = Field(
        default=[], max_length=len(ASSETS), description="Only these assets; all of them if left out."
    )
    limit: int | None = Field(
        default=None, ge=1, le=len(ASSETS), description="At most so many; 5, or all of the symbols asked for."
    )


class RecommendRequest(_Body):
    """Which stock or coin, and what the extension was told about it before."""

    stock_name: str = Field(description="Ticker or coin, in any case.", examples=["AAPL"])
    ml_output: Annotated[dict[str, Any], BeforeValidator(_returnable)] = Field(
        default={}, description="Sent back as it is; the current prediction if left out."
    )
