"""Sessions that the calendar has and the market has not: unscheduled closures and early closes."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.calendar import market_hours
from growfolio.domain.caveats import RECENT
from growfolio.domain.freshness import Judged, judge_all
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.grid import slots_between
from growfolio.domain.health import fresh_shares
from growfolio.domain.signals import Price, SignalRecord, Status
from growfolio.domain.times import BAR, DAY
from growfolio.errors import TemporaryMarketError
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.closure import SILENT_SLOTS
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.run import refresh

from tests.bars import moment, printed
from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedForecaster, FixedQuotes
from tests.fakes.sources import ScriptedSource

ASSETS = [find_asset(symbol) for symbol in ("AAPL", "MSFT", "NVDA")]
CLOSURES = {
    "a closed day": ("2024-09-04 13:30", "2024-09-04 20:00"),
    "two closed days": ("2024-09-04 13:30", "2024-09-05 20:00"),
    "an early close": ("2024-09-04 17:00", "2024-09-04 20:00"),
    "a late open": ("2024-09-04 13:30", "2024-09-04 15:30"),
    "trading halted for an hour": ("2024-09-04 15:00", "2024-09-04 16:00"),
    "a week": ("2024-09-04 13:30", "2024-09-10 20:00"),
    "two weeks": ("2024-09-04 13:30", "2024-09-17 20:00"),
}
INDEX = find_asset("AMZN")
"""Its bars stand for those of the index."""


class Index:
    """What trades whenever the market does: bars as they are set, or an error."""

    index_name = "SPY"

    def __init__(self, bars: Bars | Exception) -> None:
        self.bars = bars
        self.asked: list[int] = []

    def index(self, since: int, now: int) -> Bars:
        self.asked.append(now)
        if isinstance(self.bars, Exception):
            raise self.bars
        return self.bars.where(self.bars.open_time >= since).closed_by(now)


class Closed:
    """A market whose provider has no bars of a closure that the calendar does not know."""

    def __init__(self, closure: str, index: Index | None = None) -> None:
        self.closed, self.opens = map(moment, CLOSURES[closure])
        served = assets_of(Market.STOCKS) if index else ASSETS
        left = {asset: self.without_closure(asset) for asset in served}
        self.source = ScriptedSource(left)
        self.feed = WindowedFeed(self.source, None, Market.STOCKS)
        self.store, self.forecaster = MemoryStore(), FixedForecaster()
        self.index, self.quotes = index, FixedQuotes({})
        self.report = RefreshReport(Market.STOCKS)

    def whole(self, asset: Asset) -> Bars:
        return printed(asset, self.closed - 55 * DAY, self.opens + 4 * DAY)

    def without_closure(self, asset: Asset) -> Bars:
        bars = self.whole(asset)
        return bars.where((bars.open_time < self.closed) | (bars.open_time >= self.opens))

    def starts_cold(self) -> None:
        self.feed = WindowedFeed(self.source, None, Market.STOCKS)

    def judged(self, now: int) -> list[Judged]:
        """What readers see of the assets."""
        hours = {Market.STOCKS: market_hours(Market.STOCKS, now)}
        owed = [(asset, timeframe) for asset in ASSETS for timeframe in Timeframe]
        records = [record for timeframe in Timeframe for record in self.store.signals(timeframe)]
        return judge_all(records, owed, hours.get, now)

    def refresh(self, now: int) -> dict[Timeframe, list[SignalRecord]]:
        ports = Ports(Market.STOCKS, self.feed, self.forecaster, self.store, self.quotes, self.index)
        self.report = refresh(ports, now)
        return {
            timeframe: [record for record in self.store.signals(timeframe) if record.asset in ASSETS]
            for timeframe in Timeframe
        }


def slots(start: int, end: int, timeframe: Timeframe = Timeframe.M5) -> list[int]:
    grid: list[int] = slots_between(Market.STOCKS, start, end, timeframe).tolist()
    return grid


@pytest.mark.parametrize("closure", CLOSURES)
def test_a_market_that_is_closed_unannounced_is_no_data(closure: str) -> None:
    market = Closed(closure)
    market.refresh(slots(market.closed - 5 * DAY, market.closed)[-1])
    during = slots(market.closed, market.opens)
    for now in during[:: max(1, len(during) // 6)]:
        for records in market.refresh(now).values():
            for record in records:
                assert record.signal
                assert record.signal.bar_close <= market.closed
                assert record.last_attempt
                assert record.last_attempt.status in (Status.OK, Status.NO_DATA)


@pytest.mark.parametrize("closure", CLOSURES)
def test_the_next_session_is_served_as_always_and_says_that_trading_broke_off(closure: str) -> None:
    market = Closed(closure)
    market.refresh(slots(market.closed - 5 * DAY, market.closed)[-1])
    market.refresh(slots(market.closed, market.opens)[-1])
    for now in slots(market.opens, market.opens + 4 * DAY)[:14]:
        for timeframe, records in market.refresh(now).items():
            due = slots(market.opens, now, timeframe)
            signals = [record.signal for record in records if record.signal and due]
            assert {signal.bar_close for signal in signals} == set(due[-1:])
            for signal in signals if len(due) <= RECENT else ():
                assert any("trading broke off" in caveat for caveat in signal.caveats)


def test_the_first_run_after_a_long_closure_is_served_as_always() -> None:
    for closure in CLOSURES:
        market = Closed(closure)
        now = slots(market.opens, market.opens + 4 * DAY)[2]
        for records in market.refresh(now).values():
            assert len(records) == len(ASSETS)
            assert all(record.signal and record.signal.bar_close == now for record in records), closure
        market.starts_cold()
        records = market.refresh(now + BAR)[Timeframe.M5]
        assert all(record.signal and record.signal.bar_close == now + BAR for record in records), closure


def closed_with(closure: str, index: Index) -> Closed:
    """A market whose refreshes have run up to the closure."""
    market = Closed(closure, index)
    market.refresh(slots(market.closed - 5 * DAY, market.closed)[-1])
    return market


@pytest.mark.parametrize(
    "closure",
    [
        "a closed day",
        "an early close",
        pytest.param("two closed days", marks=pytest.mark.slow),
        pytest.param("a week", marks=pytest.mark.slow),
    ],
)
def test_a_closure_that_the_index_confirms_is_no_session_until_trading_begins_again(closure: str) -> None:
    index = Index(Closed(closure).without_closure(INDEX))
    market = closed_with(closure, index)
    during = slots(market.closed, market.opens)
    for silent, now in enumerate(during[: SILENT_SLOTS + 3], start=1):
        market.refresh(now)
        seen = {judged.status for judged in market.judged(now + GRACE_SECONDS + 1)}
        if silent < SILENT_SLOTS:
            assert Status.MARKET_CLOSED not in seen
            assert index.asked == []
        else:
            assert seen == {Status.MARKET_CLOSED}
            assert market.report.troubles == {}
            assert [note for note in market.report.notes if "SPY agrees" in note]
            assert index.asked[-1] == now
    for now in during[SILENT_SLOTS + 3 :: 25]:
        market.refresh(now)
    market.refresh(during[-1])
    for judged in market.judged(during[-1]):
        assert judged.status is Status.MARKET_CLOSED
        assert judged.next_open
        assert judged.next_open >= market.opens
    asked = len(index.asked)
    now = slots(market.opens, market.opens + 4 * DAY)[2]
    market.refresh(now)
    assert {judged.status for judged in market.judged(now)} == {Status.OK}
    assert len(index.asked) == asked


def test_a_closure_owes_readers_nothing_and_the_watch_says_so() -> None:
    market = closed_with("a closed day", Index(Closed("a closed day").without_closure(INDEX)))
    now = slots(market.closed, market.opens)[SILENT_SLOTS + 4]
    market.refresh(now)
    records = [record for timeframe in Timeframe for record in market.store.signals(timeframe)]
    assert Market.STOCKS not in fresh_shares(records, now + 100, lambda market: None)
    # A refresh that stopped meanwhile keeps no market closed.
    assert fresh_shares(records, now + 1_200, lambda market: None)[Market.STOCKS] == 0.0


def shifted(bars: Bars, since: int) -> Bars:
    return bars.where(bars.open_time < since)


def index_with(market: Closed, bars: Bars | Exception) -> None:
    market.index = Index(bars)


def without_index(market: Closed) -> None:
    market.index = None


def failing(market: Closed) -> None:
    market.source.bars |= dict.fromkeys(ASSETS, TemporaryMarketError("yahoo answered 500"))


def trading(market: Closed) -> None:
    market.source.bars[ASSETS[1]] = market.whole(ASSETS[1])


def quoted(market: Closed) -> None:
    market.quotes.prices[ASSETS[0]] = Price(Decimal(100), market.closed + 5 * BAR, "finnhub")


SPEAKS_AGAINST: dict[str, Callable[[Closed], None]] = {
    "the index trades": lambda market: index_with(market, market.whole(INDEX)),
    "the index traded longer": lambda market: index_with(
        market, shifted(market.whole(INDEX), market.closed + 3 * BAR)
    ),
    "the index ended earlier": lambda market: index_with(
        market, shifted(market.whole(INDEX), market.closed - 12 * BAR)
    ),
    "the index has no bars at all": lambda market: index_with(market, shifted(market.whole(INDEX), 0)),
    "the index cannot be asked": lambda market: index_with(market, TemporaryMarketError("429")),
    "its client raises": lambda market: index_with(market, KeyError("chart")),
    "there is no index": without_index,
    "many assets cannot be asked": failing,
    "one asset trades": trading,
    "a live quote is newer": quoted,
}


@pytest.mark.parametrize("witness", SPEAKS_AGAINST)
def test_whatever_speaks_against_a_closure_leaves_no_data(witness: str) -> None:
    market = closed_with("an early close", Index(Closed("an early close").without_closure(INDEX)))
    SPEAKS_AGAINST[witness](market)
    now = slots(market.closed, market.opens)[SILENT_SLOTS + 5]
    market.refresh(now)
    assert Status.MARKET_CLOSED not in {judged.status for judged in market.judged(now + 100)}
    assert not [note for note in market.report.notes if "no session" in note]
