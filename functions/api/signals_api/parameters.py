"""What readers may ask for, in a query or a body, and within which limits."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Coroutine
from math import isfinite
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from growfolio.domain.assets import ASSETS, Asset, Timeframe
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from signals_api.problems import SHOWN, Problem, bad_parameter

Bar = Annotated[Timeframe, Field(description="The length of a bar.")]


class _Query(BaseModel):
    """A misspelt parameter is refused: ignored, it would silently give another answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(_Query):
    """Nothing."""


class ExplanationsQuery(_Query):
    """Whose signals of one timeframe."""

    timeframe: Bar = Timeframe.M5
    symbols: list[str] = Field(
        default=[],
        max_length=len(ASSETS),
        description="Only these assets, separated by commas; all of them if left out.",
        examples=[["AAPL,BTC"]],
    )

    @field_validator("symbols", mode="before")
    @classmethod
    def _separated_by_commas(cls, given: list[str]) -> list[str]:
        names = [name.strip() for text in given for name in text.split(",")]
        if not all(names):
            raise ValueError("name assets, separated by commas, or leave it out")
        return names


class SignalsQuery(ExplanationsQuery):
    """Which signals of one timeframe."""

    min_confidence: float = Field(
        default=0, ge=0, le=100, description="Only signals of at least this confidence, in per cent."
    )


class SymbolQuery(_Query):
    """Which signals of one asset."""

    timeframe: Bar | None = Field(default=None, description="Only this timeframe; every one if left out.")


class HistoryQuery(_Query):
    """Which past signals of one asset."""

    timeframe: Bar = Timeframe.M5
    limit: int = Field(default=50, ge=1, le=200, description="At most this many signals.")
    cursor: str | None = Field(
        default=None, max_length=100, description="`next_cursor` of the page before; the newest if left out."
    )


def cursor_of(asset: Asset, timeframe: Timeframe, before: int) -> str:
    """A reader's bookmark in a history: signals whose bar closed before this moment come next."""
    return urlsafe_b64encode(f"{asset.symbol} {timeframe} {before}".encode()).decode().rstrip("=")


def position(cursor: str, asset: Asset, timeframe: Timeframe) -> int:
    """The moment a cursor marks. Raises Problem where it is not one of this asset's and timeframe's."""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    before = text.rpartition(" ")[2]
    if not before.isdecimal() or cursor_of(asset, timeframe, int(before)) != cursor:
        detail = f"not a cursor of {asset.symbol}'s {timeframe} history: pass next_cursor unchanged"
        raise bad_parameter("cursor", detail, cursor)
    return int(before)


TIMEFRAMES = {timeframe: f"{timeframe.minutes}min" for timeframe in Timeframe}
"""What the extension calls them."""
DEFAULT_TIMEFRAME = getattr(Timeframe, "M15", Timeframe.M5)
"""What the extension means where it names none; 15 minutes need not be among the timeframes."""
CHOICES = " or ".join(f"`{name}`" for name in TIMEFRAMES.values())
DEEPEST = 8
"""Levels of what is sent back as it came."""


def named_timeframe(given: object) -> Timeframe | None:
    """The timeframe of either name, ours or the extension's."""
    return next((each for each, name in TIMEFRAMES.items() if given in (name, each.value)), None)


def _a_timeframe(given: object) -> Timeframe:
    timeframe = named_timeframe(given)
    if timeframe is None:
        raise ValueError(f"choose {' or '.join(TIMEFRAMES.values())}")
    return timeframe


class JsonRoute(APIRoute):
    """A route whose body is JSON under any name: browsers send it as text/plain, some clients say nothing.

    Any other content type is refused by a Problem that names the right one.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read(request: Request) -> Response:
            given = request.headers.get("content-type", "")
            media_type = given.partition(";")[0].strip().lower()
            if media_type not in ("", "text/plain", "application/json"):
                detail = f"Content-Type is {given[:SHOWN]!r}: send JSON as application/json."
                raise Problem(415, "not-json", detail)
            headers = [entry for entry in request.scope["headers"] if entry[0] != b"content-type"]
            return await handle(Request({**request.scope, "headers": headers}, request.receive))

        return read


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
        default=DEFAULT_TIMEFRAME, description=f"{CHOICES}; {TIMEFRAMES[DEFAULT_TIMEFRAME]} if left out."
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
