"""What becomes of signals, on bars that are made for it."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Timeframe, find_asset
from growfolio.domain.bars import Bars, OpenTimes, closes_of
from growfolio.domain.label import LABEL_KINDS, Label
from growfolio.domain.labels import UNKNOWN, labels_of
from growfolio.domain.signals import CLASSES, Action, Price, Signal
from growfolio.domain.times import BAR, DAY
from growfolio.record.entries import NOT_SCORED, PENDING, SCORED, UNSETTLED, Entry, entry_of
from growfolio.record.metrics import losses
from growfolio.record.outcomes import PATIENCE, TARGET_BARS, Aftermath, session_end, settled
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import changed, moment, printed, scaled, without
from tests.samples import a_signal

AAPL, BTC = find_asset("AAPL"), find_asset("BTC")
NOON = moment("2024-09-05 16:00")
M5 = Timeframe.M5


def flat(asset: Asset, close: int, after: int, price: float = 100.0, before: int = 400) -> Bars:
    """Bars that trade around one price, from long before a close until so many bars after it."""
    opened = OpenTimes(np.arange(close - before * BAR, close + after * BAR, BAR, dtype=np.int64))
    column = np.full(len(opened), price)
    # A feed that sends the same price or the same bar again is frozen: no two of these are alike.
    high = column * (1 + 1e-6)
    volume = np.arange(1.0, len(opened) + 1)
    return Bars(opened, column, high, column.copy(), column.copy(), volume)


def moved(bars: Bars, close: int, high: float, low: float, last: float) -> Bars:
    """With other prices in the bar that closed then."""
    at = int(np.flatnonzero(closes_of(bars.open_time) == close)[0])
    return changed(bars, at, high=high, low=low, close=last)


def a_btc(action: Action = Action.BUY, close: int = NOON, timeframe: Timeframe = M5) -> Signal:
    """At 100: a BUY has buy 99, sell 102, stop 98; a SELL the mirror."""
    up, down = (Decimal(102), Decimal(99)) if action is Action.BUY else (Decimal(101), Decimal(98))
    return replace(
        a_signal("BTC", timeframe, bar_close=close, action=action, price="100"),
        buy_target=down,
        sell_target=up,
        stop_loss=Decimal(102) if action is Action.SELL else Decimal(98),
    )


def after(entry: Entry, bars: Bars) -> Entry:
    return settled(entry, Aftermath(entry.asset, Timeframe(entry.timeframe), bars, entry.bar_close))


def test_a_signal_is_scored_as_soon_as_the_bar_of_its_horizon_has_closed() -> None:
    entry = entry_of(a_btc())
    assert after(entry, flat(BTC, NOON, 0)) == entry
    bars = moved(flat(BTC, NOON, 1), NOON + BAR, 100.5, 100.0, 100.4)
    known = after(entry, bars)
    assert (known.status, known.outcome) == (SCORED, "BUY")
    assert known.change == pytest.approx(0.004)
    assert known.log_loss == pytest.approx(-np.log(0.612), abs=1e-6)
    assert known.first == ""


@pytest.mark.parametrize(
    ("action", "high", "low", "first", "promise"),
    [
        (Action.BUY, 102.0, 100.0, "sell", "reached"),
        (Action.BUY, 100.0, 99.0, "buy", "neither"),
        (Action.BUY, 103.0, 97.0, "stop", "stopped"),
        (Action.BUY, 103.0, 99.0, "buy", "reached"),
        (Action.SELL, 100.0, 98.0, "buy", "reached"),
        (Action.SELL, 101.0, 100.0, "sell", "neither"),
        (Action.SELL, 103.0, 97.0, "stop", "stopped"),
        (Action.HOLD, 102.0, 100.0, "none", "nothing_promised"),
        (Action.BUY, 101.9, 99.1, "none", "neither"),
    ],
)
def test_of_several_prices_in_one_bar_the_one_that_hurts_came_first(
    action: Action, high: float, low: float, first: str, promise: str
) -> None:
    signal = a_btc(action)
    if action is Action.HOLD:
        signal = replace(signal, buy_target=Decimal(97), sell_target=Decimal(103), stop_loss=Decimal(94))
    bars = moved(flat(BTC, NOON, TARGET_BARS), NOON + 3 * BAR, high, low, 100.0)
    known = after(entry_of(signal), bars)
    assert (known.first, known.promise) == (first, promise)
    assert known.first_after == (None if first == "none" else 3)


def test_the_first_price_is_known_when_it_is_reached_and_stays() -> None:
    bars = moved(flat(BTC, NOON, 3), NOON + 3 * BAR, 100.0, 98.9, 99.0)
    known = after(entry_of(a_btc()), bars)
    assert (known.first, known.first_after, known.promise) == ("buy", 3, "")
    later = moved(flat(BTC, NOON, 5), NOON + 5 * BAR, 102.5, 100.0, 102.0)
    assert (after(known, later).first_after, after(known, later).promise) == (3, "reached")


def test_targets_are_watched_until_the_session_closes_and_the_last_bar_is_not_scored() -> None:
    close = session_end(AAPL.market, NOON)
    assert close is not None
    bars = printed(AAPL, close - 10 * DAY, close)
    for ago, status in ((0, NOT_SCORED), (1, SCORED)):
        signal = replace(a_signal("AAPL", bar_close=close - ago * BAR), action=Action.HOLD)
        far = replace(signal, buy_target=Decimal(1), sell_target=Decimal(9999), stop_loss=Decimal("0.5"))
        known = after(entry_of(far), bars)
        assert (known.status, known.first) == (status, "session_ended")


@pytest.mark.parametrize("fault", ["missing", "quarantined"])
def test_a_bar_that_is_not_there_leaves_the_signal_unsettled_once_later_ones_are(fault: str) -> None:
    def spoiled(bars: Bars) -> Bars:
        at = int(np.flatnonzero(closes_of(bars.open_time) == NOON + BAR)[0])
        return without(bars, at) if fault == "missing" else changed(bars, at, high=1000.0)

    entry = entry_of(a_btc())
    waiting = after(entry, spoiled(flat(BTC, NOON, PATIENCE // BAR)))
    assert (waiting.status, waiting.first) == (PENDING, "")
    known = after(entry, spoiled(flat(BTC, NOON, 1 + PATIENCE // BAR)))
    assert (known.status, known.first, known.promise) == (UNSETTLED, "unsettled", "unsettled")
    assert "16:0" in known.reason
    assert after(known, flat(BTC, NOON, 20)) == known


def test_a_break_in_trading_leaves_the_signal_unsettled() -> None:
    bars = flat(BTC, NOON, 40)
    broken = bars.where((closes_of(bars.open_time) <= NOON) | (closes_of(bars.open_time) > NOON + 20 * BAR))
    assert after(entry_of(a_btc()), broken).status == UNSETTLED


def test_a_signal_from_before_all_bars_is_unsettled() -> None:
    known = after(entry_of(a_btc(close=NOON - 500 * BAR)), flat(BTC, NOON, 1))
    assert (known.status, known.first) == (UNSETTLED, "unsettled")


def test_a_split_that_is_worked_in_later_changes_neither_return_nor_targets() -> None:
    bars = moved(flat(BTC, NOON, TARGET_BARS), NOON + 2 * BAR, 102.5, 100.0, 102.0)
    entry = entry_of(a_btc())
    assert after(entry, scaled(bars, 0.25)) == after(entry, bars)


def test_a_live_price_beside_the_close_is_no_split() -> None:
    entry = entry_of(replace(a_btc(), price=Price(Decimal("100.8"), NOON, "finnhub")))
    bars = moved(flat(BTC, NOON, TARGET_BARS), NOON + BAR, 102.0, 100.0, 101.0)
    assert after(entry, bars).first == "sell"


@pytest.mark.parametrize("timeframe", list(Timeframe))
@pytest.mark.parametrize("kind", LABEL_KINDS)
@pytest.mark.parametrize("asset", [AAPL, BTC])
def test_the_class_is_that_of_training_on_the_same_bars(
    asset: Asset, kind: str, timeframe: Timeframe
) -> None:
    label = Label(kind, 3, {"fixed": 0.0005, "volatility": 0.5, "triple_barrier": 0.5}[kind])
    end = moment("2024-09-05 19:00")
    bars = printed(asset, end - 12 * DAY, end)
    whole = Aftermath(asset, timeframe, bars, end)
    expected, _ = labels_of(whole.candles, label)
    found = 0
    for at in range(len(expected) - 12, len(expected)):
        close = int(whole.candles.close_time[at])
        signal = replace(
            a_signal(asset.symbol, timeframe, bar_close=close),
            label=kind,
            horizon_bars=label.horizon_bars,
            threshold=Decimal(repr(label.threshold_for(asset))),
        )
        known = after(entry_of(signal), bars)
        if expected[at] == UNKNOWN:
            assert known.status in (PENDING, NOT_SCORED)
        else:
            assert known.outcome == CLASSES[expected[at]]
            (loss,) = losses(np.array([known.probabilities]), np.array([expected[at]]))
            assert known.log_loss == pytest.approx(loss, abs=1e-6)
            found += 1
    assert found


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_however_often_and_in_whatever_steps_bars_come_the_end_is_the_same(steps: list[int]) -> None:
    bars = printed(BTC, NOON - 3 * DAY, NOON + 20 * BAR)
    price = float(bars.close[closes_of(bars.open_time) == NOON][0])
    made = a_btc()
    buy, sell, stop = (Decimal(repr(round(price * far, 8))) for far in (0.9985, 1.003, 0.997))
    signal = replace(
        made,
        price=Price(Decimal(repr(price)), NOON, "simulated close"),
        buy_target=buy,
        sell_target=sell,
        stop_loss=stop,
    )
    entry = entry_of(signal)
    at_once = after(entry, bars)
    for step in (*steps, 20):
        entry = after(entry, bars.closed_by(NOON + step * BAR))
    assert entry == at_once
    assert entry.settled


def test_what_is_settled_is_not_settled_again_by_another_run() -> None:
    entry = entry_of(a_btc())
    one = after(entry, moved(flat(BTC, NOON, 1), NOON + BAR, 100.5, 100.0, 100.4))
    other = after(entry, flat(BTC, NOON, 30))
    joined = one.completed_by(other)
    assert (joined.outcome, joined.change) == (one.outcome, one.change)
    assert (joined.first, joined.promise) == ("none", "neither")
    assert joined.completed_by(one) == joined
