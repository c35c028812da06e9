"""The rolling window: what is asked for again, what is kept, what is let go."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.domain.times import BAR, DAY
from growfolio.errors import TemporaryMarketError
from growfolio.market.ports import Fetched
from growfolio.refresh.candle_window import ASKED_AGAIN
from growfolio.storage.objects import MemoryObjects
from hypothesis import example, given
from hypothesis import strategies as st

from tests.bars import changed, moment, printed, scaled, without
from tests.fakes.sources import ScriptedSource
from tests.unit.refresh.windows import (
    AAPL,
    BEFORE_SESSION,
    BTC,
    ETH,
    EVERYTHING,
    FIRST,
    MSFT,
    NOW,
    answered,
    feed,
    history,
)


def whole_past(asset: Asset) -> Bars:
    return printed(asset, FIRST - 9 * DAY, NOW)


def test_the_first_refresh_asks_for_all_that_is_needed() -> None:
    source = history(AAPL)
    (bars,) = answered(feed(source), AAPL)
    assert bars.open_time[-1] == NOW - BAR
    # A few bars more than needed: a first slot without trades repeats the close before it.
    assert (bars.open_time < FIRST).sum() == 4
    assert len(bars) == 4 + 3 * 78 + 54


def test_the_next_refresh_asks_only_for_what_is_new_and_for_the_last_bars_again() -> None:
    source = history(AAPL)
    one = feed(source)
    answered(one, AAPL)
    (bars,) = answered(one, AAPL, now=NOW + BAR, first=FIRST + BAR)
    assert source.asked[-1] == {AAPL: BEFORE_SESSION}
    whole = printed(AAPL, FIRST - 9 * DAY, NOW + BAR)
    np.testing.assert_array_equal(bars.close, whole.close[-len(bars) :])
    assert (np.diff(bars.open_time) > 0).all()


def test_a_bar_that_the_provider_revises_is_the_revised_one() -> None:
    source = history(AAPL)
    one = feed(source)
    (before,) = answered(one, AAPL)
    source.bars[AAPL] = changed(before, -2, volume=12_345.0)
    (after,) = answered(one, AAPL)
    assert after.volume[-2] == 12_345.0


@pytest.mark.parametrize("seconds", [BAR, -BAR, 3600])
def test_bars_of_a_shifted_answer_are_gone_once_the_provider_sends_the_right_ones(seconds: int) -> None:
    source = history(BTC)
    right = printed(BTC, FIRST - 9 * DAY, NOW + 3600)
    one = feed(source)
    answered(one, BTC)
    for nth in range(3):
        source.bars[BTC] = replace(right, open_time=OpenTimes(right.open_time + seconds))
        answered(one, BTC, now=NOW + nth * BAR)
    source.bars[BTC] = right
    (bars,) = answered(one, BTC, now=NOW + 3 * BAR)
    expected = right.where(np.isin(right.open_time, bars.open_time))
    for name in ("open_time", *PRICES):
        np.testing.assert_array_equal(getattr(bars, name), getattr(expected, name))
    source.asked.clear()
    answered(one, BTC, now=NOW + 4 * BAR)
    assert len(source.asked) == 1


def test_each_asset_is_asked_for_from_where_its_own_bars_end() -> None:
    source = history(AAPL, MSFT)
    one = feed(source)
    answered(one, AAPL)
    answered(one, AAPL, MSFT, now=NOW + BAR)
    assert source.asked[-1][AAPL] == BEFORE_SESSION
    assert source.asked[-1][MSFT] < FIRST


def test_what_is_older_than_needed_is_let_go() -> None:
    source = history(BTC)
    one = feed(source)
    lengths = {len(answered(one, BTC, now=NOW + n * BAR, first=FIRST + n * BAR)[0]) for n in range(10)}
    assert len(lengths) == 1


def test_more_history_than_the_window_has_is_asked_for_once() -> None:
    source = history(AAPL)
    one = feed(source)
    answered(one, AAPL, first=moment("2024-09-04 13:30"))
    (bars,) = answered(one, AAPL)
    assert bars.open_time[0] < FIRST
    assert source.asked[-1][AAPL] < FIRST


def test_a_gap_is_asked_about_until_the_provider_closes_it() -> None:
    source = history(AAPL)
    full = source.bars[AAPL]
    assert isinstance(full, Bars)
    at = int(np.searchsorted(full.open_time, moment("2024-09-04 15:00")))
    source.bars[AAPL] = without(full, *range(at, at + 6))
    one = feed(source)
    (gapped,) = answered(one, AAPL)
    source.bars[AAPL] = full
    (closed,) = answered(one, AAPL)
    hole = full.open_time[at : at + 6]
    assert not np.isin(hole, gapped.open_time).any()
    assert np.isin(hole, closed.open_time).all()
    # While the gap is there, the window reaches further back by as much.
    assert len(closed) == len(gapped)


@pytest.mark.parametrize("published", ["missing", "flat"])
def test_the_window_reaches_back_by_a_break_however_it_is_published(published: str) -> None:
    source = history(BTC)
    (whole,) = answered(feed(source), BTC)
    inside = np.arange(len(whole) - 60, len(whole) - 30)
    if published == "missing":
        source.bars[BTC] = without(whole_past(BTC), *(inside - len(whole)))
    else:
        last = float(whole.close[inside[0] - 1])
        flat = dict.fromkeys(("open", "high", "low", "close"), last)
        past = whole_past(BTC)
        source.bars[BTC] = changed(past, inside - len(whole), **flat, volume=0.0)  # type: ignore[arg-type]
    (bars,) = answered(feed(source), BTC)
    assert bars.open_time[0] == whole.open_time[0] - 30 * BAR


def test_bars_that_no_market_prints_are_shown_but_not_kept() -> None:
    source = history(AAPL)
    good = source.bars[AAPL]
    assert isinstance(good, Bars)
    at = int(np.searchsorted(good.open_time, NOW - DAY))
    source.bars[AAPL] = changed(good, at, close=np.nan)
    one = feed(source)
    (bad,) = answered(one, AAPL)
    assert np.isnan(bad.close[bad.open_time == NOW - DAY])
    source.bars[AAPL] = good
    (healed,) = answered(one, AAPL, now=NOW + BAR)
    assert healed.close[healed.open_time == NOW - DAY] == good.close[at]


def test_after_a_split_the_whole_past_is_asked_for_again() -> None:
    source = history(AAPL)
    old = source.bars[AAPL]
    assert isinstance(old, Bars)
    one = feed(source)
    answered(one, AAPL, now=moment("2024-09-04 20:00"))
    source.bars[AAPL] = scaled(old, 0.25)
    (bars,) = answered(one, AAPL)
    expected = old.where((old.open_time >= bars.open_time[0]) & (old.open_time < NOW))
    np.testing.assert_allclose(bars.close, 0.25 * expected.close)


def test_two_exchanges_never_share_a_window() -> None:
    source = history(BTC, ETH)
    one = feed(source)
    answered(one, BTC, ETH)
    for asset, bars in list(source.bars.items()):
        assert isinstance(bars, Bars)
        source.bars[asset] = replace(bars, volume=np.ones(len(bars)))
    source.name = "other"
    for bars in answered(one, BTC, ETH, now=NOW + BAR):
        assert (bars.volume == 1.0).all()
        assert bars.open_time[0] <= FIRST
    assert one.source == "other"


def test_one_assets_fault_is_its_own_and_costs_it_nothing_that_was_kept() -> None:
    source = history(AAPL, MSFT)
    one = feed(source)
    answered(one, AAPL, MSFT)
    good = source.bars[MSFT]
    source.bars[MSFT] = TemporaryMarketError("yahoo answered 500")
    answers = one.update([AAPL, MSFT], FIRST, NOW + BAR)
    assert isinstance(answers[AAPL], Bars)
    assert str(answers[MSFT]) == "yahoo answered 500"
    source.bars[MSFT] = good
    answered(one, MSFT, now=NOW + 2 * BAR)
    assert source.asked[-1] == {MSFT: BEFORE_SESSION}


def test_a_window_that_is_up_to_date_answers_for_a_provider_that_does_not() -> None:
    source = history(AAPL)
    one = feed(source)
    (before,) = answered(one, AAPL)
    source.bars[AAPL] = TemporaryMarketError("yahoo answered 500")
    (again,) = answered(one, AAPL)
    np.testing.assert_array_equal(again.close, before.close)
    assert str(one.update([AAPL], FIRST, NOW + BAR)[AAPL]) == "yahoo answered 500"


STEPS = st.lists(st.tuples(st.integers(1, 120), st.booleans(), st.booleans()), max_size=12)


@pytest.mark.slow
@given(steps=STEPS, market=st.sampled_from(Market))
@example(
    # A gap just before the first bar that is needed.
    steps=[(n, fails, False) for n, fails in ((2, False), (59, True), (120, True), (120, False), (1, False))],
    market=Market.CRYPTO,
)
def test_however_refreshes_are_spaced_and_whatever_failed_the_window_is_what_a_first_refresh_would_see(
    steps: list[tuple[int, bool, bool]], market: Market
) -> None:
    """Each step: bars that pass, whether the provider fails then, and whether the function starts cold."""
    asset = {Market.STOCKS: AAPL, Market.CRYPTO: BTC}[market]
    source, objects = ScriptedSource({asset: EVERYTHING[market]}), MemoryObjects()
    one, now = feed(source, objects), NOW
    for bars, fails, cold in steps:
        now += bars * BAR
        source.bars[asset] = TemporaryMarketError("500") if fails else EVERYTHING[market]
        one = feed(ScriptedSource({asset: EVERYTHING[market]}), objects) if cold else one
        one.update([asset], now - DAY, now)
        one.save(now)
    source.bars[asset] = EVERYTHING[market]
    (grown,), (fresh,) = (
        answered(one, asset, now=now, first=now - DAY),
        answered(feed(source), asset, now=now, first=now - DAY),
    )
    for name in ("open_time", *PRICES):
        np.testing.assert_array_equal(getattr(grown, name), getattr(fresh, name))


class SwitchedSource(ScriptedSource):
    """Two exchanges of which one answers: which one, is known only after it was asked."""

    def __init__(self, first: ScriptedSource, second: ScriptedSource) -> None:
        super().__init__(first.bars, first.name)
        self.exchanges, self.answering = (first, second), first

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        self.name = self.answering.name
        return self.answering.fetch(since, now)


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize(
    "away", [1, 3, 12, pytest.param(300, marks=pytest.mark.slow)], ids=lambda bars: f"{bars} bars"
)
def test_going_back_to_the_first_exchange_asks_only_for_the_time_it_did_not_serve(
    away: int, *, cold: bool
) -> None:
    first, second = (ScriptedSource({BTC: scaled(EVERYTHING[Market.CRYPTO], factor)}) for factor in (1, 2))
    first.name, second.name = "binance", "kraken"
    source, objects = SwitchedSource(first, second), MemoryObjects()
    one, now = feed(source, objects), NOW

    def run(bars: int) -> Bars:
        nonlocal one, now
        now += bars * BAR
        (answer,) = answered(one, BTC, now=now, first=now - DAY)
        assert one.save(now) == ()
        if cold:
            source.name = "binance"
            one = feed(source, objects)
        return answer

    run(0)
    whole = first.asked[0][BTC]
    source.answering = second
    for _ in range(away):
        run(1)
    assert len([since for asked in second.asked for since in asked.values() if since == whole + BAR]) == 1
    source.answering, first.asked = first, []
    back = run(1)
    # The bars since it was left, and those before that it may have revised.
    assert (
        min(since for asked in first.asked for since in asked.values())
        >= now - (away + 1 + ASKED_AGAIN) * BAR
    )
    fresh = ScriptedSource({BTC: first.bars[BTC]})
    (undisturbed,) = answered(feed(fresh), BTC, now=now, first=now - DAY)
    for name in ("open_time", *PRICES):
        np.testing.assert_array_equal(getattr(back, name), getattr(undisturbed, name))
    first.asked = []
    run(1)
    assert len(first.asked) == 1
    assert set(objects.keys("window/")) == {
        "window/crypto/binance.npz",
        "window/crypto/kraken.npz",
    }
