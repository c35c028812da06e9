"""What readers may ask for, in a query or a body, and within which limits."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Coroutine
from math import isfinite
from re import fullmatch
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator

from signals_api.problems import SHOWN, Problem, bad_parameter

Bar = Annotated[Timeframe, Field(description="The length of a bar.")]


class _Query(BaseModel):
    """A misspelt parameter is refused: ignored, it would silently give another answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(_Query):
    """Nothing."""


_NAME = "[ ]*[A-Za-z0-9._/-]+[ ]*"
MOST = len(ASSETS)


class ExplanationsQuery(_Query):
    """Whose signals of one timeframe."""

    timeframe: Bar = Timeframe.M5
    symbols: list[str] = Field(
        default_factory=list,
        description="Only these assets, separated by commas; all of them if left out.",
        examples=[["AAPL,BTC"]],
        json_schema_extra={
            "items": {"type": "string", "pattern": f"^{_NAME}(,{_NAME}){{0,{MOST - 1}}}$"},
            "minItems": 1,
            "maxItems": MOST,
        },
    )

    @field_validator("symbols", mode="before")
    @classmethod
    def _separated_by_commas(cls, given: list[str]) -> list[str]:
        texts = [[name.strip() for name in text.split(",")] for text in given]
        if not all(name for names in texts for name in names):
            raise ValueError("name assets, separated by commas, or leave it out")
        if max(len(texts), *map(len, texts)) > MOST:
            raise ValueError(f"name at most {MOST} assets")
        return [name for names in texts for name in names]


class SignalsQuery(ExplanationsQuery):
    """Which signals of one timeframe."""

    min_confidence: float = Field(
        default=0, ge=0, le=100, description="Only signals of at least this confidence, in per cent."
    )


class OverviewQuery(_Query):
    """Which overview."""

    timeframe: Bar = Timeframe.M5


class RecordQuery(_Query):
    """Which record."""

    timeframe: Bar = Timeframe.M5
    market: Market | None = Field(default=None, description="Only this market; every one if left out.")


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
SERVED_TRADER = "day_trader"
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
    if isinstance(given, list) and len(given) > MOST:
        raise ValueError(f"name at most {MOST} assets")
    return [] if given is None else given


def _whole(given: object) -> object:
    """A whole number as JSON has it: 5 and 5.0, not "5" or true."""
    if isinstance(given, str | bool):
        raise ValueError("a whole number")
    return given


def _score(given: object) -> object:
    """A number, or one in a text, as forms give it."""
    if isinstance(given, bool) or (isinstance(given, str) and not fullmatch(_SCORE, given)):
        raise ValueError("a valid number from 1 to 10")
    return given


_SCORE = r"(?:[1-9](?:\.[0-9]{1,9})?|10(?:\.0{1,9})?)"


def _returnable(given: object) -> object:
    """What can be sent back as JSON. json.loads also takes NaN and a nesting that nobody means."""
    if not _is_plain(given, DEEPEST):
        raise ValueError(f"numbers that JSON has, and at most {DEEPEST} levels of nesting")
    return {} if given is None else given


def _is_plain(value: object, levels: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(_is_plain(each, levels - 1) for each in inner)
    return not isinstance(value, float) or isfinite(value)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


def _or_null(*schemas: Any) -> WithJsonSchema:
    """The schema of what a validator takes beside null."""
    return WithJsonSchema({"anyOf": [*schemas, {"type": "null"}]})


class Profile(_Body):
    """Who reads."""

    risk_score: Annotated[
        float | None,
        BeforeValidator(_score),
        _or_null(
            {"type": "number", "minimum": 1, "maximum": 10}, {"type": "string", "pattern": f"^{_SCORE}$"}
        ),
    ] = Field(default=None, ge=1, le=10, description="From 1, careful, to 10, daring; careful if left out.")


class AnalyzeRequest(_Body):
    """Which predictions, and for whom."""

    model_config = ConfigDict(json_schema_extra={"required": ["trader_type"]})

    trader_type: Annotated[Any, WithJsonSchema({"type": "string", "enum": [SERVED_TRADER]})] = None
    user_profile: Profile | None = None
    timeframe: Annotated[
        Timeframe,
        BeforeValidator(_a_timeframe),
        WithJsonSchema({"type": "string", "enum": [*TIMEFRAMES.values(), *TIMEFRAMES]}),
    ] = Field(default=DEFAULT_TIMEFRAME, description="The length of a bar.")
    symbols: Annotated[
        list[str],
        BeforeValidator(_names),
        _or_null({"type": "array", "items": {"type": "string"}, "maxItems": MOST}, {"type": "string"}),
    ] = Field(default=[], description="Only these assets, a list or a text with commas; all if left out.")
    limit: Annotated[int | None, BeforeValidator(_whole)] = Field(
        default=None, ge=1, le=MOST, description="At most so many; 5, or all of the symbols asked for."
    )


class RecommendRequest(_Body):
    """Which stock or coin, and what the extension was told about it before."""

    stock_name: str = Field(description="Ticker or coin, in any case.", examples=["AAPL"])
    ml_output: Annotated[dict[str, Any], BeforeValidator(_returnable), _or_null({"type": "object"})] = Field(
        default={},
        description="Sent back as it is; the current prediction if left out. "
        f"At most {DEEPEST} levels of nesting.",
    )
