"""Whether an open market's readers are served."""

from itertools import product

import pytest
from growfolio.domain.assets import ASSETS, Market, Timeframe, assets_of
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.signals import Status

from tests.samples import BAR, a_failure, a_signal
from tests.unit.api.conftest import Api

OPEN, CLOSE = BAR - 4 * 3600 - 1800, BAR + 2 * 3600
"""09:30 and 16:00 in New York."""
STOCKS = assets_of(Market.STOCKS)
STOCK_SIGNALS, COIN_SIGNALS = (len(assets_of(market)) * len(Timeframe) for market in Market)
MISSABLE = len(STOCKS) // 5
"""So many stocks may have no signals, where 80 % are to be current."""


def test_with_all_signals_current_both_markets_are_well(api: Api) -> None:
    api.refresh(BAR)
    answer = api.get("/v1/health")
    assert answer.status_code == 200
    stocks, crypto = answer.json()["markets"]
    assert answer.json()["healthy"] is True
    assert stocks == {
        "market": "stocks",
        "open": True,
        "next_open": None,
        "fresh_share": 1.0,
        "statuses": {"ok": STOCK_SIGNALS},
        "reasons": {},
        "revisions": ["a" * 40],
        "newest_bar_close": "2024-09-05T18:00:00Z",
    }
    assert (crypto["market"], crypto["open"], crypto["statuses"]) == ("crypto", True, {"ok": COIN_SIGNALS})


@pytest.mark.parametrize(("failed", "status"), [(MISSABLE, 200), (MISSABLE + 1, 503)])
def test_an_open_market_below_the_stated_share_is_ill(api: Api, failed: int, status: int) -> None:
    api.refresh(BAR, Market.CRYPTO)
    for asset in STOCKS[failed:]:
        for timeframe in Timeframe:
            api.store.put_signal(a_signal(asset.symbol, timeframe))
    for asset in STOCKS[:failed]:
        for timeframe in Timeframe:
            api.store.note_attempt(asset, timeframe, a_failure())
    answer = api.get("/v1/health")
    assert answer.status_code == status
    assert answer.json()["healthy"] is (status == 200)
    assert answer.json()["markets"][0]["statuses"] == {
        "ok": STOCK_SIGNALS - failed * len(Timeframe),
        "no_data": failed * len(Timeframe),
    }


def test_ill_health_says_which_market_and_where_to_look(api: Api) -> None:
    api.refresh(BAR, Market.CRYPTO)
    answer = api.get("/v1/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "of the signals of stocks are current" in answer.json()["detail"]
    assert "log" in answer.json()["detail"]


def test_ill_health_names_its_commonest_reasons_for_whoever_can_act(api: Api) -> None:
    why = "binance refuses this region (451): put another first in GROWFOLIO_EXCHANGES"
    for asset in assets_of(Market.CRYPTO):
        for timeframe in Timeframe:
            api.store.note_attempt(asset, timeframe, a_failure(reason=why))
    answer = api.get("/v1/health").json()
    stocks, crypto = answer["markets"]
    assert (stocks["reasons"], crypto["reasons"]) == ({"no signal yet": STOCK_SIGNALS}, {why: COIN_SIGNALS})
    assert answer["detail"].startswith(
        f"Less than 80% of the signals of stocks and crypto are current: no signal yet; {why}."
    )


def test_the_state_of_the_markets_is_told_whether_well_or_ill(api: Api) -> None:
    api.refresh(BAR, Market.CRYPTO)
    assert api.get("/v1/health").status_code == 503
    told = api.get("/v1/markets").json()
    assert told["now"] == "2024-09-05T18:00:30Z"
    assert [state["fresh_share"] for state in told["markets"]] == [0, 1]


def test_a_closed_market_owes_nothing_and_says_when_it_opens(api: Api) -> None:
    api.refresh(CLOSE)
    api.now = CLOSE + 30
    answer = api.get("/v1/health")
    stocks = answer.json()["markets"][0]
    assert answer.status_code == 200
    assert (stocks["open"], stocks["next_open"]) == (False, "2024-09-06T13:30:00Z")
    assert stocks["fresh_share"] is None
    assert stocks["statuses"] == {"market_closed": STOCK_SIGNALS}


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, 200), (299 + GRACE_SECONDS, 200), (300 + GRACE_SECONDS, 503), (990, 503)],
)
def test_a_market_that_just_opened_is_not_ill_for_having_no_signal_yet(
    api: Api, seconds: int, status: int
) -> None:
    """The first 5m bar closes after 300 s, and then a refresh has its time."""
    api.refresh(OPEN - 86_400 + 6 * 3600 + 1800, Market.STOCKS)
    api.now = OPEN + seconds
    api.refresh(api.now // 900 * 900, Market.CRYPTO)
    api.refresh(api.now // 300 * 300, Market.CRYPTO)
    assert api.get("/v1/health").status_code == status


def test_after_the_first_bar_only_its_timeframe_is_due(api: Api) -> None:
    api.refresh(OPEN + 300)
    api.now = OPEN + 301 + GRACE_SECONDS
    assert api.get("/v1/health").json()["markets"][0]["fresh_share"] == 1.0


def test_while_models_change_both_revisions_are_named(api: Api) -> None:
    api.refresh(BAR)
    api.store.put_signal(a_signal("AAPL", revision="b" * 40))
    assert api.get("/v1/health").json()["markets"][0]["revisions"] == ["a" * 40, "b" * 40]


@pytest.mark.parametrize("tried", [True, False], ids=["no_model", "not yet tried"])
def test_a_timeframe_without_models_owes_nothing_while_another_is_served(api: Api, tried: bool) -> None:
    """A timeframe may be switched on before its models are trained: readers of the others lack nothing."""
    for asset in ASSETS:
        api.store.put_hours(market_hours(asset.market, BAR))
        api.store.put_signal(a_signal(asset.symbol))
        for timeframe in set(Timeframe) - {Timeframe.M5} if tried else ():
            failure = a_failure(status=Status.NO_MODEL, reason=f"no model for {timeframe}")
            api.store.note_attempt(asset, timeframe, failure)
    answer = api.get("/v1/health")
    assert answer.status_code == 200
    states = answer.json()["markets"]
    assert [state["fresh_share"] for state in states] == [1, 1]
    assert [sum(state["statuses"].values()) for state in states] == [STOCK_SIGNALS, COIN_SIGNALS], (
        "and yet all are counted"
    )


def test_without_any_model_a_market_is_ill(api: Api) -> None:
    for asset, timeframe in product(ASSETS, Timeframe):
        api.store.note_attempt(asset, timeframe, a_failure(status=Status.NO_MODEL, reason="no models"))
    answer = api.get("/v1/health")
    assert (answer.status_code, answer.json()["markets"][0]["fresh_share"]) == (503, 0)


@pytest.mark.parametrize("status", [Status.NO_DATA, Status.BAD_DATA])
def test_a_timeframe_that_has_models_and_fails_is_missed(api: Api, status: Status) -> None:
    for asset in ASSETS:
        api.store.put_signal(a_signal(asset.symbol))
        api.store.note_attempt(asset, Timeframe.M15, a_failure(status=status))
    assert api.get("/v1/health").status_code == 503


def test_a_timeframe_whose_models_have_expired_is_missed(api: Api) -> None:
    api.refresh(BAR - 900)
    for asset in ASSETS:
        api.store.put_signal(a_signal(asset.symbol))
        api.store.note_attempt(asset, Timeframe.M15, a_failure(status=Status.NO_MODEL, reason="expired"))
    api.now = BAR + 100
    assert api.get("/v1/health").status_code == 503
