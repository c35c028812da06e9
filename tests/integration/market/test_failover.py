"""When a second exchange takes over, by the real ccxt against Binance's and Kraken's wire formats."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from growfolio.domain.assets import Market, assets_of, find_asset
from growfolio.domain.bars import QUARTER, Bars
from growfolio.domain.times import BAR, DAY
from growfolio.market.exchange import LISTED_AGAIN, ExchangeSource
from growfolio.market.failover import BAD_RUNS, REST
from growfolio.market.ports import Fetched, Patience

from tests.bars import moment, printed
from tests.fakes.candle_server import ANY, Fault
from tests.fakes.exchange import BinanceServer, KrakenServer, LocalSession, quarters
from tests.patience import HANG

COINS = assets_of(Market.CRYPTO)
BTC, DOT = find_asset("BTC"), find_asset("DOT")
NOW = moment("2024-09-05 18:00") + 4
END = NOW + 3 * 3600
PATIENCE = Patience(request=HANG, deadline=HANG, tries=1, publication=0.0)
HALF = COINS[: len(COINS) // 2 + 1]


def pair(symbol: str) -> str:
    return f"{symbol}USDT"


def all_candles(until: int = END, days: int = 6) -> dict[str, Bars]:
    return {pair(asset.symbol): printed(asset, NOW - 4 - days * DAY, until) for asset in COINS}


@pytest.fixture(scope="module")
def candles() -> dict[str, Bars]:
    return all_candles()


@pytest.fixture
def binance(candles: dict[str, Bars]) -> Iterator[BinanceServer]:
    with BinanceServer(candles) as server:
        yield server


@pytest.fixture
def kraken(candles: dict[str, Bars]) -> Iterator[KrakenServer]:
    with KrakenServer(candles) as server:
        yield server


@pytest.fixture
def source(binance: BinanceServer, kraken: KrakenServer) -> ExchangeSource:
    return ExchangeSource(["binance", "kraken"], PATIENCE, lambda: LocalSession(binance, kraken))


def fetch(source: ExchangeSource, now: int, since: int | None = None) -> Fetched:
    return source.fetch(dict.fromkeys(COINS, now - 4 - 6 * 3600 if since is None else since), now)


def frozen(bars: Bars, at: int) -> Bars:
    """As an exchange in maintenance prints them: flat at the last close, volume zero."""
    later = bars.open_time >= at
    last = bars.close[~later][-1]
    opened, high, low, close = (
        np.where(later, last, column) for column in (bars.open, bars.high, bars.low, bars.close)
    )
    return Bars(bars.open_time, opened, high, low, close, np.where(later, 0.0, bars.volume))


HALTS: dict[str, Callable[[Bars], Bars]] = {
    "old candles": lambda bars: bars.where(bars.open_time < NOW - 3600),
    "flat candles": lambda bars: frozen(bars, NOW - 3600),
    "only new candles": lambda bars: bars.where(bars.open_time > NOW - 3600),
}


@pytest.mark.parametrize("halt", HALTS)
def test_an_exchange_that_answers_without_usable_candles_is_left_at_once(
    source: ExchangeSource, binance: BinanceServer, candles: dict[str, Bars], halt: str
) -> None:
    binance.candles = {symbol: HALTS[halt](bars) for symbol, bars in candles.items()}
    answers = fetch(source, NOW)
    assert source.name == "kraken"
    assert {int(bars.open_time[-1]) for bars in answers.values() if isinstance(bars, Bars)} == {NOW - 4 - BAR}
    assert source.notes == (
        "binance: 0 of 10 assets have their newest candle and a whole window",
        "kraken serves in place of binance",
    )


def test_a_halt_that_is_over_is_a_gap_and_no_short_history(
    source: ExchangeSource, binance: BinanceServer, candles: dict[str, Bars]
) -> None:
    """Whoever keeps candles asks about the gap again: since then, most slots are missing."""
    fetch(source, NOW)
    halted, over = NOW - 4, NOW - 4 + 7200
    binance.candles = {
        symbol: bars.where((bars.open_time < halted) | (bars.open_time >= over))
        for symbol, bars in candles.items()
    }
    fetch(source, over + BAR + 4, since=halted)
    assert source.name == "binance"


def test_an_exchange_that_serves_some_is_left_after_two_bad_runs(
    source: ExchangeSource, binance: BinanceServer
) -> None:
    fetch(source, NOW)
    for asset in HALF:
        binance.meet(pair(asset.symbol), Fault(500))
    names = []
    for nth in range(1, BAD_RUNS + 1):
        fetch(source, NOW + nth * BAR)
        names.append(source.name)
    assert names == ["binance"] * (BAD_RUNS - 1) + ["kraken"]


def test_one_bad_run_between_good_ones_changes_nothing(
    source: ExchangeSource, binance: BinanceServer
) -> None:
    for nth in range(6):
        for asset in HALF if nth % 2 else ():
            binance.meet(pair(asset.symbol), Fault(500))
        fetch(source, NOW + nth * BAR)
        binance.recover()
        assert source.name == "binance"


def test_fewer_coins_in_trouble_than_half_change_nothing(
    source: ExchangeSource, binance: BinanceServer, kraken: KrakenServer
) -> None:
    for asset in COINS[: len(COINS) // 2]:
        binance.meet(pair(asset.symbol), Fault(500))
    for nth in range(4):
        fetch(source, NOW + nth * BAR)
    assert source.name == "binance"
    assert kraken.requests == []


def test_for_a_late_run_that_asks_for_one_coin_in_trouble_an_exchange_is_not_left(
    source: ExchangeSource, binance: BinanceServer, kraken: KrakenServer
) -> None:
    fetch(source, NOW)
    binance.meet(pair("DOT"), Fault(500))
    for later in (10, 20, 30):
        source.fetch({DOT: NOW - 3600}, NOW + later)
    assert source.name == "binance"
    assert kraken.requests == []


def test_the_preferred_exchange_serves_again_after_its_rest(
    source: ExchangeSource, binance: BinanceServer
) -> None:
    binance.meet(ANY, Fault(500))
    fetch(source, NOW)
    assert source.name == "kraken"
    binance.recover()
    fetch(source, NOW + REST - 1)
    assert source.name == "kraken"
    fetch(source, NOW + REST + BAR)
    assert source.name == "binance"


def test_a_worse_second_exchange_does_not_take_over(
    source: ExchangeSource, binance: BinanceServer, kraken: KrakenServer
) -> None:
    kraken.meet(ANY, Fault(500))
    for asset in HALF:
        binance.meet(pair(asset.symbol), Fault(500))
    for nth in range(4):
        answers = fetch(source, NOW + nth * BAR)
        assert source.name == "binance"
        assert sum(isinstance(bars, Bars) for bars in answers.values()) == len(COINS) - len(HALF)


def test_asked_again_at_the_same_moment_the_same_exchange_answers(
    source: ExchangeSource, binance: BinanceServer
) -> None:
    """A window that was another exchange's is then asked for whole."""
    binance.meet(ANY, Fault(500))
    fetch(source, NOW)
    binance.recover()
    asked = len(binance.requests)
    fetch(source, NOW, since=NOW - DAY)
    assert source.name == "kraken"
    assert len(binance.requests) == asked


