"""How long answers hold, and what a reader who asks again is told."""

import re
from collections.abc import Callable
from random import Random

import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness import judge
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.signals import SignalRecord, Status
from signals_api.answers import entity_tag
from signals_api.caching import changes_at, holds_for

from tests.samples import BAR, a_failure, a_market, a_signal
from tests.unit.api.conftest import READ_PATHS, Answer, Api

AAPL = find_asset("AAPL")
OPEN, CLOSE = BAR - 4 * 3600 - 1800, BAR + 2 * 3600
"""09:30 and 16:00 in New York."""
NEXT_OPEN = OPEN + 86_400
MIDNIGHT = BAR + 6 * 3600


def held_for(answer: Answer) -> int:
    """The seconds for which a cache may keep it."""
    found = re.fullmatch(r"public, max-age=(\d+)", answer.headers["cache-control"])
    assert found, answer.headers["cache-control"]
    return int(found[1])


@pytest.mark.parametrize(
    ("symbol", "refreshed", "now", "seconds"),
    [
        ("AAPL", BAR, BAR + 30, 270),  # until the bar under way closes
        ("AAPL", BAR, BAR + 299, 1),
        ("AAPL", BAR, BAR + 300, 5),  # the next bar is awaited
        ("AAPL", BAR, BAR + 386, 4),  # it expires before
        ("AAPL", BAR, BAR + 420, 5),  # late, and still awaited
        ("AAPL", CLOSE - 300, CLOSE + 10, 5),  # the last bar of the day is awaited after the close
        ("AAPL", CLOSE - 300, CLOSE + 300, 3600),  # given up: nothing new before the market opens
        ("AAPL", CLOSE, NEXT_OPEN - 600, 600),
        ("AAPL", CLOSE, NEXT_OPEN, 300),  # the first bar has to close
        ("BTC", MIDNIGHT - 300, MIDNIGHT, 5),  # crypto has no close
        ("BTC", MIDNIGHT, MIDNIGHT + 60, 240),
    ],
)
def test_an_answer_holds_until_something_new_may_show(
    api: Api, symbol: str, refreshed: int, now: int, seconds: int
) -> None:
    api.refresh(refreshed)
    api.now = now
    assert held_for(api.get(f"/v1/signals?symbols={symbol}")) == seconds


def test_a_bar_that_was_tried_in_vain_is_not_awaited(api: Api) -> None:
    api.refresh(BAR)
    api.store.note_attempt(AAPL, Timeframe.M5, a_failure(BAR + 300))
    api.now = BAR + 330
    assert held_for(api.get("/v1/signals?symbols=AAPL")) == 60, "it is served until it expires"
    api.now = BAR + 300 + GRACE_SECONDS
    assert held_for(api.get("/v1/signals?symbols=AAPL")) == 300 - GRACE_SECONDS


@pytest.mark.parametrize(("later", "seconds"), [(60, 5), (140, 160), (300, 5), (440, 160)])
def test_a_failure_is_kept_no_longer_than_until_the_refresh_that_may_mend_it(
    api: Api, later: int, seconds: int
) -> None:
    api.store.note_attempt(AAPL, Timeframe.M15, a_failure(BAR))
    api.now = BAR + later
    assert held_for(api.get("/v1/signals?timeframe=15m&symbols=AAPL")) == seconds


def test_an_answer_holds_as_long_as_the_first_of_its_signals(api: Api) -> None:
    api.refresh(BAR)
    api.store.put_signal(a_signal("AAPL", bar_close=BAR + 300))
    api.now = BAR + 330
    assert held_for(api.get("/v1/signals?symbols=AAPL")) == 270
    assert held_for(api.get("/v1/signals?symbols=AAPL,BTC")) == 5
    assert held_for(api.get("/v1/signals?symbols=AAPL,BTC&min_confidence=99")) == 5


