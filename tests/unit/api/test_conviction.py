"""A planted market: where signals were right by more than chance, the extension says so, and only there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.signals import CLASSES, Action, Signal
from growfolio.domain.times import DAY
from growfolio.errors import TemporaryStoreError
from growfolio.record.entries import SCORED, Entry, entry_of
from growfolio.record.keeping import RecordKeeper
from growfolio.record.ledger import Ledger
from growfolio.storage.objects import MemoryObjects
from growfolio.storage.records import StoredRecord

from tests.fakes.memory_store import MemoryStore
from tests.samples import BAR, a_signal
from tests.unit.api.conftest import Api

M15 = Timeframe.M15
DAYS = 20
MOVING = Decimal("0.2")
"""A volatility whose moves pay their cost."""


def leaning(symbol: str, sell: str, buy: str) -> Signal:
    shares = (Decimal(sell), 1 - Decimal(sell) - Decimal(buy), Decimal(buy))
    signal = a_signal(symbol, M15, action=CLASSES[shares.index(max(shares))])
    facts = replace(signal.facts, volatility_pct=MOVING)
    return replace(signal, probabilities=shares, confidence=100 * max(shares), facts=facts)


def past(signal: Signal, right: Sequence[int]) -> Iterator[Entry]:
    """Ten bars a day of signals like this one; day by day so many went its way, the others opposite."""
    opposite = {Action.BUY: "SELL", Action.SELL: "BUY"}[signal.action]
    for day in range(1, DAYS + 1):
        for bar in range(10):
            made = entry_of(replace(signal, bar_close=BAR - day * DAY + 900 * bar))
            happened = signal.action.value if bar < right[day % len(right)] else opposite
            yield replace(made, status=SCORED, outcome=happened, change=0.0, log_loss=1.0)


def asked(api: Api, **body: Any) -> dict[str, Any]:
    answer = api.post("/analyze_trader_type", {"trader_type": "day_trader", "timeframe": "15min", **body})
    found: dict[str, Any] = answer.json()["analysis"]
    return found


def planted(api: Api, *kinds: tuple[Signal, Sequence[int]]) -> None:
    """Signals of now, and a record in which those like them were right so many times in ten."""
    ledger = Ledger(MemoryObjects(), Market.STOCKS)
    for signal, right in kinds:
        ledger.add(past(signal, right))
        api.store.put_signal(signal)
    RecordKeeper(ledger, api.store, Market.STOCKS).update(BAR + 5)


def test_a_known_edge_reaches_weak_and_strong_and_chance_neither(api: Api) -> None:
    strong, even = leaning("AAPL", "0.10", "0.70"), leaning("MSFT", "0.52", "0.20")
    planted(api, (strong, [7]), (even, [5]))
    first, second = asked(api)["predictions"]
    assert (first["ticker"], first["conviction"]) == ("AAPL", "strong")
    assert first["like"] == {"n": 200, "right": 140, "opposite": 60}
    assert (second["ticker"], second["conviction"]) == ("MSFT", "none")
    assert first["expected_move_pct"] > first["break_even_pct"] > 0


@pytest.mark.parametrize(
    ("right", "conviction"),
    [([4], "none"), ([5], "none"), ([8, 3, 3, 8], "none"), ([6, 5, 5, 6], "weak"), ([6], "strong")],
)
def test_conviction_follows_how_often_signals_like_it_were_right(
    api: Api, right: Sequence[int], conviction: str
) -> None:
    planted(api, (leaning("AAPL", "0.10", "0.70"), right))
    (one,) = asked(api)["predictions"]
    assert one["conviction"] == conviction


def test_the_ones_without_conviction_come_last_however_far_they_lean(api: Api) -> None:
    planted(api, (leaning("MSFT", "0.01", "0.98"), [5]), (leaning("AAPL", "0.50", "0.15"), [7]))
    assert [one["ticker"] for one in asked(api)["predictions"]] == ["AAPL", "MSFT"]


def test_sentiment_leans_on_all_signals_with_conviction_shown_or_not_and_on_no_others(api: Api) -> None:
    bearish = [(leaning(symbol, "0.50", "0.15"), [7]) for symbol in ("AAPL", "NVDA", "AMZN", "META")]
    planted(api, (leaning("MSFT", "0.01", "0.98"), [5]), (leaning("TSLA", "0.05", "0.55"), [8]), *bearish)
    given = asked(api, limit=1)
    assert [one["ticker"] for one in given["predictions"]] == ["TSLA"]
    assert given["market_sentiment"] == "bearish"


def test_a_record_of_another_revision_says_nothing_of_these_models(api: Api) -> None:
    signal = leaning("AAPL", "0.10", "0.70")
    planted(api, (signal, [8]))
    other = replace(signal, model=replace(signal.model, revision="f" * 40), generated_at=BAR + 9)
    assert api.store.put_signal(other)
    (one,) = asked(api)["predictions"]
    assert (one["conviction"], one["like"]) == ("none", None)


def test_without_a_record_predictions_are_given_all_the_same() -> None:
    class Throttled(MemoryStore):
        def record(self, market: Market, timeframe: Timeframe) -> StoredRecord | None:
            raise TemporaryStoreError("throttled")

    api = Api(Throttled())
    api.store.put_signal(leaning("AAPL", "0.10", "0.70"))
    (one,) = asked(api)["predictions"]
    assert (one["conviction"], one["move"], one["like"]) == ("none", "normal", None)


@pytest.mark.parametrize(
    ("signal", "right", "said"),
    [
        (
            leaning("AAPL", "0.10", "0.70"),
            [5],
            "No edge in direction: in the last month 100 of 200 signals like it were right and 100 went",
        ),
        (leaning("AAPL", "0.10", "0.70"), [7], None),
        (leaning("AAPL", "0.10", "0.55"), [], "No edge in direction is known: too few signals like it"),
    ],
)
def test_the_explanation_says_in_plain_words_where_there_is_no_edge(
    api: Api, signal: Signal, right: Sequence[int], said: str | None
) -> None:
    if right:
        planted(api, (signal, right))
    api.store.put_signal(signal)
    answer = api.post("/recommend_stock", {"stock_name": "AAPL"}).json()
    assert (said or "") in answer["gemini_explanation"]
    assert ("No edge" in answer["gemini_explanation"]) is (said is not None)
