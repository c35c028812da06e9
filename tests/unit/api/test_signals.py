"""What readers of /v1/signals are served, at which worth."""

from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.assets import ASSETS, Market, Timeframe, find_asset
from growfolio.domain.calendar import market_hours
from growfolio.domain.signals import Action, Status

from tests.samples import BAR, a_failure, a_signal
from tests.unit.api.conftest import Api

AAPL = find_asset("AAPL")
CLOSE = BAR + 2 * 3600
"""16:00 in New York."""


def test_every_asset_of_the_product_is_listed_even_where_nothing_is_stored(api: Api) -> None:
    signals = api.signals()
    assert [signal["symbol"] for signal in signals] == [asset.symbol for asset in ASSETS]
    for signal in signals:
        assert (signal["action"], signal["confidence"]) == ("HOLD", 0)
        assert (signal["status"], signal["reasons"]) == ("no_data", ["no signal yet"])
        assert signal["price"] is signal["probabilities"] is signal["model"] is None


def test_a_signal_reaches_its_reader_as_it_was_decided(api: Api) -> None:
    api.store.put_signal(replace(a_signal(), stored_at=BAR + 7))
    (signal,) = api.signals("?symbols=AAPL")
    assert signal == {
        "symbol": "AAPL",
        "market": "stocks",
        "timeframe": "5m",
        "status": "ok",
        "reasons": [],
        "next_open": None,
        "last_attempt": {
            "bar_close": "2024-09-05T18:00:00Z",
            "at": "2024-09-05T18:00:05Z",
            "status": "ok",
            "reasons": [],
        },
        "action": "BUY",
        "confidence": 61.2,
        "probabilities": {"sell": 0.1003, "hold": 0.2877, "buy": 0.612},
        "horizon_bars": 1,
        "threshold": 0.001,
        "label": "fixed",
        "class_shares": None,
        "price": 222.55,
        "price_time": "2024-09-05T18:00:00Z",
        "price_source": "replay close",
        "buy_target": 220.3245,
        "sell_target": 227.001,
        "stop_loss": 218.099,
        "bar_close": "2024-09-05T18:00:00Z",
        "generated_at": "2024-09-05T18:00:05Z",
        "expires_at": "2024-09-05T18:06:30Z",
        "model": {"id": "stocks_5m_lstm", "revision": "a" * 40},
        "in_sample": False,
        "simulated": False,
        "facts": {
            "rsi": 57.31,
            "trend": "up",
            "atr_pct": 0.182,
            "vwap_pct": -0.041,
            "volume_ratio": 1.37,
            "volatility_pct": 0.093,
        },
        "caveats": [],
        "source": "",
        "stored_at": "2024-09-05T18:00:07Z",
    }


def test_what_counts_as_a_move_and_how_often_each_came_up_is_told_where_it_is_known(api: Api) -> None:
    shares = (Decimal("0.21"), Decimal("0.58"), Decimal("0.21"))
    api.store.put_signal(replace(a_signal(), label="triple_barrier", class_shares=shares))
    (signal,) = api.signals("?symbols=AAPL")
    assert signal["label"] == "triple_barrier"
    assert signal["class_shares"] == {"sell": 0.21, "hold": 0.58, "buy": 0.21}


def test_what_limits_a_signal_reaches_its_reader(api: Api) -> None:
    api.store.put_signal(replace(a_signal(), caveats=("its price is disputed", "made by other models")))
    (signal,) = api.signals("?symbols=AAPL")
    assert (signal["status"], signal["caveats"]) == ("ok", ["its price is disputed", "made by other models"])


def test_tiny_prices_arrive_in_full_as_plain_decimals(api: Api) -> None:
    api.store.put_signal(a_signal("SHIB", price="0.0000134500"))
    text = api.get("/v1/signals?symbols=SHIB").text
    assert '"price":0.00001345,' in text
    assert "e-" not in text


def test_assets_may_be_named_in_any_writing_and_come_in_the_order_asked(api: Api) -> None:
    signals = api.signals("?symbols=btc,AAPL,BTC/USDT&symbols=eth-usdt")
    assert [signal["symbol"] for signal in signals] == ["BTC", "AAPL", "ETH"]


def test_each_timeframe_has_its_own_signals(api: Api) -> None:
    api.store.put_signal(a_signal(timeframe=Timeframe.M5, action=Action.BUY))
    api.store.put_signal(a_signal(timeframe=Timeframe.M15, action=Action.SELL))
    assert [signal["action"] for signal in api.signals("?symbols=AAPL")] == ["BUY"]
    assert [signal["action"] for signal in api.signals("?symbols=AAPL&timeframe=15m")] == ["SELL"]


