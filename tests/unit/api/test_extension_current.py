"""POST /analyze_trader_type never passes off for current what is not, and says why."""

from dataclasses import replace

from growfolio.domain.assets import ASSETS, Market, Timeframe, assets_of, find_asset
from growfolio.domain.signals import Status

from tests.samples import BAR, a_failure, a_signal
from tests.unit.api.conftest import Api
from tests.unit.api.test_extension_analysis import analysis, tickers

CLOSE = BAR + 2 * 3600
"""16:00 in New York."""


def test_with_the_market_closed_there_is_nothing_and_the_notice_says_when_it_opens(api: Api) -> None:
    api.refresh(CLOSE, Market.STOCKS)
    api.now = CLOSE + 60
    given = analysis(api, symbols=["AAPL", "MSFT"])
    assert given == {
        "predictions": [],
        "market_sentiment": "unknown",
        "volatility_level": "unknown",
        "recommended_position_size": "none",
        "notice": "The stock market is closed; it opens 2024-09-06 13:30 UTC.",
    }


def test_coins_go_on_while_stocks_are_closed_and_the_notice_says_so(api: Api) -> None:
    api.refresh(CLOSE)
    api.now = CLOSE + 60
    given = analysis(api)
    assert {find_asset(one["ticker"]).market for one in given["predictions"]} == {Market.CRYPTO}
    assert given["notice"] == "The stock market is closed; it opens 2024-09-06 13:30 UTC."


def test_a_signal_that_has_expired_never_passes_for_current(api: Api) -> None:
    api.refresh(BAR)
    api.now = BAR + 900 + 89
    assert len(tickers(api)) == 5
    api.now = BAR + 900 + 90
    given = analysis(api)
    assert given["predictions"] == []
    assert given["notice"] == (
        f"{', '.join(asset.symbol for asset in ASSETS[:3])} and {len(ASSETS) - 3} more: "
        "expired at 2024-09-05T18:16:30Z."
    )


def test_a_placeholder_never_passes_for_current_and_its_reason_is_told(api: Api) -> None:
    reason = "no models from growfolio/signals: set GROWFOLIO_MODEL_REPOSITORY"
    for asset in assets_of(Market.STOCKS):
        api.store.note_attempt(asset, Timeframe.M15, a_failure(status=Status.NO_MODEL, reason=reason))
    given = analysis(api, symbols=["AAPL", "MSFT", "BTC"])
    assert given["predictions"] == []
    assert given["notice"] == f"AAPL and MSFT: {reason}. BTC: no signal yet."


def test_of_assets_that_were_asked_for_those_left_out_are_told(api: Api) -> None:
    api.store.put_signal(a_signal("AAPL", Timeframe.M15))
    given = analysis(api, symbols=["AAPL", "BTC"])
    assert [one["ticker"] for one in given["predictions"]] == ["AAPL"]
    assert given["notice"] == "BTC: no signal yet."


def test_simulated_prices_and_bars_of_training_are_marked_and_told(api: Api) -> None:
    api.store.put_signal(replace(a_signal("BTC", Timeframe.M15), simulated=True, in_sample=True))
    given = analysis(api)
    (prediction,) = given["predictions"]
    assert (prediction["simulated"], prediction["in_sample"]) == (True, True)
    assert "simulated" in given["notice"]
    assert "trained" in given["notice"]


def test_what_limits_a_prediction_is_told_beside_it(api: Api) -> None:
    api.store.put_signal(replace(a_signal("BTC", Timeframe.M15), caveats=("its price is disputed", "a gap")))
    api.store.put_signal(a_signal("ETH", Timeframe.M15))
    assert analysis(api, symbols=["BTC", "ETH"])["notice"] == "BTC: its price is disputed; a gap."
    assert "notice" not in analysis(api, symbols=["ETH"])
