"""Bad days of a provider, bar by bar through refresh(), beside a twin whose provider had a good one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from growfolio.domain.adjustment import rescaled
from growfolio.domain.assets import Asset, Timeframe, find_asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes, Split
from growfolio.domain.caveats import RECENT, REWRITTEN
from growfolio.domain.signals import Price, Signal, Status
from growfolio.domain.times import BAR, DAY
from growfolio.market.ports import Quotes
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh

from tests.bars import changed, moment, printed, scaled, without
from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedForecaster, FixedQuotes
from tests.fakes.sources import ScriptedSource

BTC, AAPL = find_asset("BTC"), find_asset("AAPL")
START = {BTC: moment("2024-09-05 18:00"), AAPL: moment("2024-09-05 15:00")}
WHOLE = {asset: printed(asset, START[asset] - 30 * DAY, START[asset] + 2 * DAY) for asset in START}


class World:
    """One asset, refreshed bar after bar."""

    def __init__(self, asset: Asset) -> None:
        self.asset, self.now = asset, START[asset]
        self.source = ScriptedSource({asset: WHOLE[asset]})
        self.store, self.forecaster = MemoryStore(), FixedForecaster()
        self.feed = WindowedFeed(self.source, None, asset.market)
        self.quotes: Quotes | None = None

    def sends(self, bars: Bars) -> None:
        self.source.bars[self.asset] = bars

    def refresh(self) -> tuple[Status, Signal | None]:
        """What the newest 5m bar came to."""
        self.forecaster.windows.clear()
        refresh(Ports(self.asset.market, self.feed, self.forecaster, self.store, self.quotes), self.now)
        record = next(r for r in self.store.signals(Timeframe.M5) if r.asset == self.asset)
        signal, attempt = record.signal, record.last_attempt
        if signal is not None and signal.bar_close == self.now:
            return Status.OK, signal
        assert attempt is not None
        return attempt.status, None

    def pass_bars(self, count: int) -> Iterable[tuple[Status, Signal | None]]:
        for _ in range(count):
            self.now += BAR
            yield self.refresh()

    def seen(self) -> np.ndarray:
        """The window of the newest 5m bar, as the model gets it."""
        return np.asarray(self.forecaster.windows[0][-1])


def at(asset: Asset, offset: int) -> int:
    """The position of the bar that closes so many bars after the start."""
    return int(np.searchsorted(WHOLE[asset].open_time, START[asset] + (offset - 1) * BAR))


def apart(world: World) -> float:
    """The largest difference from what an undisturbed twin sees at the same bar."""
    twin = World(world.asset)
    twin.now = world.now
    twin.refresh()
    return float(np.abs(twin.seen() - world.seen()).max())


@pytest.mark.parametrize("asset", START, ids=lambda asset: asset.symbol)
@pytest.mark.parametrize("gap", [4, 12, 30])
def test_a_gap_costs_its_own_bars_and_is_a_caveat_afterwards(asset: Asset, gap: int) -> None:
    world = World(asset)
    world.refresh()
    world.sends(without(WHOLE[asset], *range(at(asset, 1), at(asset, 1) + gap)))
    assert all(status is not Status.OK for status, _ in world.pass_bars(gap))
    after = list(world.pass_bars(6))
    assert [status for status, _ in after] == [Status.OK] * 6
    assert all(signal and "trading broke off" in signal.caveats[0] for _, signal in after)


IMPOSSIBLE: dict[str, Callable[[Bars, int], Bars]] = {
    "close 0": lambda bars, at: changed(bars, at, close=0.0),
    "high below low": lambda bars, at: changed(bars, at, high=float(bars.low[at]) / 2),
    "volume -1": lambda bars, at: changed(bars, at, volume=-1.0),
    "wick": lambda bars, at: changed(bars, at, high=float(bars.high[at]) * 6),
    "six times the price": lambda bars, at: changed(
        bars, at, **{name: 6 * float(getattr(bars, name)[at]) for name in PRICES[:4]}
    ),
    "not a number": lambda bars, at: changed(bars, at, close=np.nan),
}


@pytest.mark.parametrize("asset", START, ids=lambda asset: asset.symbol)
@pytest.mark.parametrize("fault", IMPOSSIBLE)
def test_an_impossible_bar_costs_itself_and_its_correction_heals_at_the_next_refresh(
    asset: Asset, fault: str
) -> None:
    world = World(asset)
    world.refresh()
    world.sends(IMPOSSIBLE[fault](WHOLE[asset], at(asset, 1)))
    statuses = [status for status, _ in world.pass_bars(9)]
    assert statuses[0] is not Status.OK
    assert statuses[1:] == [Status.OK] * 8
    assert apart(world) > 0
    world.sends(WHOLE[asset])
    list(world.pass_bars(1))
    assert apart(world) == 0


@pytest.mark.parametrize("seconds", [BAR, -BAR, 3600])
def test_shifted_candles_are_never_ok_without_a_caveat_and_neither_are_the_right_ones_just_after(
    seconds: int,
) -> None:
    world = World(BTC)
    world.refresh()
    world.sends(replace(WHOLE[BTC], open_time=OpenTimes(WHOLE[BTC].open_time + seconds)))
    shifted = list(world.pass_bars(6))
    world.sends(WHOLE[BTC])
    healed = list(world.pass_bars(RECENT + 2))
    assert all(status is not Status.OK or REWRITTEN in signal.caveats for status, signal in shifted if signal)
    assert [bool(signal and REWRITTEN in signal.caveats) for _, signal in healed] == [True] * (RECENT + 1) + [
        False
    ]
    assert apart(world) == 0


@pytest.mark.parametrize("asset", START, ids=lambda asset: asset.symbol)
def test_bars_that_arrive_late_are_taken_up(asset: Asset) -> None:
    world = World(asset)
    world.refresh()
    world.sends(without(WHOLE[asset], at(asset, 1), at(asset, 2)))
    list(world.pass_bars(8))
    world.sends(WHOLE[asset])
    list(world.pass_bars(1))
    assert apart(world) == 0


@pytest.mark.parametrize("ratio", [1.05, 1.2, 1.5, 4.0, 20.0, 0.1])
@pytest.mark.parametrize("reported", [True, False])
def test_a_split_is_never_ok_without_a_word_and_heals_when_it_is_worked_in(
    ratio: float, reported: bool
) -> None:
    """The provider prints new prices from the open, and divides the older bars 55 minutes later."""
    world, opened = World(AAPL), moment("2024-09-05 13:30")
    world.now = moment("2024-09-04 20:00")
    bars = WHOLE[AAPL]
    old = bars.open_time < opened
    splits = (Split(opened, ratio),) if reported else ()
    late = rescaled(bars.where(old), ratio).followed_by(replace(bars.where(~old), splits=splits))
    world.sends(late)
    world.refresh()
    world.now = opened
    for status, signal in world.pass_bars(11):
        if reported:
            assert status is Status.OK
            assert apart(world) < 1e-6
        elif status is Status.OK and abs(np.log(ratio)) > 0.15:
            assert signal
            assert "over night" in signal.caveats[0]
    world.sends(bars)
    ((status, _),) = world.pass_bars(1)
    assert status is Status.OK
    assert apart(world) == 0


class ClosingQuotes(FixedQuotes):
    """Quotes that say where the session before ended."""

    def __init__(self, prices: Mapping[Asset, Price], closes: Mapping[Asset, Decimal]) -> None:
        super().__init__(prices)
        self.previous_closes = closes


@pytest.mark.parametrize("ratio", [2.0, 0.5, 4.0])
def test_a_halving_over_night_is_served_with_a_caveat_once_a_quote_or_a_session_bears_it_out(
    ratio: float,
) -> None:
    """What is in shares of before the night is the same in a quote's previous close; a split's is not."""
    world, opened = World(AAPL), moment("2024-09-05 13:30")
    world.now = moment("2024-09-04 20:00")
    bars = WHOLE[AAPL]
    fell = scaled(bars.where(bars.open_time < opened), ratio).followed_by(
        bars.where(bars.open_time >= opened)
    )
    world.sends(fell)
    world.refresh()
    world.now = opened
    close = float(fell.close[fell.open_time < opened][-1])
    quote = Price(Decimal(repr(close / ratio)), opened + 100, "finnhub")
    ((status, _),) = world.pass_bars(1)
    assert status is not Status.OK
    world.quotes = ClosingQuotes({AAPL: quote}, {AAPL: Decimal(repr(close / ratio))})
    ((status, _),) = world.pass_bars(1)
    assert status is Status.BAD_DATA, "the other source has divided its close: a split"
    world.quotes = ClosingQuotes({AAPL: quote}, {AAPL: Decimal(repr(close * 1.003))})
    ((status, signal),) = world.pass_bars(1)
    assert status is Status.OK
    assert signal
    assert "over night" in "; ".join(signal.caveats)
    world.quotes = None
    ((status, _),) = world.pass_bars(1)
    assert status is Status.BAD_DATA
    world.now = moment("2024-09-06 13:30")
    ((status, signal),) = world.pass_bars(1)
    assert status is Status.OK
    assert signal
    assert "over night" in "; ".join(signal.caveats)


def flat_at(volumes: Sequence[float]) -> Callable[[Bars, int, int], Bars]:
    def freeze(bars: Bars, at: int, count: int) -> Bars:
        last = float(bars.close[at - 1])
        for n in range(count):
            volume = volumes[n % len(volumes)]
            bars = changed(bars, at + n, **dict.fromkeys(PRICES[:4], last), volume=volume)
        return bars

    return freeze


def repeated(bars: Bars, at: int, count: int) -> Bars:
    for n in range(count):
        bars = changed(bars, at + n, **{name: float(getattr(bars, name)[at - 1]) for name in PRICES})
    return bars


FROZEN: dict[str, Callable[[Bars, int, int], Bars]] = {
    "volume 0": flat_at([0.0]),
    "one lot": flat_at([1.0]),
    "volumes go on": flat_at([310.0, 55.5, 1200.0]),
    "every other bar has a volume": flat_at([0.0, 17.0]),
    "the last bar again and again": repeated,
}


@pytest.mark.parametrize("asset", START, ids=lambda asset: asset.symbol)
@pytest.mark.parametrize("kind", FROZEN)
def test_a_frozen_feed_is_never_served_plainly_and_soon_not_at_all(asset: Asset, kind: str) -> None:
    world = World(asset)
    world.refresh()
    world.sends(FROZEN[kind](WHOLE[asset], at(asset, 1), 29))
    seen = list(world.pass_bars(29))
    assert all(status is not Status.OK for status, _ in seen[4:])
    assert all(signal is None or "stands still" in signal.caveats[0] for _, signal in seen)
    assert next(iter(world.pass_bars(1)))[0] is Status.OK
