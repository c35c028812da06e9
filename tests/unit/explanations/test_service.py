"""Which signals are explained, by whom, and what that may cost."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from growfolio.domain.assets import Market, Timeframe, assets_of, find_asset
from growfolio.domain.signals import Action, Signal, SignalRecord
from growfolio.domain.times import HOUR
from growfolio.errors import BadExplanation, PermanentExplainError, StoreError, TemporaryExplainError
from growfolio.explanations.answer_checks import explanation_from
from growfolio.explanations.prompt import offer_of
from growfolio.explanations.service import FAILURES, REST, Explainer, explain_changed
from growfolio.explanations.template import from_template
from growfolio.storage.records import Explanation

from tests.fakes.gemini_server import chosen
from tests.fakes.memory_store import MemoryStore
from tests.fakes.writer import FixedWriter
from tests.samples import BAR, a_failure, a_signal

NOW = BAR + 20
BUDGET = 60
AAPL = find_asset("AAPL")


class World:
    """A table and a language model."""

    def __init__(self, writer: FixedWriter | None = None, calls_per_hour: int = BUDGET) -> None:
        self.store = MemoryStore()
        self.explainer = Explainer(self.store, writer, calls_per_hour)

    def explain(self, *signals: Signal, now: int = NOW, hurried: bool = False) -> tuple[str, ...]:
        """Explains; gives the notes."""
        records = [SignalRecord(signal.asset, signal.timeframe, signal, None) for signal in signals]
        return explain_changed(self.store, self.explainer, records, now, lambda: hurried).notes

    def told(self, symbol: str = "AAPL", timeframe: Timeframe = Timeframe.M5) -> Explanation:
        return next(e for e in self.store.explanations(timeframe) if e.asset.symbol == symbol)


@pytest.fixture
def writer() -> FixedWriter:
    return FixedWriter(chosen)


def many() -> Iterator[Signal]:
    """A signal of every stock on both timeframes."""
    return (
        a_signal(asset.symbol, timeframe) for asset in assets_of(Market.STOCKS) for timeframe in Timeframe
    )


def test_without_a_language_model_the_template_explains_and_says_so() -> None:
    world = World()
    signals = list(many())
    assert world.explain(*signals) == ()
    for signal in signals:
        told = world.told(signal.asset.symbol, signal.timeframe)
        assert (told.text, told.source) == (from_template(signal), "template")
        assert (told.bar_close, told.action, told.written_at) == (BAR, Action.BUY, NOW)


def test_a_good_answer_is_stored_beside_its_signal(writer: FixedWriter) -> None:
    world = World(writer)
    world.explain(a_signal())
    text = explanation_from(chosen(offer_of(a_signal())), a_signal())
    assert world.told() == Explanation(AAPL, Timeframe.M5, BAR, Action.BUY, text, "gemini", NOW)
    assert text != from_template(a_signal())


def test_a_signal_whose_action_stays_is_explained_again_after_an_hour_only(writer: FixedWriter) -> None:
    world = World(writer)
    for bar in range(BAR, BAR + HOUR, 300):
        world.explain(a_signal(bar_close=bar), now=bar + 20)
    assert len(writer.asked) == 1
    world.explain(a_signal(bar_close=BAR + HOUR), now=BAR + HOUR + 20)
    assert len(writer.asked) == 2
    assert world.told().bar_close == BAR + HOUR


def test_a_signal_whose_action_changed_is_explained_at_once() -> None:
    world = World()
    world.explain(a_signal())
    world.explain(a_signal(bar_close=BAR + 300, action=Action.SELL), now=NOW + 300)
    assert (world.told().action, world.told().bar_close) == (Action.SELL, BAR + 300)


def test_another_revisions_action_for_the_same_bar_is_explained() -> None:
    world = World()
    world.explain(a_signal())
    world.explain(a_signal(revision="b" * 40, generated_at=BAR + 65, action=Action.SELL), now=NOW + 60)
    assert world.told().action is Action.SELL


def test_a_record_that_comes_twice_or_late_changes_nothing_and_costs_nothing(writer: FixedWriter) -> None:
    world = World(writer)
    world.explain(a_signal())
    newest = world.told()
    world.explain(a_signal(), now=NOW + 60)
    world.explain(a_signal(bar_close=BAR - 300, action=Action.SELL), now=NOW + 120)
    assert world.told() == newest
    assert len(writer.asked) == 1


def test_of_several_signals_in_a_batch_only_the_newest_is_explained(writer: FixedWriter) -> None:
    world = World(writer)
    world.explain(a_signal(bar_close=BAR), a_signal(bar_close=BAR + 300), a_signal(bar_close=BAR - 300))
    assert world.told().bar_close == BAR + 300
    assert len(writer.asked) == 1


def test_a_record_without_a_signal_is_none_to_explain() -> None:
    store = MemoryStore()
    failure = SignalRecord(AAPL, Timeframe.M5, None, a_failure())
    report = explain_changed(store, Explainer(store, None, 0), [failure], NOW)
    assert (report.written, report.unchanged, report.failed) == ({}, 0, {})
    assert store.reads == []


def test_a_bad_answer_is_replaced_by_the_template_with_the_reason_noted(writer: FixedWriter) -> None:
    writer.answer = "Buy now! It will double."
    world = World(writer)
    assert world.explain(a_signal()) == (
        "the template explains AAPL 5m: the answer is no JSON array of statement ids",
    )
    assert (world.told().text, world.told().source) == (from_template(a_signal()), "template")


def test_no_more_calls_are_made_in_an_hour_than_the_budget_allows(writer: FixedWriter) -> None:
    world = World(writer, calls_per_hour=10)
    signals = list(many())
    (note,) = world.explain(*signals)
    assert len(writer.asked) == 10
    assert note.endswith("the budget of 10 calls in this hour is used up")
    sources = [told.source for timeframe in Timeframe for told in world.store.explanations(timeframe)]
    assert len(sources) == len(signals)


def test_another_process_shares_the_budget_and_the_next_hour_has_its_own(writer: FixedWriter) -> None:
    world = World(writer, calls_per_hour=1)
    world.explain(a_signal("AAPL"))
    other = Explainer(world.store, writer, 1)
    msft = a_signal("MSFT")
    records = [SignalRecord(msft.asset, msft.timeframe, msft, None)]
    assert explain_changed(world.store, other, records, NOW).written == {"template": 1}
    top_of_the_hour = NOW - NOW % HOUR + HOUR
    world.explain(a_signal("AMD"), now=top_of_the_hour - 1)
    assert len(writer.asked) == 1
    world.explain(a_signal("TSLA"), now=top_of_the_hour)
    assert len(writer.asked) == 2


def test_after_failures_in_a_row_the_language_model_is_left_alone_for_a_while(writer: FixedWriter) -> None:
    writer.answer = TemporaryExplainError("Gemini answered 503")
    world = World(writer)
    notes = world.explain(*many())
    assert len(writer.asked) == FAILURES
    assert [note.rpartition(": ")[2] for note in notes] == [
        "Gemini answered 503",
        "gemini is left alone after its last answers",
    ]
    writer.answer = chosen
    world.explain(a_signal(bar_close=BAR + 300, action=Action.SELL), now=NOW + REST - 1)
    assert len(writer.asked) == FAILURES
    world.explain(a_signal(bar_close=BAR + 600, action=Action.HOLD), now=NOW + REST)
    assert len(writer.asked) == FAILURES + 1


def test_an_error_that_asking_again_does_not_mend_is_met_once(writer: FixedWriter) -> None:
    writer.answer = PermanentExplainError("Gemini refuses the key: put a valid one into /explain-key")
    world = World(writer)
    assert world.explain(*many())[0] == (
        "the template explains AAPL 5m: Gemini refuses the key: put a valid one into /explain-key"
    )
    assert len(writer.asked) == 1


def test_bad_answers_are_no_failures_of_the_language_model(writer: FixedWriter) -> None:
    writer.answer = BadExplanation("Gemini did not finish its answer")
    world = World(writer)
    world.explain(*many())
    assert len(writer.asked) == len(list(many()))


def test_in_a_hurry_the_template_explains(writer: FixedWriter) -> None:
    world = World(writer)
    world.explain(a_signal(), hurried=True)
    assert (world.told().source, writer.asked) == ("template", [])


def test_an_answer_that_comes_late_never_replaces_a_newer_explanation() -> None:
    world = World()

    class SlowWriter(FixedWriter):
        def choose(self, instructions: str, offer: str) -> str:
            newer = a_signal(bar_close=BAR + 300, action=Action.SELL)
            World.explain(world, newer, now=NOW + 300)
            return super().choose(instructions, offer)

    slow = Explainer(world.store, SlowWriter(chosen), BUDGET)
    record = SignalRecord(AAPL, Timeframe.M5, a_signal(), None)
    report = explain_changed(world.store, slow, [record], NOW)
    assert (world.told().bar_close, world.told().action) == (BAR + 300, Action.SELL)
    assert (report.written, report.unchanged) == ({}, 1)


class RefusingStore(MemoryStore):
    """Refuses one kind of request for one asset or timeframe."""

    def put_explanation(self, explanation: Explanation) -> bool:
        if explanation.asset == AAPL:
            raise StoreError("throttled")
        return super().put_explanation(explanation)

    def explanations(self, timeframe: Timeframe) -> list[Explanation]:
        if timeframe is Timeframe.M15:
            raise StoreError("cannot be read")
        return super().explanations(timeframe)


def test_what_the_store_refuses_is_reported_and_keeps_nobody_else_from_being_explained() -> None:
    store = RefusingStore()
    signals = [a_signal("AAPL"), a_signal("MSFT"), a_signal("AMD", Timeframe.M15)]
    records = [SignalRecord(signal.asset, signal.timeframe, signal, None) for signal in signals]
    report = explain_changed(store, Explainer(store, None, 0), records, NOW)
    assert {(asset.symbol, timeframe): str(fault) for (asset, timeframe), fault in report.failed.items()} == {
        ("AAPL", "5m"): "throttled",
        ("AMD", "15m"): "cannot be read",
    }
    assert [told.asset.symbol for told in store.explanations(Timeframe.M5)] == ["MSFT"]


def test_a_budget_that_cannot_be_counted_is_not_spent(writer: FixedWriter) -> None:
    class Uncounting(MemoryStore):
        def count_call(self, budget: str, window: int, limit: int) -> bool:
            raise StoreError("throttled")

    store = Uncounting()
    record = SignalRecord(AAPL, Timeframe.M5, replace(a_signal()), None)
    report = explain_changed(store, Explainer(store, writer, BUDGET), [record], NOW)
    assert (list(report.failed), writer.asked) == ([(AAPL, Timeframe.M5)], [])