def test_connections_that_died_while_idle_are_replaced_at_once(
    source: ExchangeSource, binance: BinanceServer, kraken: KrakenServer
) -> None:
    for nth in range(4):
        answers = fetch(source, NOW + nth * BAR)
        assert all(isinstance(bars, Bars) for bars in answers.values())
        binance.kill_idle_connections()
    assert kraken.requests == []


def test_a_coin_that_comes_back_into_trading_is_listed_again_within_minutes(
    source: ExchangeSource, binance: BinanceServer
) -> None:
    binance.not_trading.add(pair("DOT"))
    assert str(fetch(source, NOW)[DOT]) == "binance does not trade this pair"
    binance.not_trading.clear()
    assert str(fetch(source, NOW + LISTED_AGAIN - 1)[DOT]) == "binance does not trade this pair"
    assert isinstance(fetch(source, NOW + LISTED_AGAIN)[DOT], Bars)
    assert len([request for request in binance.requests if request.path.endswith("exchangeInfo")]) == 2


def test_an_exchange_with_short_pages_gives_15_minute_bars_of_the_time_before(kraken: KrakenServer) -> None:
    kraken.candles = {symbol: bars.closed_by(NOW) for symbol, bars in all_candles().items()}
    source = ExchangeSource(["kraken"], PATIENCE, lambda: LocalSession(kraken))
    since = NOW - 4 - 5 * DAY
    answers = fetch(source, NOW, since)
    for asset in COINS:
        bars, whole = answers[asset], printed(asset, since, NOW)
        assert isinstance(bars, Bars)
        assert len(bars) == KrakenServer.page
        made, true = quarters(bars.with_quarters(QUARTER)), quarters(whole)
        np.testing.assert_array_equal(made.open_time, true.open_time)
        for name in ("open", "high", "low", "close"):
            np.testing.assert_array_equal(getattr(made, name), getattr(true, name))
        np.testing.assert_allclose(made.volume, true.volume)
    assert source.notes == ()


def test_without_15_minute_bars_an_exchange_with_short_pages_serves_what_it_has(kraken: KrakenServer) -> None:
    kraken.candles = {symbol: bars.closed_by(NOW) for symbol, bars in all_candles(days=2).items()}
    source = ExchangeSource(["kraken"], PATIENCE, lambda: LocalSession(kraken))
    bars = fetch(source, NOW, NOW - 4 - 5 * DAY)[BTC]
    assert isinstance(bars, Bars)
    assert bars.quarters is None
