"""What the browser extension is answered, as schemas."""

from datetime import datetime
from typing import Any, Literal

from growfolio.domain.conviction import Conviction, Move
from growfolio.domain.outlook import PositionSize, Sentiment, Volatility
from pydantic import Field

from signals_api.contract import Answer
from signals_api.parameters import TIMEFRAMES


class Like(Answer):
    """What became of signals like this one (market, timeframe, action, strength) within the last month."""

    n: int
    right: int
    opposite: int


class Prediction(Answer):
    """A signal as the extension's card shows it."""

    ticker: str
    action: Literal["buy", "hold", "sell"]
    confidence: int = Field(ge=0, le=100)
    timeframe: str = Field(json_schema_extra={"enum": list(TIMEFRAMES.values())})
    current_price: float
    target_buy: float
    target_sell: float
    stop_loss: float
    price_time: datetime
    price_source: str
    source: str = Field(description="Where the signal's candles come from, e.g. yahoo or alpaca.")
    simulated: bool
    in_sample: bool
    conviction: Conviction = Field(
        description="none: signals like it were right no more often than chance, or the move to expect does "
        "not pay its cost, or too few are settled; weak or strong: by how far the direction is beyond chance."
    )
    move: Move = Field(description="How likely a move is, against what is usual at this time of the hour.")
    like: Like | None
    expected_move_pct: float = Field(description="The mean size of a move until the horizon, in per cent.")
    break_even_pct: float = Field(description="What entering and leaving cost, in per cent.")


class TraderAnalysis(Answer):
    predictions: list[Prediction]
    market_sentiment: Sentiment
    volatility_level: Volatility
    recommended_position_size: PositionSize
    notice: str | None = Field(default=None, description="What a reader has to know; often left out.")


class Analysis(Answer):
    """The best current predictions for a day trader, and what all current signals say together."""

    trader_type: Literal["day_trader"]
    analysis: TraderAnalysis
    timestamp: datetime


class Recommendation(Answer):
    """What is known about one signal, in sentences; `gemini_explanation` has those of the template too.

    A last one says where a BUY or SELL has no edge in direction.
    """

    stock: str
    ml_output: dict[str, Any]
    gemini_explanation: str
    explanation_source: str = Field(description="As `source` of an Explanation.")
    explained_bar_close: datetime | None
    notice: str | None = Field(default=None, description="What a reader has to know; often left out.")


ANSWERS = (Analysis, Recommendation)
