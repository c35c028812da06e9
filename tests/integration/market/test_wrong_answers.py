"""Answers to another question than the one asked, through the real yfinance and ccxt."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, assets_of, find_asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.domain.times import BAR, DAY
from growfolio.errors import WrongAnswer
from growfolio.market.exchange import ExchangeSource
from growfolio.market.ports import Fetched, MarketSource, Patience
from growfolio.market.yahoo import YahooSource
from growfolio.refresh.candle_window import ASKED_AGAIN

from tests.bars import in_order, moment, printed, without
from tests.fakes.exchange import LocalSession
from tests.fakes.tickers import BinanceTickers
from tests.fakes.yahoo import LocalYahooSession, YahooServer
from tests.patience import HANG

STOCKS, COINS = assets_of(Market.STOCKS), assets_of(Market.CRYPTO)
MSFT, BTC, DOGE = (find_asset(name) for name in ("MSFT", "BTC", "DOGE"))
NOW = moment("2024-09-05 18:00") + 4
SINCE = moment("2024-08-29 13:30")
PATIENCE = Patience(request=HANG, deadline=HANG, tries=1, publication=0.0)


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    with YahooServer({asset.symbol: printed(asset, SINCE, NOW) for asset in STOCKS}) as server:
        yield server


@pytest.fixture
def binance() -> Iterator[BinanceTickers]:
    candles = {asset: printed(asset, NOW - DAY, NOW) for asset in COINS}
    with BinanceTickers({f"{asset.symbol}USDT": bars for asset, bars in candles.items()}) as server:
        server.last = {f"{asset.symbol}USDT": repr(float(bars.close[-1])) for asset, bars in candles.items()}
        server.moment = NOW
        yield server


def from_yahoo(server: YahooServer) -> YahooSource:
    return YahooSource(PATIENCE, LocalYahooSession(server, PATIENCE.request))


def from_binance(server: BinanceTickers) -> ExchangeSource:
    return ExchangeSource(["binance"], PATIENCE, lambda: LocalSession(server))


def refused(source: MarketSource, answers: Fetched, asset: Asset) -> str:
    """Why the asset is refused, once it is seen to be noted and all others to be served."""
    errors = {a: answer for a, answer in answers.items() if not isinstance(answer, Bars)}
    assert set(errors) == {asset}
    assert isinstance(errors[asset], WrongAnswer)
    assert source.notes == (f"{asset.symbol}: {errors[asset]}",)
    return str(errors[asset])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"symbol": "GOOGL"}, "yahoo answered with symbol GOOGL in place of MSFT"),
        ({"dataGranularity": "15m"}, "yahoo answered with dataGranularity 15m in place of 5m"),
        ({"currency": "EUR"}, "yahoo answered with currency EUR in place of USD"),
        ({"instrumentType": "OPTION"}, "yahoo answered with instrumentType OPTION in place of EQUITY or ETF"),
    ],
)
def test_a_chart_that_says_it_is_another_is_refused(
    yahoo: YahooServer, said: dict[str, str], reason: str
) -> None:
    yahoo.meta["MSFT"] = said
    source = from_yahoo(yahoo)
    assert refused(source, source.fetch(dict.fromkeys(STOCKS, SINCE), NOW), MSFT) == reason


def test_another_symbols_chart_is_refused(yahoo: YahooServer) -> None:
    yahoo.swapped["MSFT"] = "GOOGL"
    source = from_yahoo(yahoo)
    reason = refused(source, source.fetch(dict.fromkeys(STOCKS, SINCE), NOW), MSFT)
    assert reason == "yahoo answered with symbol GOOGL in place of MSFT"


def test_a_chart_that_says_nothing_of_itself_is_taken(yahoo: YahooServer) -> None:
    yahoo.meta["MSFT"] = dict.fromkeys(("symbol", "dataGranularity", "currency", "instrumentType"))
    answers = from_yahoo(yahoo).fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert all(isinstance(bars, Bars) for bars in answers.values())


def of_minutes(bars: Bars, minutes: int) -> Bars:
    """As many bars as make sense of another length."""
    if minutes % 5:
        other = in_order(bars, np.arange(60))
        other.open_time[:] = bars.open_time[0] + 60 * minutes * np.arange(60)
        return other
    return in_order(bars, np.arange(0, len(bars), minutes // 5))


@pytest.mark.parametrize("minutes", [1, 15, 30])
def test_bars_of_another_length_are_refused_whatever_the_answer_says(
    yahoo: YahooServer, binance: BinanceTickers, minutes: int
) -> None:
    yahoo.candles["MSFT"] = of_minutes(yahoo.candles["MSFT"], minutes)
    source: MarketSource = from_yahoo(yahoo)
    answers = source.fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert refused(source, answers, MSFT) == f"yahoo sent bars of {minutes} minutes in place of 5"
    binance.candles["DOGEUSDT"] = of_minutes(binance.candles["DOGEUSDT"], minutes)
    source = from_binance(binance)
    answers = source.fetch(dict.fromkeys(COINS, NOW - DAY), NOW)
    assert refused(source, answers, DOGE) == f"binance sent bars of {minutes} minutes in place of 5"


@pytest.mark.parametrize("hours", [-1, 1])
def test_bars_shifted_against_the_session_are_refused(yahoo: YahooServer, hours: int) -> None:
    bars = yahoo.candles["MSFT"]
    yahoo.candles["MSFT"] = replace(bars, open_time=OpenTimes(bars.open_time + hours * 3600))
    source = from_yahoo(yahoo)
    reason = refused(source, source.fetch(dict.fromkeys(STOCKS, SINCE - DAY), NOW), MSFT)
    assert reason == "yahoo sent bars that are shifted against the session by an hour or more"


@pytest.mark.parametrize(("seconds", "side"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_differs_from_ours_by_an_hour_is_an_error_and_so_is_an_old_answer(
    yahoo: YahooServer, binance: BinanceTickers, seconds: int, side: str
) -> None:
    yahoo.clock_off = binance.clock_off = seconds
    for source, assets in ((from_yahoo(yahoo), STOCKS), (from_binance(binance), COINS)):
        answers = source.fetch(dict.fromkeys(assets, NOW - DAY), NOW)
        assert {type(error) for error in answers.values()} == {WrongAnswer}
        assert all(f" s {side} our clock" in str(error) for error in answers.values())


@pytest.mark.parametrize("witness", ["tickers", "none"])
def test_another_pairs_candles_are_refused(binance: BinanceTickers, witness: str) -> None:
    """Binance's candles do not name their pair; its tickers do, and tell which of two alike is right."""
    binance.swapped["DOGEUSDT"] = "BTCUSDT"
    if witness == "none":
        binance.not_trading = {"BTCUSDT", "DOGEUSDT"}
        binance.lists_all = True
    source = from_binance(binance)
    answers = source.fetch(dict.fromkeys(COINS, NOW - DAY), NOW)
    wrong = {asset for asset, answer in answers.items() if isinstance(answer, WrongAnswer)}
    assert wrong == ({DOGE} if witness == "tickers" else {BTC, DOGE})
    assert str(answers[DOGE]) == "binance sent another pair's candles"
    assert "DOGE: binance sent another pair's candles" in source.notes


