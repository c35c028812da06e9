"""What a warm API keeps of what it read, so that busy readers cost no reads, and when it reads again."""

from collections.abc import Callable
from random import Random

import pytest
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.signals import Action
from growfolio.domain.times import utc_text
from growfolio.storage.records import Explanation
from signals_api.caching import AWAITED_SECONDS, Kept

from tests.samples import BAR, a_failure, a_market
from tests.unit.api.conftest import Api

AAPL = find_asset("AAPL")
CLOSE = BAR + 2 * 3600
"""16:00 in New York."""


@pytest.fixture
def busy() -> Api:
    """An API that keeps what it read, as it does unless it is told not to."""
    api = Api(keeps=3600)
    api.refresh(BAR)
    return api


@pytest.mark.slow
def test_busy_readers_cost_one_read_for_each_timeframe_and_bar(busy: Api) -> None:
    for busy.now in range(BAR + 30, BAR + 300, 3):
        for path in ("/v1/signals", "/v1/signals?symbols=BTC", "/v1/signals?timeframe=15m", "/v1/health"):
            assert busy.get(path).status_code == 200
    reads = [read for read in busy.store.reads if read.startswith("signals")]
    assert sorted(reads) == sorted(f"signals {timeframe}" for timeframe in Timeframe)


def test_the_next_bar_is_looked_for_from_its_close_on_every_few_seconds(busy: Api) -> None:
    busy.signals()
    busy.now = BAR + 299
    busy.signals()
    assert busy.store.reads.count("signals 5m") == 1
    busy.now = BAR + 300
    busy.signals()
    busy.refresh(BAR + 300)
    busy.now = BAR + 304
    assert {signal["bar_close"] for signal in busy.signals()} == {"2024-09-05T18:00:00Z"}
    busy.now = BAR + 305
    assert {signal["bar_close"] for signal in busy.signals()} == {"2024-09-05T18:05:00Z"}
    assert busy.store.reads.count("signals 5m") == 3


def test_nothing_kept_outlives_the_signals_expiry(busy: Api) -> None:
    for asset in ("AAPL", "BTC"):
        busy.store.note_attempt(find_asset(asset), Timeframe.M5, a_failure(BAR + 300))
    busy.now = BAR + 389
    assert {s["status"] for s in busy.signals("?symbols=AAPL,BTC")} == {"ok"}
    busy.now = BAR + 390
    assert {s["status"] for s in busy.signals("?symbols=AAPL,BTC")} == {"stale"}


@pytest.mark.slow
def test_what_is_kept_never_claims_more_and_never_lags_further_than_an_awaited_bar_may() -> None:
    """One of two APIs over one store keeps; at random moments of some hours, with refreshes at random."""
    random = Random(5)
    keeps = Api(keeps=3600)
    reads = Api(store=keeps.store)
    refreshed, moment, kept = 0, BAR, 0
    for _ in range(120):
        moment += random.randrange(1, 100)
        keeps.now = reads.now = moment
        before = len(keeps.store.reads)
        told = keeps.get("/v1/signals")
        kept += len(keeps.store.reads) == before
        if moment >= refreshed + AWAITED_SECONDS:
            assert told.text == reads.get("/v1/signals").text
        for signal in told.json()["signals"]:
            assert signal["status"] != "ok" or signal["expires_at"] > utc_text(moment)
        if random.random() < 0.6 and refreshed // 300 < moment // 300:
            keeps.refresh(moment // 300 * 300)
            refreshed = moment
    assert kept > 20, "otherwise this shows nothing"


@pytest.mark.parametrize("keeps", [0, 20])
def test_for_how_long_at_most_is_a_setting(keeps: int) -> None:
    api = Api(keeps=keeps)
    api.refresh(BAR)
    for api.now in range(BAR + 30, BAR + 90, 10):
        api.signals()
    assert api.store.reads.count("signals 5m") == (6 if keeps == 0 else 3)


def test_over_a_weekend_the_table_is_still_read_every_few_minutes_as_coins_trade(busy: Api) -> None:
    busy.refresh(CLOSE)
    for busy.now in range(CLOSE + 30, CLOSE + 3630, 60):
        assert busy.get("/v1/signals?symbols=AAPL").json()["signals"][0]["status"] == "market_closed"
    assert busy.store.reads.count("signals 5m") > 10


def test_explanations_are_awaited_after_a_signal_and_then_kept(busy: Api) -> None:
    told = "/v1/explanations?symbols=AAPL"
    busy.get(told)
    busy.store.put_explanation(
        Explanation(AAPL, Timeframe.M5, BAR, Action.BUY, "One. Two. Three.", "gemini", BAR + 31)
    )
    busy.now += 4
    assert busy.get(told).json()["explanations"][0]["source"] == "template"
    busy.now += 1
    assert busy.get(told).json()["explanations"][0]["source"] == "gemini"
    for busy.now in range(BAR + 70, BAR + 300, 10):
        busy.get(told)
    assert busy.store.reads.count("explanations 5m") <= 4


def test_prices_and_bars_are_kept_until_the_next_refresh(busy: Api) -> None:
    busy.store.put_market(a_market("AAPL"))
    for busy.now in range(BAR + 30, BAR + 300, 10):
        busy.get("/v1/markets/AAPL")
    assert busy.store.reads.count("markets") == 1


@pytest.mark.parametrize(("now", "read_again"), [(99, True), (100, False), (109, False), (110, True)])
def test_an_entry_speaks_only_for_its_own_stretch_of_time(now: int, read_again: bool) -> None:
    kept: Kept[str] = Kept(60)
    told: list[Callable[[], str]] = [lambda: "first", lambda: "second"]
    kept.get("key", 100, told[0], lambda _: 110)
    found = kept.get("key", now, told[1], lambda _: 200)
    assert found.value == ("second" if read_again else "first")


def test_the_hours_of_a_market_are_read_once_for_the_week_that_they_speak_of(busy: Api) -> None:
    for busy.now in range(BAR + 30, BAR + 7 * 86_400, 6 * 3600):
        busy.signals()
    assert busy.store.reads.count("hours stocks") == 1
