"""What live prices do to signals: shown beside the candles, refused, disputed, or missing."""

from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.assets import Asset, Timeframe, find_asset
from growfolio.domain.signals import Action, Price, in_ticks
from growfolio.domain.targets import targets
from growfolio.errors import PermanentMarketError

from tests.fakes.refresh import FixedQuotes, walk
from tests.unit.refresh.world import AAPL, BAR, NOW, STOCKS, World


def near(asset: Asset, share: str, now: int = NOW) -> Price:
    """A quote that lies by so large a share above the asset's last close."""
    close = in_ticks(walk(asset, now).close[-1])
    return Price(in_ticks(close * (1 + Decimal(share))), now - 2, "finnhub")


def test_the_signal_shows_the_live_price_with_its_source_and_time_and_its_targets_follow(
    world: World,
) -> None:
    world.refresh()
    at_close = world.signal(AAPL)
    quoted = World()
    live = near(AAPL, "0.004")
    quoted.quotes = FixedQuotes({AAPL: live})
    quoted.refresh()
    signal = quoted.signal(AAPL)
    assert signal.price == live
    assert signal.price.value > at_close.price.value
    assert (signal.buy_target, signal.sell_target, signal.stop_loss) == targets(
        Action.BUY, live.value, signal.facts.atr_pct
    )
    assert signal.buy_target > at_close.buy_target
    assert (signal.probabilities, signal.facts) == (at_close.probabilities, at_close.facts)
    assert quoted.store.markets([AAPL])[0].price == live


def test_an_asset_without_a_quote_shows_its_last_close_and_says_so(world: World) -> None:
    world.quotes = FixedQuotes({AAPL: near(AAPL, "0.001")})
    world.refresh()
    amd = find_asset("AMD")
    close = Price(in_ticks(walk(amd, NOW).close[-1]), BAR, "fake close")
    assert world.signal(amd).price == close
    assert world.store.markets([amd])[0].price == close


@pytest.mark.parametrize(
    "odd",
    [
        near(AAPL, "0.2"),
        replace(near(AAPL, "0.001"), time=BAR - 1),
        replace(near(AAPL, "0.001"), value=Decimal(0)),
    ],
    ids=["far from the close", "older than the bar", "zero"],
)
def test_an_odd_quote_is_refused_for_the_last_close(world: World, odd: Price) -> None:
    world.quotes = FixedQuotes({AAPL: odd})
    world.refresh()
    assert world.signal(AAPL).price.source == "fake close"
    assert world.store.markets([AAPL])[0].price.source == "fake close"


def test_a_quote_far_from_the_candles_is_a_caveat_of_the_signal_and_a_note(world: World) -> None:
    live = near(AAPL, "0.2")
    world.quotes = FixedQuotes({AAPL: live, find_asset("AMD"): near(find_asset("AMD"), "0.001")})
    report = world.refresh()
    close = in_ticks(walk(AAPL, NOW).close[-1])
    disputed = f"price disputed: finnhub says {live.value}, the last candle {close}"
    for timeframe in Timeframe:
        caveats = {r.asset: r.signal.caveats for r in world.store.signals(timeframe) if r.signal}
        assert caveats.pop(AAPL) == (disputed,)
        assert set(caveats.values()) == {()}
    assert report.notes == [f"AAPL: {disputed}"]


def test_bars_that_were_missed_keep_their_own_close_in_the_history(world: World) -> None:
    world.refresh()
    later = NOW + 600
    for asset in STOCKS:
        world.feed.answers[asset] = walk(asset, later)
    world.quotes = FixedQuotes({AAPL: near(AAPL, "0.001", later)})
    world.refresh(later)
    newest, missed, _ = world.store.history(AAPL, Timeframe.M5, limit=10).signals
    assert newest.price.source == "finnhub"
    assert (missed.price.source, missed.price.time) == ("fake close", BAR + 300)


def test_quotes_are_asked_for_once_and_only_for_assets_that_have_candles(world: World) -> None:
    world.quotes = FixedQuotes({})
    world.quotes.notes = ("finnhub refuses the key",)
    world.feed.answers[AAPL] = PermanentMarketError("blocked")
    report = world.refresh()
    assert world.quotes.asked == [tuple(asset for asset in STOCKS if asset != AAPL)]
    assert report.notes == ["finnhub refuses the key"]
    del world.feed.answers[AAPL]
    world.refresh()
    assert len(world.quotes.asked) == 1
