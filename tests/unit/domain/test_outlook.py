"""What current signals say together, rule by rule."""

from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.outlook import (
    PositionSize,
    Sentiment,
    Volatility,
    daily_volatility,
    lean,
    market_sentiment,
    position_size,
    strongest_first,
    volatility_level,
)
from growfolio.domain.signals import CLASSES, Signal

from tests.samples import a_signal


def leaning(symbol: str, sell: str, buy: str, volatility: str = "0.2") -> Signal:
    """A signal with these probabilities, and the action that they decide."""
    shares = (Decimal(sell), 1 - Decimal(sell) - Decimal(buy), Decimal(buy))
    signal = a_signal(symbol, action=CLASSES[shares.index(max(shares))])
    facts = replace(signal.facts, volatility_pct=Decimal(volatility))
    return replace(signal, probabilities=shares, facts=facts)


def of_volatility(*per_day: float) -> list[Signal]:
    """Signals to buy stocks on 5m bars whose prices swing so many per cent a day."""
    return [leaning("AAPL", "0.1", "0.6", str(daily / 78**0.5)) for daily in per_day]


def test_buy_and_sell_come_before_hold_and_the_furthest_apart_first() -> None:
    signals = [
        leaning("AAPL", "0.30", "0.25"),
        leaning("MSFT", "0.20", "0.50"),
        leaning("NVDA", "0.60", "0.10"),
        leaning("TSLA", "0.05", "0.45"),
        leaning("AMZN", "0.45", "0.30"),
    ]
    ranked = [(signal.asset.symbol, signal.action.value) for signal in strongest_first(signals)]
    assert ranked == [("NVDA", "SELL"), ("MSFT", "BUY"), ("AMZN", "SELL"), ("TSLA", "HOLD"), ("AAPL", "HOLD")]


def test_lean_runs_from_sell_to_buy() -> None:
    assert lean(leaning("AAPL", "1", "0")) == -1
    assert lean(leaning("AAPL", "0.2", "0.2")) == 0
    assert lean(leaning("AAPL", "0", "1")) == 1


@pytest.mark.parametrize(
    ("pairs", "sentiment"),
    [
        ([("0.10", "0.40")], Sentiment.BULLISH),
        ([("0.40", "0.10")], Sentiment.BEARISH),
        ([("0.30", "0.30")], Sentiment.NEUTRAL),
        ([("0.20", "0.22")], Sentiment.NEUTRAL),  # 0.02 is not more than 0.02
        ([("0.20", "0.2202")], Sentiment.BULLISH),
        ([("0.10", "0.60"), ("0.60", "0.10")], Sentiment.NEUTRAL),
        ([("0.00", "0.20")] * 3, Sentiment.BULLISH),  # all of them HOLD
        ([], Sentiment.UNKNOWN),
    ],
)
def test_a_market_is_bullish_or_bearish_where_its_signals_lean_one_way_on_average(
    pairs: list[tuple[str, str]], sentiment: Sentiment
) -> None:
    assert market_sentiment([leaning("AAPL", *pair) for pair in pairs]) is sentiment


@pytest.mark.parametrize(
    ("symbol", "timeframe", "bars"),
    [
        ("AAPL", Timeframe.M5, 78),
        ("AAPL", Timeframe.M15, 26),
        ("BTC", Timeframe.M5, 288),
        ("BTC", Timeframe.M15, 96),
    ],
)
def test_volatility_is_that_of_a_day_whatever_the_bar_and_the_market(
    symbol: str, timeframe: Timeframe, bars: int
) -> None:
    signal = a_signal(symbol, timeframe)
    assert daily_volatility(signal) == pytest.approx(0.093 * bars**0.5)


@pytest.mark.parametrize(
    ("per_day", "level"),
    [
        ([1.4], Volatility.LOW),
        ([1.6], Volatility.MEDIUM),
        ([3.4], Volatility.MEDIUM),
        ([3.6], Volatility.HIGH),
        ([1.0, 1.2, 40.0], Volatility.LOW),
        ([], Volatility.UNKNOWN),
    ],
)
def test_the_level_of_volatility_is_that_of_the_asset_in_the_middle(
    per_day: list[float], level: Volatility
) -> None:
    assert volatility_level(of_volatility(*per_day)) is level


@pytest.mark.parametrize(
    ("risk_score", "calm", "wild"),
    [
        (1, PositionSize.SMALL, PositionSize.SMALL),
        (3.9, PositionSize.SMALL, PositionSize.SMALL),
        (4, PositionSize.MEDIUM, PositionSize.SMALL),
        (7.9, PositionSize.MEDIUM, PositionSize.SMALL),
        (8, PositionSize.LARGE, PositionSize.MEDIUM),
        (10, PositionSize.LARGE, PositionSize.MEDIUM),
    ],
)
def test_a_position_grows_with_the_risk_score_and_shrinks_where_prices_are_wild(
    risk_score: float, calm: PositionSize, wild: PositionSize
) -> None:
    assert position_size(of_volatility(1), risk_score) is calm
    assert position_size(of_volatility(5), risk_score) is wild


def test_with_nothing_to_buy_or_sell_a_position_is_one_size_smaller() -> None:
    holds = [leaning("AAPL", "0.1", "0.2")]
    assert [position_size(holds, score) for score in (2, 5, 9)] == ["small", "small", "medium"]


def test_without_a_current_signal_there_is_no_position_to_take() -> None:
    assert position_size([], 10) is PositionSize.NONE


def test_a_reader_who_gave_no_risk_score_is_treated_with_caution() -> None:
    assert position_size(of_volatility(1)) is PositionSize.SMALL


@pytest.mark.parametrize("score", [0, 0.9, 10.1, -5, float("nan")])
def test_a_risk_score_out_of_range_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="from 1 to 10"):
        position_size(of_volatility(1), score)