def test_rows_without_prices_are_slots_without_trades_whatever_their_volume_says(yahoo: YahooServer) -> None:
    whole = yahoo.candles["MSFT"]
    rows = in_order(whole, np.arange(len(whole)))
    for name in PRICES[:4]:
        getattr(rows, name)[[-20, -30, -40]] = np.nan
    rows.volume[[-20, -30, -40]] = 0.0, 5.0, np.nan
    yahoo.candles["MSFT"] = rows
    bars = from_yahoo(yahoo).fetch({MSFT: SINCE}, NOW)[MSFT]
    assert isinstance(bars, Bars)
    np.testing.assert_array_equal(bars.open_time, without(whole, -20, -30, -40).open_time)


@pytest.mark.parametrize("minutes", [15, 30])
def test_bars_of_another_length_are_refused_in_the_short_answers_of_a_warm_function_too(
    binance: BinanceTickers, minutes: int
) -> None:
    binance.candles["DOGEUSDT"] = of_minutes(binance.candles["DOGEUSDT"], minutes)
    source = from_binance(binance)
    answers = source.fetch(dict.fromkeys(COINS, NOW - 4 - ASKED_AGAIN * BAR), NOW)
    assert refused(source, answers, DOGE) == f"binance sent bars of {minutes} minutes in place of 5"
