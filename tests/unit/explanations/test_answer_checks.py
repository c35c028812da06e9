"""What becomes of a language model's answer: only statements that are true of the signal reach a reader."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.signals import Action, Signal
from growfolio.errors import BadExplanation
from growfolio.explanations.answer_checks import explanation_from
from growfolio.explanations.statements import CATALOGUE, compose, offers
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import a_signal
from tests.signals import signals

SIGNAL = a_signal()
GOOD = ["verdict_move", "rsi", "trend_up", "lean_likely"]


def test_the_chosen_statements_become_three_sentences_in_their_order() -> None:
    assert explanation_from(json.dumps(GOOD), SIGNAL) == (
        "Apple is a BUY on 5-minute bars: one bar later, a close more than 0.1% higher has a probability of "
        "61%, against 10% for a close more than 0.1% lower. "
        "The RSI of 57 is on the strong side and the price is above its moving averages. "
        "The model leans this way, though it is often wrong."
    )


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Apple is a BUY.",
        json.dumps("rsi"),
        json.dumps({"ids": GOOD}),
        json.dumps([GOOD]),
        json.dumps([*GOOD, 7]),
        json.dumps([*GOOD, None]),
        f"```json\n{json.dumps(GOOD)}\n```",
        f"{json.dumps(GOOD)} The price can only go up.",
        "[" * 100_000,
        "NaN",
    ],
)
def test_anything_but_a_json_array_of_texts_is_refused(answer: str) -> None:
    with pytest.raises(BadExplanation, match="no JSON array of statement ids"):
        explanation_from(answer, SIGNAL)


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ([*GOOD, "the price can only go up"], "not offered"),
        ([*GOOD[:-1], "trend_down", "lean_likely"], "not offered"),
        ([*GOOD[:-1], "lean_clear"], "not offered"),
        (["verdict_hold", *GOOD[1:]], "not offered"),
        ([*GOOD, "rsi"], "two things about one topic: rsi"),
        (["verdict_three", *GOOD], "two things about one topic: verdict"),
        (GOOD[1:], "0 statements for sentence 1, not 1 to 1"),
        (["verdict_move", "rsi", "lean_likely"], "1 statements for sentence 2, not 2 to 4"),
        ([*GOOD, "vwap_below", "volume_unusual", "volatility"], "5 statements for sentence 2, not 2 to 4"),
        (GOOD[:-1], "0 statements for sentence 3"),
        ([*GOOD[:-1], "trend_agrees"], "leaves out what must be said: lean_likely"),
        ([], "0 statements for sentence 1"),
    ],
)
def test_an_answer_that_chooses_badly_is_refused(ids: list[str], reason: str) -> None:
    with pytest.raises(BadExplanation, match=reason):
        explanation_from(json.dumps(ids), SIGNAL)


@pytest.mark.parametrize(
    ("signal", "required"),
    [
        (replace(SIGNAL, simulated=True), "simulated"),
        (replace(SIGNAL, in_sample=True), "in_sample"),
        (replace(SIGNAL, caveats=("the price is disputed",)), "caveats"),
        (replace(SIGNAL, facts=replace(SIGNAL.facts, trend="down")), "trend_disagrees"),
    ],
)
def test_what_must_be_said_is_required(signal: Signal, required: str) -> None:
    ids = ["verdict_move", "rsi", "volume_unusual", "lean_likely"]
    with pytest.raises(BadExplanation, match=f"leaves out what must be said: {required}"):
        explanation_from(json.dumps(ids), signal)
    assert explanation_from(json.dumps([*ids, required]), signal)


def test_the_error_quotes_nothing_of_the_answer() -> None:
    for answer in ("visit evil.example", json.dumps([*GOOD, "visit evil.example"])):
        with pytest.raises(BadExplanation) as fault:
            explanation_from(answer, SIGNAL)
        assert "evil" not in str(fault.value)


@given(signals(), st.lists(st.sampled_from([statement.id for statement in CATALOGUE]), max_size=10))
def test_of_any_choice_only_statements_that_hold_are_made(signal: Signal, ids: list[str]) -> None:
    offered = {offer.statement.id: offer for offer in offers(signal)}
    try:
        text = explanation_from(json.dumps(ids), signal)
    except BadExplanation:
        return
    assert text == compose([offered[id] for id in ids])


@given(signals())
def test_of_any_signal_each_topic_is_offered_at_most_once_but_for_the_verdict(signal: Signal) -> None:
    topics = [offer.statement.topic for offer in offers(signal) if offer.statement.topic != "verdict"]
    assert len(topics) == len(set(topics))
    assert topics.count("lean") == 1


def test_every_statement_of_the_catalogue_is_offered_for_some_signal() -> None:
    facts = SIGNAL.facts
    shares = Decimal("0.3"), Decimal("0.4"), Decimal("0.3")
    some = [
        SIGNAL,
        a_signal(action=Action.HOLD),
        replace(SIGNAL, simulated=True, class_shares=shares, caveats=("disputed",)),
        replace(SIGNAL, in_sample=True, probabilities=(Decimal(0), Decimal(0), Decimal(1))),
        replace(SIGNAL, facts=replace(facts, trend="down", vwap_pct=Decimal(1), volume_ratio=Decimal(0))),
        replace(SIGNAL, facts=replace(facts, trend="mixed", vwap_pct=Decimal(0), volume_ratio=Decimal(1))),
    ]
    seen = {offer.statement.id for signal in some for offer in offers(signal)}
    assert seen == {statement.id for statement in CATALOGUE}
    assert len(CATALOGUE) == len(seen)