def test_while_an_answer_holds_no_signal_changes_its_worth() -> None:
    """At random moments of a week, weekend and nights among them, with signals and failures at random."""
    random = Random(7)
    for _ in range(3000):
        now = BAR + random.randrange(7 * 86_400)
        asset, timeframe = find_asset(random.choice(("AAPL", "BTC"))), random.choice(list(Timeframe))
        bar_close = (now - random.choice((0, 0, 300, 4000))) // timeframe.seconds * timeframe.seconds
        signal = a_signal(asset.symbol, timeframe, bar_close=bar_close) if random.random() < 0.8 else None
        failure = a_failure(now // 300 * 300) if random.random() < 0.3 else None
        record, hours = SignalRecord(asset, timeframe, signal, failure), market_hours(asset.market, now)
        judged = judge(record, hours, now)
        until = now + holds_for(changes_at(judged, hours, now), now)
        assert until > now
        assert judge(record, hours, until - 1).status is judged.status


def test_a_reader_who_has_the_answer_is_told_so_and_for_how_long(api: Api) -> None:
    api.refresh(BAR)
    first = api.get("/v1/signals")
    api.now += 10
    again = api.get("/v1/signals", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert held_for(again) == held_for(first) - 10


@pytest.mark.parametrize("given", ["W/{tag}", '"other", {tag}', "*"])
def test_tags_are_recognised_in_every_form_that_http_allows(api: Api, given: str) -> None:
    tag = api.get("/v1/signals").headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{24}"', tag), "strong, and quoted"
    assert api.get("/v1/signals", if_none_match=given.format(tag=tag)).status_code == 304


@pytest.mark.parametrize("given", ["", '"0123456789ab"', "W/", '"*"'])
def test_a_reader_who_has_something_else_is_answered(api: Api, given: str) -> None:
    assert api.get("/v1/signals", if_none_match=given).status_code == 200


def test_the_tag_changes_when_only_the_worth_changes(api: Api) -> None:
    api.refresh(BAR)
    tag = api.get("/v1/signals").headers["etag"]
    api.now = BAR + 390
    again = api.get("/v1/signals", if_none_match=tag)
    assert again.status_code == 200
    assert {signal["status"] for signal in again.json()["signals"]} == {"stale"}


def test_the_tag_changes_with_the_signal_its_model_and_the_last_attempt(api: Api) -> None:
    path = "/v1/signals?symbols=AAPL"
    tags = [api.get(path).headers["etag"]]
    writes: list[Callable[[], bool]] = [
        lambda: api.store.put_signal(a_signal()),
        lambda: api.store.put_signal(a_signal(revision="b" * 40)),
        lambda: api.store.note_attempt(AAPL, Timeframe.M5, a_failure(BAR + 300)),
        lambda: api.store.note_attempt(AAPL, Timeframe.M5, a_failure(BAR + 600, Status.BAD_DATA)),
        lambda: api.store.put_signal(a_signal(bar_close=BAR + 600)),
    ]
    for write in writes:
        assert write()
        tags.append(api.get(path).headers["etag"])
    assert len(set(tags)) == len(tags)


def test_answers_with_one_tag_are_one_text_and_answers_with_two_are_two() -> None:
    """Over a day of refreshes, failures and time passing, on every route that gives tags."""
    random = Random(11)
    api = Api(now=BAR)
    texts: dict[tuple[str, str], str] = {}
    routes = ("/v1/signals?symbols=AAPL,BTC", "/v1/signals/AAPL", "/v1/signals/AAPL/history?limit=3")
    for _ in range(50):
        api.now += random.randrange(200)
        bar_close = api.now // 300 * 300
        if random.random() < 0.5:
            api.refresh(bar_close, random.choice(list(Market)))
        elif random.random() < 0.5:
            api.store.note_attempt(AAPL, random.choice(list(Timeframe)), a_failure(bar_close))
        for route in routes:
            answer = api.get(route)
            assert texts.setdefault((route, answer.headers["etag"]), answer.text) == answer.text
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize("path", [*READ_PATHS, "/"])
def test_every_tag_is_of_the_answer_itself_so_that_another_form_of_it_has_another(
    api: Api, path: str
) -> None:
    """A deploy that writes the same signals in another form is confirmed to nobody who has the old form."""
    api.refresh(BAR)
    api.store.put_market(a_market("AAPL"))
    answer = api.client.get(path)
    assert answer.status_code == 200
    if answer.headers["cache-control"] == "no-store":
        assert "etag" not in answer.headers
    else:
        assert answer.headers["etag"] == entity_tag(answer.text)


def test_the_tag_is_the_same_in_another_process(api: Api) -> None:
    api.refresh(BAR)
    other = Api()
    other.refresh(BAR)
    assert api.get("/v1/signals").headers["etag"] == other.get("/v1/signals").headers["etag"]


def test_the_newest_page_of_a_history_holds_until_the_next_bar_and_older_pages_longer(api: Api) -> None:
    for bars_ago in range(4):
        api.refresh(BAR - 300 * bars_ago)
    newest = api.get("/v1/signals/AAPL/history?limit=2")
    assert held_for(newest) == 270
    older = api.get(f"/v1/signals/AAPL/history?limit=2&cursor={newest.json()['next_cursor']}")
    assert held_for(older) == 300


def test_the_list_of_assets_is_kept_for_an_hour(api: Api) -> None:
    answer = api.get("/v1/assets")
    assert held_for(answer) == 3600
    assert api.get("/v1/assets", if_none_match=answer.headers["etag"]).status_code == 304


@pytest.mark.parametrize("path", ["/v1/signals?symbols=GME", "/v1/signals?limit=1", "/nowhere", "/v1/health"])
def test_no_cache_keeps_an_error_or_the_health(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code >= 400
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
