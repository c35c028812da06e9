"""Past signals, a page at a time."""

from base64 import urlsafe_b64encode

import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.times import HOUR
from growfolio.errors import TemporaryStoreError
from growfolio.storage.records import Outcome, Outcomes

from tests.fakes.memory_store import MemoryStore
from tests.samples import BAR, a_signal
from tests.unit.api.conftest import Api


@pytest.fixture
def past(api: Api) -> Api:
    """Seven 5m signals of AAPL, the newest of the bar of the samples, and one of MSFT."""
    for bars_ago in range(7):
        api.store.put_history(a_signal(bar_close=BAR - 300 * bars_ago))
    api.store.put_history(a_signal("MSFT"))
    return api


def test_a_history_is_newest_first_as_the_signals_were_given(past: Api) -> None:
    page = past.get("/v1/signals/aapl/history").json()
    assert (page["symbol"], page["timeframe"], page["next_cursor"]) == ("AAPL", "5m", None)
    closes = [signal["bar_close"] for signal in page["signals"]]
    assert closes == sorted(closes, reverse=True)
    assert (len(closes), closes[0]) == (7, "2024-09-05T18:00:00Z")
    assert page["signals"][0]["action"] == "BUY"
    assert "status" not in page["signals"][0], "a past signal is not judged: it was what it was"


def test_pages_follow_each_other_without_gap_or_repetition(past: Api) -> None:
    closes, cursor = [], ""
    sizes = []
    while cursor is not None:
        page = past.get("/v1/signals/AAPL/history?limit=3" + (f"&cursor={cursor}" if cursor else "")).json()
        closes += [signal["bar_close"] for signal in page["signals"]]
        sizes.append(len(page["signals"]))
        cursor = page["next_cursor"]
    assert sizes == [3, 3, 1]
    assert closes == [s["bar_close"] for s in past.get("/v1/signals/AAPL/history").json()["signals"]]


def test_each_timeframe_has_its_own_history(past: Api) -> None:
    past.store.put_history(a_signal(timeframe=Timeframe.M15))
    assert len(past.get("/v1/signals/AAPL/history?timeframe=15m").json()["signals"]) == 1


def test_an_asset_without_a_past_has_an_empty_page(past: Api) -> None:
    page = past.get("/v1/signals/BTC/history").json()
    assert (page["signals"], page["next_cursor"]) == ([], None)


def cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "given",
    [
        "x",
        "%00%FF",
        "AAPL",
        cursor("AAPL 5m"),
        cursor("AAPL 5m -300"),
        cursor("AAPL 5m 12e3"),
        cursor("AAPL 5m \u0661\u0662"),
        cursor(f"AAPL 15m {BAR}"),
        cursor(f"MSFT 5m {BAR}"),
        cursor(f"AAPL 5m {BAR}") + "=",
    ],
)
def test_only_cursors_that_this_history_gave_are_taken(past: Api, given: str) -> None:
    answer = past.get(f"/v1/signals/AAPL/history?cursor={given}")
    assert answer.status_code == 422
    assert "pass next_cursor unchanged" in answer.json()["detail"]
    assert past.store.reads == [], "refused before anything was read"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1.5", ""])
def test_a_page_holds_1_to_200_signals(past: Api, limit: str) -> None:
    answer = past.get(f"/v1/signals/AAPL/history?limit={limit}")
    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.json()["errors"]] == ["limit"]


def test_beside_a_past_signal_stands_what_became_of_it(past: Api) -> None:
    reached = Outcome("scored", "", "BUY", 0.0123, "buy", 2, "reached")
    missing = Outcome("unsettled", "there is no candle", None, None, None, None, None)
    hour = (BAR - 300) // HOUR * HOUR
    outcomes = {("AAPL", BAR - 300): reached, ("AAPL", BAR - 600): missing, ("MSFT", BAR - 900): reached}
    past.store.put_outcomes(Market.STOCKS, Timeframe.M5, hour, outcomes)
    newest, second, third, fourth, *_ = past.get("/v1/signals/aapl/history").json()["signals"]
    assert (newest["outcome"], fourth["outcome"]) == (None, None)
    assert second["outcome"] == {
        "status": "scored",
        "reason": "",
        "happened": "BUY",
        "change": 0.0123,
        "log_loss": 0.491023,
        "first": "buy",
        "first_after": 2,
        "promise": "reached",
    }
    assert (third["outcome"]["status"], third["outcome"]["happened"]) == ("unsettled", None)


def test_a_history_whose_outcomes_cannot_be_read_is_given_all_the_same() -> None:
    class Throttled(MemoryStore):
        def outcomes(self, *_: object) -> Outcomes:
            raise TemporaryStoreError("throttled")

    api = Api(Throttled())
    api.store.put_history(a_signal())
    assert {one["outcome"] for one in api.get("/v1/signals/aapl/history").json()["signals"]} == {None}
