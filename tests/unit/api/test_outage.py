"""What readers are served while the table does not answer: what was read last, judged anew and marked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe, find_asset
from growfolio.domain.calendar import MarketHours
from growfolio.domain.signals import Action, SignalRecord
from growfolio.errors import PermanentStoreError, StoreError, TemporaryStoreError
from growfolio.storage.records import Explanation, HistoryPage, MarketRecord

from tests.fakes.memory_store import MemoryStore
from tests.samples import BAR, a_market
from tests.unit.api.conftest import EXTENSION, Api

CLOSE = BAR + 2 * 3600
"""16:00 in New York."""
THROTTLED = TemporaryStoreError("reading the table: ThrottlingException")
REFUSED = PermanentStoreError("reading the table: AccessDeniedException")
MARK = "the table does not answer, this is as it was read at 2024-09-05T18:00:30Z"


class FailingStore(MemoryStore):
    """A store that answers no read while it has a fault."""

    fault: StoreError | None = None

    def _answer(self) -> None:
        if self.fault:
            self.reads.append("refused")
            raise self.fault

    @contextmanager
    def down(self, fault: StoreError = THROTTLED) -> Iterator[None]:
        self.fault = fault
        yield
        self.fault = None

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        self._answer()
        return super().signals(timeframe)

    def hours(self, market: Market) -> MarketHours | None:
        self._answer()
        return super().hours(market)

    def markets(self, assets: object) -> list[MarketRecord]:
        self._answer()
        return super().markets(assets)  # type: ignore[arg-type]

    def explanations(self, timeframe: Timeframe) -> list[Explanation]:
        self._answer()
        return super().explanations(timeframe)

    def history(
        self, asset: Asset, timeframe: Timeframe, limit: int, before: int | None = None
    ) -> HistoryPage:
        self._answer()
        return super().history(asset, timeframe, limit, before)


@pytest.fixture(params=[0, 3600], ids=["reads each time", "keeps"])
def known(request: pytest.FixtureRequest) -> Api:
    """An API that has read everything of the samples' bar once."""
    api = Api(FailingStore(), keeps=request.param)
    api.refresh(BAR)
    api.store.put_market(a_market("AAPL"))
    api.store.put_explanation(
        Explanation(find_asset("AAPL"), Timeframe.M5, BAR, Action.BUY, "One. Two. Three.", "gemini", BAR + 9)
    )
    signals = [f"/v1/signals?timeframe={timeframe}" for timeframe in Timeframe]
    for path in (*signals, "/v1/overview", "/v1/explanations", "/v1/markets/AAPL"):
        assert api.get(path).status_code == 200
    return api


def down(api: Api, fault: StoreError = THROTTLED) -> None:
    assert isinstance(api.store, FailingStore)
    api.store.fault = fault


@pytest.mark.parametrize("fault", [THROTTLED, REFUSED])
def test_signals_read_last_are_served_and_marked_until_they_expire(known: Api, fault: StoreError) -> None:
    before = known.signals()
    down(known, fault)
    for known.now in (BAR + 300, BAR + 389):
        answer = known.get("/v1/signals")
        assert answer.headers["cache-control"] == "public, max-age=5"
        after = answer.json()["signals"]
        assert [signal["reasons"] for signal in after] == [[MARK]] * len(ASSETS)
        assert [{**signal, "reasons": []} for signal in after] == before
    known.now = BAR + 390
    answer = known.get("/v1/signals")
    if fault is THROTTLED:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["type"] == "urn:growfolio:store-busy"
    else:
        assert answer.status_code == 500


def test_what_expired_among_what_still_holds_says_both(known: Api) -> None:
    known.refresh(BAR + 300, Market.CRYPTO)
    known.now = BAR + 330
    assert known.get("/v1/signals").status_code == 200
    down(known)
    known.now = BAR + 600
    stock, coin = known.signals("?symbols=AAPL,BTC")
    assert (stock["status"], coin["status"]) == ("stale", "ok")
    assert stock["reasons"][0] == "expired at 2024-09-05T18:06:30Z"
    assert stock["reasons"][1].startswith("the table does not answer")
    assert known.get("/v1/signals?symbols=AAPL").status_code == 503


