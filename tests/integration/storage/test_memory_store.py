"""The store that tests use in memory does what the table does, write by write."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from growfolio.domain.assets import ASSETS, Market, Timeframe, find_asset
from growfolio.domain.calendar import MarketHours, Session
from growfolio.domain.signals import Action, Price, Status
from growfolio.domain.times import HOUR
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.records import Explanation, MarketRecord, Outcome, StoredRecord

from tests.dynamodb import FreshTable
from tests.fakes.memory_store import MemoryStore
from tests.samples import BAR, a_failure, a_signal

AAPL, BTC = find_asset("AAPL"), find_asset("BTC")


def a_write(random: Random) -> Callable[[DynamoStore | MemoryStore], object]:
    """One write of any kind, of few enough bars, revisions and moments that many of them collide."""
    asset = random.choice((AAPL, BTC))
    timeframe = random.choice(list(Timeframe))
    bar = BAR + 900 * random.randrange(3)
    moment = bar + random.randrange(3)
    signal = a_signal(
        asset.symbol, timeframe, bar_close=bar, revision=random.choice("ab") * 40, generated_at=moment
    )
    failure = replace(
        a_failure(bar, random.choice((Status.NO_DATA, Status.BAD_DATA, Status.NO_MODEL))), at=moment
    )
    candle = (bar - random.choice((0, 300)), "1", "2", "1", "2", str(moment))
    price = Price(Decimal(random.choice((1, 2))), bar, "replay close")
    session = Session(bar, bar + 900)
    told = Explanation(asset, timeframe, bar, Action.BUY, random.choice("xyz"), "template", moment)
    record = StoredRecord(asset.market, timeframe, bar, moment, f'{{"market": "{moment}"}}', "[]")
    first = random.choice((None, "buy"))
    outcome = Outcome("scored", "", "BUY", float(moment % 7), first, None, None)
    outcomes = {(asset.symbol, bar): outcome}
    return random.choice(
        (
            lambda store: store.put_signal(signal),
            lambda store: store.put_history(signal),
            lambda store: store.note_attempt(asset, timeframe, failure),
            lambda store: store.put_market(MarketRecord(asset, price, (candle,))),
            lambda store: store.put_hours(MarketHours(asset.market, (session,))),
            lambda store: store.put_explanation(told),
            lambda store: store.put_record(record),
            lambda store: store.put_outcomes(asset.market, timeframe, bar - bar % HOUR, outcomes),
            lambda store: store.count_call("explain", bar, limit=3),
        )
    )


def all_of(store: DynamoStore | MemoryStore) -> dict[str, object]:
    """Everything that readers can ask for."""
    pairs = [(asset, timeframe) for asset in (AAPL, BTC) for timeframe in Timeframe]
    return {
        "signals": [store.signals(timeframe) for timeframe in Timeframe],
        "explanations": [store.explanations(timeframe) for timeframe in Timeframe],
        "markets": store.markets(ASSETS),
        "records": [store.record(market, timeframe) for market in Market for timeframe in Timeframe],
        "outcomes": [store.outcomes(market, tf, BAR, BAR + HOUR) for market in Market for tf in Timeframe],
        "hours": [store.hours(market) for market in Market],
        "history": [store.history(*pair, 10) for pair in pairs],
        "first page": [store.history(*pair, 1) for pair in pairs],
        "second page": [store.history(*pair, 1, BAR + 900) for pair in pairs],
    }


@pytest.mark.parametrize("seed", range(10))
def test_after_any_writes_readers_of_both_stores_see_the_same(seed: int, moto_table: FreshTable) -> None:
    random = Random(seed)
    table, memory = DynamoStore(moto_table.name, moto_table.client), MemoryStore()
    for _ in range(40):
        write = a_write(random)
        assert write(memory) == write(table)
    assert all_of(memory) == all_of(table)