@pytest.mark.parametrize(("least", "served"), [("0", 3), ("61.2", 2), ("61.3", 1), ("90", 0)])
def test_a_reader_may_ask_only_for_signals_of_some_confidence(api: Api, least: str, served: int) -> None:
    api.store.put_signal(a_signal("AAPL"))
    api.store.put_signal(replace(a_signal("MSFT"), confidence=Decimal("88.8")))
    assert len(api.signals(f"?symbols=AAPL,MSFT,BTC&min_confidence={least}")) == served


def test_one_asset_is_served_on_every_timeframe_unless_asked(api: Api) -> None:
    api.refresh(BAR)
    every = api.get("/v1/signals/aapl").json()
    assert (every["symbol"], every["market"], every["name"]) == ("AAPL", "stocks", "Apple")
    assert [signal["timeframe"] for signal in every["signals"]] == list(Timeframe)
    one = api.get("/v1/signals/BTC_USDT?timeframe=15m").json()
    assert [(s["symbol"], s["timeframe"]) for s in one["signals"]] == [("BTC", "15m")]


@pytest.mark.parametrize("status", [Status.NO_DATA, Status.BAD_DATA, Status.NO_MODEL])
def test_an_asset_that_never_had_a_signal_says_why(api: Api, status: Status) -> None:
    api.store.note_attempt(AAPL, Timeframe.M5, a_failure(status=status, reason="told by the source"))
    (signal,) = api.signals("?symbols=AAPL")
    assert (signal["action"], signal["confidence"]) == ("HOLD", 0)
    assert (signal["status"], signal["reasons"]) == (status, ["told by the source"])


def test_a_signal_past_its_expiry_is_stale_and_says_so(api: Api) -> None:
    api.refresh(BAR)
    api.now = BAR + 389
    assert {signal["status"] for signal in api.signals()} == {"ok"}
    api.now = BAR + 390
    for signal in api.signals():
        assert signal["status"] == "stale"
        assert signal["reasons"] == ["expired at 2024-09-05T18:06:30Z"]


def test_after_the_close_stocks_are_closed_with_the_next_open_and_crypto_goes_on(api: Api) -> None:
    api.refresh(CLOSE)
    api.now = CLOSE + 30
    stock, coin = api.signals("?symbols=AAPL,BTC")
    assert (stock["status"], stock["next_open"]) == ("market_closed", "2024-09-06T13:30:00Z")
    assert (coin["status"], coin["next_open"]) == ("ok", None)


def test_a_failure_since_the_last_good_signal_is_told_beside_it(api: Api) -> None:
    api.refresh(BAR)
    api.store.note_attempt(AAPL, Timeframe.M5, a_failure(BAR + 300, reason="yahoo: 429"))
    api.now = BAR + 400
    (signal,) = api.signals("?symbols=AAPL")
    assert (signal["action"], signal["status"]) == ("BUY", "stale")
    assert signal["last_attempt"] == {
        "bar_close": "2024-09-05T18:05:00Z",
        "at": "2024-09-05T18:05:20Z",
        "status": "no_data",
        "reasons": ["yahoo: 429"],
    }
    assert "yahoo: 429" in signal["reasons"]


def test_all_signals_of_a_timeframe_cost_one_read_once_the_hours_are_known(api: Api) -> None:
    api.refresh(BAR)
    api.signals()
    api.store.reads.clear()
    api.signals()
    assert api.store.reads == ["signals 5m"]


def test_hours_are_read_again_when_they_no_longer_cover_the_moment(api: Api) -> None:
    api.refresh(BAR)
    api.signals()
    api.now = BAR + 9 * 86_400
    api.store.put_hours(market_hours(Market.STOCKS, api.now))
    api.store.reads.clear()
    api.signals()
    assert api.store.reads == ["signals 5m", "hours stocks", "hours crypto"]


def test_without_stored_hours_our_own_calendar_tells_whether_a_market_is_open(api: Api) -> None:
    api.store.put_signal(a_signal(bar_close=CLOSE))
    api.now = CLOSE + 30
    (signal,) = api.signals("?symbols=AAPL")
    assert (signal["status"], signal["next_open"]) == ("market_closed", "2024-09-06T13:30:00Z")


def test_past_the_years_of_our_calendar_no_stock_signal_passes_for_current(api: Api) -> None:
    far = BAR + 20 * 365 * 86_400
    api.store.put_signal(a_signal(bar_close=far))
    api.now = far + 30
    (signal,) = api.signals("?symbols=AAPL")
    assert (signal["status"], signal["reasons"]) == ("stale", ["market hours unknown"])


def test_the_assets_are_listed_with_their_markets_and_timeframes(api: Api) -> None:
    listed = api.get("/v1/assets").json()
    assert listed["timeframes"] == list(Timeframe)
    assert {"symbol": "SHIB", "market": "crypto", "name": "Shiba Inu"} in listed["assets"]
    assert len(listed["assets"]) == len(ASSETS)
