"""Sessions that the calendar has and the market has not: unscheduled closures and early closes."""

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.grid import slots_between
from growfolio.domain.signals import Status
from growfolio.domain.times import DAY
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.run import Ports, refresh

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


@pytest.mark.parametrize("closure", CLOSURES)
def test_a_market_that_is_closed_unannounced_is_no_data_and_the_next_session_is_served_as_always(
    closure: str,
) -> None:
    closed, opens = map(moment, CLOSURES[closure])
    whole = {asset: printed(asset, closed - 40 * DAY, opens + 4 * DAY) for asset in ASSETS}
    source = ScriptedSource(
        {
            asset: bars.where((bars.open_time < closed) | (bars.open_time >= opens))
            for asset, bars in whole.items()
        }
    )
    store, feed = MemoryStore(), WindowedFeed(source, None, Market.STOCKS)

    def outcomes(now: int) -> dict[Timeframe, set[tuple[Status, int]]]:
        """For each timeframe, what a refresh notes of the assets: the status, and of which bar."""
        refresh(Ports(Market.STOCKS, feed, FixedForecaster(), store), now)
        found: dict[Timeframe, set[tuple[Status, int]]] = {}
        for timeframe in Timeframe:
            for record in store.signals(timeframe):
                if record.asset in ASSETS and record.last_attempt:
                    attempt = record.last_attempt
                    found.setdefault(timeframe, set()).add((attempt.status, attempt.bar_close))
        return found

    def served(now: int) -> dict[Timeframe, set[int]]:
        """The bars of which the newest signals are."""
        outcomes(now)
        return {
            timeframe: {
                r.signal.bar_close for r in store.signals(timeframe) if r.asset in ASSETS and r.signal
            }
            for timeframe in Timeframe
        }

    before = int(slots_between(Market.STOCKS, closed - 5 * DAY, closed, Timeframe.M5)[-1])
    served(before)
    during = slots_between(Market.STOCKS, closed, opens, Timeframe.M5)
    for now in during[:: max(1, len(during) // 6)].tolist():
        for noted in outcomes(now).values():
            assert {status for status, _ in noted} <= {Status.OK, Status.NO_DATA}
        for timeframe, bars in served(now).items():
            assert max(bars) <= closed, timeframe
    # From the first bar on, on each timeframe's own grid.
    after = slots_between(Market.STOCKS, opens, opens + 4 * DAY, Timeframe.M5)[:14]
    for now in after.tolist():
        for timeframe, bars in served(now).items():
            grid = slots_between(Market.STOCKS, opens, now, timeframe)
            if len(grid):
                assert bars == {int(grid[-1])}, (timeframe, now)


@pytest.mark.parametrize("closure", CLOSURES)
def test_the_signals_after_a_closure_say_that_trading_broke_off(closure: str) -> None:
    closed, opens = map(moment, CLOSURES[closure])
    asset = ASSETS[0]
    bars = printed(asset, closed - 40 * DAY, opens + 4 * DAY)
    source = ScriptedSource({asset: bars.where((bars.open_time < closed) | (bars.open_time >= opens))})
    store, feed = MemoryStore(), WindowedFeed(source, None, Market.STOCKS)
    forecaster = FixedForecaster()
    now = int(slots_between(Market.STOCKS, opens, opens + 4 * DAY, Timeframe.M5)[2])
    refresh(Ports(Market.STOCKS, feed, forecaster, store), now)
    for timeframe in Timeframe:
        signal = next(r.signal for r in store.signals(timeframe) if r.asset is asset)
        assert signal is not None
        assert any("trading broke off" in caveat for caveat in signal.caveats)
    assert all(np.isfinite(windows).all() for windows in forecaster.windows)
