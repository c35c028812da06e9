"""What readers may ask for, and within which limits."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from growfolio.domain.assets import ASSETS, Asset, Timeframe
from pydantic import BaseModel, ConfigDict, Field, field_validator

from signals_api.problems import bad_parameter

Bar = Annotated[Timeframe, Field(description="The length of a bar.")]


class _Query(BaseModel):
    """A misspelt parameter is refused: ignored, it would silently give another answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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

    timeframe: Bar | None = Field(default=None, description="Only this timeframe; both if left out.")


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
