"""The records of the table that are no part of the domain. Each has one writer."""

from collections.abc import Mapping
from dataclasses import dataclass

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.signals import Action, Price, Signal
from growfolio.domain.times import Moment


@dataclass(frozen=True, slots=True)
class MarketRecord:
    """The last price of one asset, and the last session's 5-minute bars for a picture.

    Written by refresh. bars are (close_time, open, high, low, close, volume), the numbers as plain decimals
    (no sign, no exponent) in six significant digits.
    """

    asset: Asset
    price: Price
    bars: tuple[tuple[int, str, str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Three sentences about the signal of one bar. Written by explain; source is `gemini` or `template`."""

    asset: Asset
    timeframe: Timeframe
    bar_close: int
    action: Action
    text: str
    source: str
    written_at: int


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Signals of one asset and timeframe, newest first, and where the next page starts."""

    signals: tuple[Signal, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Completion:
    """Says that a refresh has stored all of one bar: signals, history, prices and hours. Written last.

    revision is that of the models asked; signals and failures count the market's assets.
    """

    market: Market
    timeframe: Timeframe
    bar_close: Moment
    revision: str
    signals: int
    failures: int
    at: Moment


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """What the signals of one market and timeframe were worth. Written by refresh.

    content is the JSON that readers are given. sums is what the next day is added to, of the days before
    through. newest is the close of the newest bar that is counted.
    """

    market: Market
    timeframe: Timeframe
    newest: Moment
    through: Moment
    content: str
    sums: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one signal, as far as it is known (record/outcomes.py); else None or empty."""

    status: str
    reason: str
    happened: str | None
    """The class: SELL, HOLD or BUY."""
    change: float | None
    """Rounded to six digits: the items of outcomes are written at each bar."""
    first: str | None
    """Which of buy, sell and stop was reached first."""
    first_after: int | None
    """Bars until then."""
    promise: str | None


Outcomes = Mapping[tuple[str, int], Outcome]
"""By symbol and close of the signal's bar."""
