"""The schemas of the overview. They document and test the answers; nothing is built from them."""

from datetime import datetime

from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.signals import Action, Status
from pydantic import Field

from signals_api.contract import Answer, Asset, Probabilities


class OverviewSignal(Asset):
    """A signal in short, as judged now; null where there is no signal to say it of."""

    status: Status = Field(description="What the signal is worth now; only `ok` is current.")
    reasons: list[str]
    next_open: datetime | None
    action: Action
    confidence: float = Field(ge=0, le=100, description="The probability of the action, in per cent.")
    probabilities: Probabilities | None
    price: float | None
    price_time: datetime | None
    price_source: str | None
    buy_target: float | None
    sell_target: float | None
    stop_loss: float | None
    bar_close: datetime | None
    expires_at: datetime | None = Field(description="From then on the signal is not current.")
    in_sample: bool | None
    simulated: bool | None
    caveats: list[str] | None
    sparkline: list[int] = Field(
        max_length=26,
        description="Closes of the last session, oldest first, from 0 (the lowest) to 100 (the highest).",
    )


class OverviewMarket(Answer):
    market: Market
    open: bool
    next_open: datetime | None
    closes: datetime | None = Field(
        description="When the session under way closes; null while closed. Coins' sessions are UTC days."
    )
    fresh_share: float | None = Field(
        ge=0, le=1, description="Of the timeframe's signals that are due, the share that is current."
    )


class Overview(Answer):
    """One signal for each asset, in the product's order, and the state of each market.

    The header X-Now has the server's moment of each answer, also of a 304.
    """

    timeframe: Timeframe
    signals: list[OverviewSignal]
    markets: list[OverviewMarket]


ANSWERS = (Overview,)
