"""How fresh the watch finds what readers are served, whether or not refresh still runs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe, assets_of
from growfolio.domain.calendar import calendar_end, expiry
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.health import fresh_shares as shares_of
from growfolio.domain.signals import SignalRecord
from growfolio.domain.times import DAY

from tests.samples import a_signal


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOON = utc("2024-09-05 16:00")
"""A Thursday, in the middle of New York's session."""
SATURDAY, LABOR_DAY = utc("2024-09-07 16:00"), utc("2024-09-02 16:00")


class Stored:
    """A store that holds, for these assets, the signal of the bar that closed at a moment."""

    def __init__(self, bar_close: int | None = None, assets: tuple[Asset, ...] = ASSETS) -> None:
        self._bar_close, self._assets = bar_close, assets

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        if self._bar_close is None:
            return []
        made = [a_signal(asset.symbol, timeframe, bar_close=self._bar_close) for asset in self._assets]
        return [
            SignalRecord(
                s.asset,
                timeframe,
                replace(s, expires_at=expiry(s.asset.market, s.bar_close, timeframe)),
                None,
            )
            for s in made
        ]


def fresh_shares(stored: Stored, now: int) -> dict[Market, float]:
    failed: list[Market] = []
    shares = shares_of([r for timeframe in Timeframe for r in stored.signals(timeframe)], now, failed.append)
    assert not failed
    return shares


@pytest.mark.parametrize("seconds_late", [0, 180])
def test_between_two_refreshes_everything_is_fresh(seconds_late: int) -> None:
    assert fresh_shares(Stored(NOON), NOON + seconds_late) == {Market.STOCKS: 1.0, Market.CRYPTO: 1.0}


def test_a_refresh_that_has_stopped_leaves_nothing_fresh() -> None:
    assert fresh_shares(Stored(NOON - 3600), NOON) == {Market.STOCKS: 0.0, Market.CRYPTO: 0.0}


def test_a_refresh_that_never_ran_is_noticed_too() -> None:
    assert fresh_shares(Stored(), NOON) == {Market.STOCKS: 0.0, Market.CRYPTO: 0.0}


def test_assets_without_a_signal_count_against_their_market() -> None:
    only_apple = tuple(asset for asset in ASSETS if asset.symbol == "AAPL")
    shares = fresh_shares(Stored(NOON, only_apple), NOON)
    assert shares == {Market.STOCKS: pytest.approx(1 / len(assets_of(Market.STOCKS))), Market.CRYPTO: 0.0}


@pytest.mark.parametrize("closed", [SATURDAY, LABOR_DAY, utc("2024-09-05 13:29"), utc("2024-09-05 20:00")])
def test_a_closed_stock_market_has_no_measure(closed: int) -> None:
    assert set(fresh_shares(Stored(), closed)) == {Market.CRYPTO}


def test_a_half_day_ends_at_one() -> None:
    assert Market.STOCKS in fresh_shares(Stored(), utc("2024-11-29 17:59"))
    assert Market.STOCKS not in fresh_shares(Stored(), utc("2024-11-29 18:00"))


def test_the_first_bar_of_a_session_is_given_its_time() -> None:
    opened = utc("2024-09-05 13:30")
    assert Market.STOCKS not in fresh_shares(Stored(), opened + 300 + GRACE_SECONDS - 1)
    assert fresh_shares(Stored(), opened + 300 + GRACE_SECONDS)[Market.STOCKS] == 0.0


def test_a_market_whose_calendar_has_ended_is_not_well_and_takes_no_other_with_it() -> None:
    end = calendar_end(Market.STOCKS)
    assert end is not None
    shares = fresh_shares(Stored(), end + 30 * DAY)
    assert shares[Market.STOCKS] == 0.0
    assert Market.CRYPTO in shares
