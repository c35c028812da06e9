"""Sessions that the calendar has and the market has not: unscheduled closures and early closes."""

import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.caveats import RECENT
from growfolio.domain.grid import slots_between
from growfolio.domain.signals import SignalRecord, Status
from growfolio.domain.times import DAY
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh

from tests.bars import moment, printed
from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedForecaster
from tests.fakes.sources import ScriptedSource

ASSETS = [find_asset(symbol) for symbol in ("AAPL", "MSFT", "NVDA")]
CLOSURES = {
    "a closed day": ("2024-09-04 13:30", "2024-09-04 20:00"),
    "two closed days": ("2024-09-04 13:30", "2024-09-05 20:00"),
    "an early close": ("2024-09-04 17:00", "2024-09-04 20:00"),
    "a late open": ("2024-09-04 13:30", "2024-09-04 15:30"),
    "trading halted for an hour": ("2024-09-04 15:00", "2024-09-04 16:00"),
}


class Closed:
    """A market whose provider has no bars of a closure that the calendar does not know."""

    def __init__(self, closure: str) -> None:
        self.closed, self.opens = map(moment, CLOSURES[closure])
        whole = {asset: printed(asset, self.closed - 40 * DAY, self.opens + 4 * DAY) for asset in ASSETS}
        left = {
            asset: bars.where((bars.open_time < self.closed) | (bars.open_time >= self.opens))
            for asset, bars in whole.items()
        }
        self.feed = WindowedFeed(ScriptedSource(left), None, Market.STOCKS)
        self.store, self.forecaster = MemoryStore(), FixedForecaster()

    def refresh(self, now: int) -> dict[Timeframe, list[SignalRecord]]:
        refresh(Ports(Market.STOCKS, self.feed, self.forecaster, self.store), now)
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
