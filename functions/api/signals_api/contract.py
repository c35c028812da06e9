"""What readers are answered, as schemas. They document and test the answers; nothing is built from them."""

from datetime import datetime
from typing import Literal

from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.signals import Action, Status
from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Asset(Answer):
    symbol: str
    market: Market
    name: str


class Assets(Answer):
    assets: list[Asset]
    timeframes: list[Timeframe]


class Probabilities(Answer):
    """Calibrated; they sum to one."""

    sell: float = Field(ge=0, le=1)
    hold: float = Field(ge=0, le=1)
    buy: float = Field(ge=0, le=1)


class Model(Answer):
    """The model that spoke, and the commit of the model repository it came from."""

    id: str
    revision: str


class Facts(Answer):
    """Indicator values of the signal's bar, in plain units."""

    rsi: float = Field(description="RSI(14), 0 to 100.")
    trend: Literal["up", "down", "mixed"] = Field(
        description="The close against the EMAs of 9, 21 and 50 bars."
    )
    atr_pct: float = Field(description="ATR(14) in per cent of the close.")
    vwap_pct: float = Field(description="Distance of the close from the VWAP of 14 bars, in per cent.")
    volume_ratio: float = Field(description="Volume against its average of 20 bars; 1 is average.")
    volatility_pct: float = Field(description="Standard deviation of the last 60 returns, in per cent.")


class Attempt(Answer):
    """The last try to make a signal, whatever came of it."""

    bar_close: datetime
    at: datetime
    status: Status
    reasons: list[str]


class PastSignal(Answer):
    """A signal as it was given when its bar had closed."""

    symbol: str
    market: Market
    timeframe: Timeframe
    action: Action
    confidence: float = Field(ge=0, le=100, description="The probability of the action, in per cent.")
    probabilities: Probabilities
    horizon_bars: int = Field(ge=1, description="How many bars ahead the probabilities speak of.")
    threshold: float = Field(description="From what move on it is a BUY or SELL; `label` says of what.")
    label: Literal["fixed", "volatility", "triple_barrier"] = Field(
        description="threshold is a fraction of the price, of its usual move, or of the way to the targets."
    )
    class_shares: Probabilities | None = Field(
        description="How often each action was right when the model was trained, where that is known."
    )
    price: float
    price_time: datetime
    price_source: str
    buy_target: float
    sell_target: float
    stop_loss: float
    bar_close: datetime
    generated_at: datetime
    expires_at: datetime = Field(description="From then on the signal is not current.")
    stored_at: datetime | None = Field(description="When it was stored; null where that is not known.")
    model: Model
    in_sample: bool = Field(description="The model was trained on this bar, so it proves nothing.")
    simulated: bool = Field(description="The prices are made up.")
    facts: Facts
    caveats: list[str] = Field(description="What limits this signal although it is served; often empty.")
    source: str = Field(
        description="Where its candles come from; empty for a signal that was stored before it was noted.",
        examples=["yahoo", "alpaca", "binance"],
    )


class Outcome(Answer):
    """What became of a signal, as far as it is known."""

    status: Literal["pending", "scored", "not_scored", "unsettled"] = Field(
        description="not_scored: its horizon reaches beyond the session; unsettled: `reason` says why."
    )
    reason: str
    happened: Action | None
    change: float | None = Field(description="From the close of its bar to that of its horizon, as a share.")
    log_loss: float | None = Field(description="Nats.")
    first: Literal["buy", "sell", "stop", "none", "session_ended", "unsettled"] | None = Field(
        description="Which of buy target, sell target and stop came first, within 12 bars of its session."
    )
    first_after: int | None = Field(description="Bars until then.")
    promise: Literal["reached", "stopped", "neither", "nothing_promised", "unsettled"] | None = Field(
        description="Whether a BUY's sell target, or a SELL's buy target, came before its stop."
    )


class SettledSignal(PastSignal):
    """A signal as it was given, and what became of it; null until its horizon has closed."""

    outcome: Outcome | None


class _Judged(Answer):
    status: Status = Field(description="What the signal is worth now; only `ok` is current.")
    reasons: list[str] = Field(
        description="Why the status is not ok; beside ok, that the table did not answer and since when."
    )
    next_open: datetime | None = Field(description="When a closed market opens, if that is known.")
    last_attempt: Attempt | None


class Signal(PastSignal, _Judged):
    """A signal, and what it is worth at the moment of the request."""


class NoSignal(_Judged):
    """There is none: HOLD at confidence 0, and null for what only a signal could say."""

    symbol: str
    market: Market
    timeframe: Timeframe
    action: Literal[Action.HOLD]
    confidence: Literal[0]
    __annotations__.update(dict.fromkeys(PastSignal.model_fields.keys() - __annotations__.keys()))


class Signals(Answer):
    """One for each asset asked for, in the product's order or in that of the question."""

    timeframe: Timeframe
    signals: list[Signal | NoSignal]


class AssetSignals(Asset):
    """One for each timeframe asked for."""

    signals: list[Signal | NoSignal]


class History(Answer):
    """Newest first. next_cursor leads to the page before; null on the last one."""

    symbol: str
    timeframe: Timeframe
    signals: list[SettledSignal]
    next_cursor: str | None


class Explanation(Answer):
    """Three sentences about a signal; where there is none, why, and null for what they would be about."""

    symbol: str
    timeframe: Timeframe
    text: str
    source: str = Field(
        description="Who wrote it: a language model by its name, or `template`; `none` where there is none.",
        examples=["gemini", "template", "none"],
    )
    action: Action | None
    bar_close: datetime | None = Field(description="The bar whose signal it explains.")
    written_at: datetime | None


class Explanations(Answer):
    """One for each asset asked for, in the product's order or in that of the question."""

    timeframe: Timeframe
    explanations: list[Explanation]


class Candle(Answer):
    close_time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


class MarketPicture(Asset):
    """Null and empty until the first refresh."""

    price: float | None
    price_time: datetime | None
    price_source: str | None
    bars: list[Candle] = Field(description="5m bars of the last session, oldest first.")


class MarketHealth(Answer):
    market: Market
    open: bool
    next_open: datetime | None
    fresh_share: float | None = Field(
        ge=0, le=1, description="Of the signals that are due, how many are current; null where none is due."
    )
    statuses: dict[Status, int] = Field(description="How many signals have each status.")
    reasons: dict[str, int] = Field(description="Why signals are not current, and how many; the commonest.")
    revisions: list[str] = Field(description="The model revisions that made the stored signals.")
    newest_bar_close: datetime | None


class Markets(Answer):
    now: datetime = Field(description="The moment that all this is said of.")
    markets: list[MarketHealth]


class Health(Markets):
    healthy: Literal[True]


class BadParameter(Answer):
    parameter: str
    detail: str
    given: str | None = None


class Problem(Answer):
    """An error (RFC 9457). `detail` says what to do; members beside the standard ones depend on the type."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    known: list[str] | None = Field(default=None, description="Of an unknown symbol: those there are.")
    errors: list[BadParameter] | None = Field(default=None, description="Of bad parameters: each one.")
    served: list[str] | None = Field(default=None, description="Of a trader type: those served.")
    healthy: Literal[False] | None = None
    now: datetime | None = Field(default=None, description="Of ill health: as in Health.")
    markets: list[MarketHealth] | None = Field(default=None, description="Of ill health: as in Health.")
    request_id: str | None = Field(default=None, description="Of an unexpected error: its name in the log.")


ANSWERS = (Signals, AssetSignals, History, Explanations, MarketPicture, Markets, Assets, Health, Problem)
