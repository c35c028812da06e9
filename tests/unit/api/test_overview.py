"""One answer with all that a round of the page needs."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.assets import ASSETS, Asset, Timeframe
from growfolio.errors import StoreError
from growfolio.storage.records import MarketRecord
from signals_api.overview import MOST_POINTS, SIGNAL_MEMBERS, sparkline

from tests.fakes.memory_store import MemoryStore
from tests.samples import BAR, a_market, a_signal
from tests.unit.api.conftest import Api

CLOSE = BAR + 2 * 3600
MOST_BYTES = 8192


def fill(api: Api) -> None:
    """All assets with signals whose numbers all differ, each with a whole session of bars."""
    api.refresh(BAR)
    for number, asset in enumerate(ASSETS):
        sell = Decimal(1000 + 137 * number) / 10_000
        price = Decimal("222.55") + Decimal("13.37") * number
        made = a_signal(asset.symbol, price=str(price), bar_close=BAR)
        api.store.put_signal(
            replace(
                made,
                probabilities=(sell, Decimal("0.3003"), 1 - sell - Decimal("0.3003")),
                generated_at=made.generated_at + 1 + number,
                caveats=("its price is disputed",) if number % 3 == 0 else (),
            )
        )
        record = a_market(asset.symbol, bars=78)
        bars = tuple(
            (bar[0], *bar[1:4], str(100 + (number + 7) * step * step % 997), bar[5])
            for step, bar in enumerate(record.bars)
        )
        api.store.put_market(replace(record, bars=bars))


def test_it_says_in_short_what_the_signals_say(api: Api) -> None:
    fill(api)
    overview = api.get("/v1/overview").json()
    whole = api.signals()
    assert [one["symbol"] for one in overview["signals"]] == [asset.symbol for asset in ASSETS]
    for short, signal in zip(overview["signals"], whole, strict=True):
        assert {name: short[name] for name in SIGNAL_MEMBERS} == {
            name: signal[name] for name in SIGNAL_MEMBERS
        }
        assert len(short["sparkline"]) == MOST_POINTS


def test_of_all_assets_it_takes_at_most_8_kb_compressed(api: Api) -> None:
    fill(api)
    assert len(gzip.compress(api.get("/v1/overview").content)) <= MOST_BYTES


def test_of_24_failed_assets_too(api: Api) -> None:
    answer = api.get("/v1/overview")
    assert {one["status"] for one in answer.json()["signals"]} == {"no_data"}
    assert len(gzip.compress(answer.content)) <= MOST_BYTES


def test_it_names_the_markets_hours_and_health(api: Api) -> None:
    api.refresh(BAR)
    stocks, coins = api.get("/v1/overview").json()["markets"]
    assert stocks == {
        "market": "stocks",
        "open": True,
        "next_open": None,
        "closes": "2024-09-05T20:00:00Z",
        "fresh_share": 1.0,
    }
    assert (coins["open"], coins["closes"]) == (True, "2024-09-06T00:00:00Z")
    api.now = CLOSE + 30
    stocks = api.get("/v1/overview").json()["markets"][0]
    assert (stocks["open"], stocks["closes"]) == (False, None)
    assert stocks["next_open"] == "2024-09-06T13:30:00Z"


def test_one_tag_stands_for_all_of_it_until_any_of_it_changes(api: Api) -> None:
    fill(api)
    first = api.get("/v1/overview")
    tag = first.headers["etag"]
    api.now += 20
    again = api.get("/v1/overview", if_none_match=tag)
    assert (again.status_code, again.headers["x-now"]) == (304, "2024-09-05T18:00:50Z")
    api.store.put_market(a_market("BTC", newest=BAR + 300, bars=5))
    assert api.get("/v1/overview", if_none_match=tag).status_code == 200


def test_it_costs_one_read_of_signals_and_one_of_pictures(api: Api) -> None:
    fill(api)
    api.get("/v1/overview")
    api.store.reads.clear()
    api.get("/v1/overview")
    assert api.store.reads == ["signals 5m", "markets"]


def test_while_warm_it_costs_nothing_until_the_next_bar() -> None:
    busy = Api(keeps=3600)
    fill(busy)
    busy.now = BAR + 90
    busy.get("/v1/overview")
    busy.store.reads.clear()
    answer = busy.get("/v1/overview")
    assert busy.store.reads == []
    assert answer.headers["cache-control"] == "public, max-age=210"


class WithoutPictures(MemoryStore):
    """A store that answers everything but the pictures."""

    def markets(self, assets: Sequence[Asset]) -> list[MarketRecord]:
        raise StoreError("throttled")


def test_without_pictures_the_signals_show_all_the_same() -> None:
    api = Api(WithoutPictures())
    api.refresh(BAR)
    answer = api.get("/v1/overview")
    assert {one["status"] for one in answer.json()["signals"]} == {"ok"}
    assert all(one["sparkline"] == [] for one in answer.json()["signals"])
    assert answer.headers["cache-control"] == "public, max-age=5"


def test_each_timeframe_has_its_own(api: Api) -> None:
    api.store.put_signal(a_signal(timeframe=Timeframe.M15))
    assert api.get("/v1/overview?timeframe=15m").json()["signals"][0]["status"] == "ok"
    assert api.get("/v1/overview").json()["signals"][0]["status"] == "no_data"


@pytest.mark.parametrize(
    ("closes", "line"),
    [
        ([], []),
        ([5.0], [50]),
        ([5.0, 5.0], [50, 50]),
        ([1.0, 3.0, 2.0], [0, 100, 50]),
        ([0.00001322, 0.00001323], [0, 100]),
    ],
)
def test_a_line_spans_the_lowest_and_the_highest_close(closes: list[float], line: list[int]) -> None:
    assert sparkline(closes) == line


@pytest.mark.parametrize("bars", [25, 26, 27, 78, 288])
def test_a_line_has_few_points_and_ends_at_the_newest_close(bars: int) -> None:
    line = sparkline([float(number) for number in range(bars)])
    assert len(line) <= MOST_POINTS
    assert line[-1] == 100
    assert line == sorted(line)
