"""The record as readers get it: what refresh made ready, with the tags and lifetimes of other answers."""

import json
from dataclasses import replace

import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.times import DAY
from growfolio.storage.records import StoredRecord

from tests.records import keep_record
from tests.samples import BAR
from tests.unit.api.conftest import Api


@pytest.fixture
def with_records(api: Api) -> Api:
    keep_record(api.store, Market.CRYPTO, "BTC", 120)
    keep_record(api.store, Market.STOCKS, "AAPL", 200)
    return api


def test_before_the_first_hour_there_is_none(api: Api) -> None:
    assert api.get("/v1/record").json() == {"timeframe": "5m", "records": []}


def test_each_market_has_its_record_as_refresh_made_it(with_records: Api) -> None:
    crypto, stocks = sorted(with_records.get("/v1/record").json()["records"], key=lambda one: one["market"])
    stored = with_records.store.record(Market.CRYPTO, Timeframe.M5)
    assert stored
    assert crypto == json.loads(stored.content)
    (line,) = stocks["windows"]["day"]["revisions"]
    assert line["market"]["scores"]["accuracy"] == 1.0
    (apart,) = stocks["windows"]["day"]["in_sample"]
    assert apart["market"]["note"] == "too few: 50 of 100 settled signals"


def test_one_market_and_another_timeframe_can_be_asked_for(with_records: Api) -> None:
    (record,) = with_records.get("/v1/record?market=stocks").json()["records"]
    assert record["market"] == "stocks"
    (empty,) = with_records.get("/v1/record?market=stocks&timeframe=15m").json()["records"]
    assert empty["windows"]["day"] == {"revisions": [], "in_sample": [], "simulated": []}
    assert with_records.get("/v1/record?market=bonds").status_code == 422


def test_a_reader_that_has_it_is_not_sent_it_again(with_records: Api) -> None:
    answer = with_records.get("/v1/record")
    again = with_records.get("/v1/record", if_none_match=answer.headers["etag"])
    assert again.status_code == 304
    assert answer.headers["cache-control"] == "public, max-age=270"


def test_a_new_record_has_another_tag(with_records: Api) -> None:
    first = with_records.get("/v1/record").headers["etag"]
    held = with_records.store.record(Market.STOCKS, Timeframe.M5)
    assert held
    content = held.content.replace('"scored": 150', '"scored": 151')
    assert with_records.store.put_record(replace(held, newest=held.newest + 300, content=content))
    assert with_records.get("/v1/record").headers["etag"] != first


def test_a_record_of_an_older_bar_replaces_none(with_records: Api) -> None:
    older = StoredRecord(Market.STOCKS, Timeframe.M5, BAR - DAY, 0, "{}", "[]")
    assert not with_records.store.put_record(older)
    assert len(with_records.get("/v1/record").json()["records"]) == 2