def test_of_a_closed_market_the_last_signals_are_served_as_closed(known: Api) -> None:
    known.refresh(CLOSE)
    known.now = CLOSE + 30
    known.signals()
    down(known)
    known.now = CLOSE + 600
    (signal,) = known.signals("?symbols=AAPL")
    assert (signal["status"], signal["next_open"]) == ("market_closed", "2024-09-06T13:30:00Z")


def test_as_soon_as_the_table_answers_again_nothing_is_marked(known: Api) -> None:
    down(known)
    known.now = BAR + 310
    assert known.signals()[0]["reasons"] == [MARK]
    known.store.fault = None  # type: ignore[attr-defined]
    assert known.signals()[0]["reasons"] == []
    known.refresh(BAR + 300)
    known.now = BAR + 315
    assert known.signals()[0]["bar_close"] == "2024-09-05T18:05:00Z"


@pytest.mark.parametrize(
    "path",
    ["/v1/signals/AAPL", "/v1/overview", "/v1/explanations", "/v1/markets/AAPL", "/v1/markets"],
)
def test_every_route_over_signals_goes_on_for_as_long(known: Api, path: str) -> None:
    down(known)
    known.now = BAR + 310
    assert known.get(path).status_code == 200
    known.now = BAR + max(timeframe.seconds for timeframe in Timeframe) + 900
    answer = known.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/signals",
        "/v1/signals/AAPL",
        "/v1/overview",
        "/v1/explanations",
        "/v1/markets/AAPL",
        "/v1/markets",
    ],
)
def test_a_request_waits_only_once_for_a_table_that_does_not_answer(known: Api, path: str) -> None:
    down(known)
    known.now = BAR + 310
    known.store.reads.clear()
    assert known.get(path).status_code == 200
    assert known.store.reads == ["refused"]


def test_explanations_that_were_read_stay_and_the_template_writes_the_rest(known: Api) -> None:
    down(known)
    known.now = BAR + 310
    told = {one["symbol"]: one["source"] for one in known.get("/v1/explanations").json()["explanations"]}
    assert (told["AAPL"], told["BTC"]) == ("gemini", "template")


def test_explanations_that_were_never_read_are_the_templates(known: Api) -> None:
    down(known)
    answer = known.get("/v1/explanations?timeframe=15m&symbols=AAPL")
    assert [one["source"] for one in answer.json()["explanations"]] == ["template"]
    assert answer.headers["cache-control"] == "public, max-age=5"


def test_the_extension_is_served_and_its_notice_says_so(known: Api) -> None:
    down(known)
    known.now = BAR + 310
    body = {"trader_type": "day_trader", "timeframe": "5min"}
    analysis = known.post("/analyze_trader_type", body).json()["analysis"]
    assert len(analysis["predictions"]) == 5
    assert f"{MARK[1:]}." in analysis["notice"]
    told = known.post("/recommend_stock", {"stock_name": "AAPL", "ml_output": {"timeframe": "5min"}}).json()
    assert f"{MARK[1:]}." in told["notice"]
    known.now = BAR + 390
    assert known.post("/analyze_trader_type", body).status_code == 503


def test_a_monitor_hears_of_it_at_once(known: Api) -> None:
    down(known)
    known.now = BAR + 310
    answer = known.get("/v1/health")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:growfolio:store-busy")


def test_a_past_is_read_from_the_table_or_not_at_all(known: Api) -> None:
    down(known)
    assert known.get("/v1/signals/AAPL/history").status_code == 503


def test_without_anything_read_before_the_reader_is_asked_to_come_back() -> None:
    api = Api(FailingStore())
    down(api)
    for path in ("/v1/signals", "/v1/markets", "/v1/markets/AAPL", "/v1/health"):
        answer = api.get(path, origin=EXTENSION)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


def test_hours_that_cannot_be_read_are_those_of_our_own_calendar() -> None:
    api = Api(FailingStore(), keeps=3600)
    api.refresh(BAR)
    api.signals()
    down(api)
    api.now = BAR + 20 * 86_400
    assert api.get("/v1/signals?symbols=AAPL").status_code == 503, "three weeks old"
