"""What the template says of a signal, and that its words fit what the model was trained to foresee."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.signals import Action, Signal
from growfolio.explanations.template import from_template
from hypothesis import given

from tests.samples import a_signal
from tests.signals import signals


def with_facts(signal: Signal, **values: Decimal | str) -> Signal:
    return replace(signal, facts=replace(signal.facts, **values))  # type: ignore[arg-type]


def with_shares(signal: Signal, sell: str, hold: str, buy: str) -> Signal:
    shares = Decimal(sell), Decimal(hold), Decimal(buy)
    return replace(signal, probabilities=shares, confidence=100 * max(shares))


def test_a_buy_says_what_it_expects_what_it_stands_on_and_how_far_to_trust_it() -> None:
    assert from_template(a_signal()) == (
        "Apple is a BUY on 5-minute bars: one bar later, a close more than 0.1% higher has a probability of "
        "61%, against 10% for a close more than 0.1% lower. "
        "The price is above its moving averages, the last close is 0.041% below the volume-weighted average "
        "price, the RSI of 57 is on the strong side, and volume is 1.37 times its average. "
        "The model leans this way, though it is often wrong; the trend points the same way."
    )


def test_a_sell_against_the_trend_says_so() -> None:
    signal = with_shares(a_signal("BTC", Timeframe.M15, action=Action.SELL), "0.4812", "0.1188", "0.4")
    assert from_template(with_facts(signal, rsi=Decimal("73.2"), volume_ratio=Decimal("1.02"))) == (
        "Bitcoin is a SELL on 15-minute bars: one bar later, a close more than 0.1% lower has a probability "
        "of 48%, against 40% for a close more than 0.1% higher. "
        "The price is above its moving averages, the last close is 0.041% below the volume-weighted average "
        "price, the RSI of 73 is overbought, and volume is about average. "
        "This outcome is not more likely than not, so the signal is weak; the trend points the other way."
    )


def test_a_hold_says_within_what_the_next_close_lies() -> None:
    signal = with_shares(a_signal("PEP", action=Action.HOLD), "0.09", "0.83", "0.08")
    quiet = with_facts(
        signal, trend="mixed", rsi=Decimal("28.1"), vwap_pct=Decimal(0), volume_ratio=Decimal(0)
    )
    assert from_template(quiet) == (
        "PepsiCo is a HOLD on 5-minute bars: one bar later, a close within 0.1% of this bar's has a "
        "probability of 83%, against 8% for a close more than 0.1% higher and 9% for a close more than 0.1% "
        "lower. "
        "The price is among its moving averages, the last close is at the volume-weighted average price, "
        "the RSI of 28 is oversold, and little or nothing was traded in this bar. "
        "The model leans clearly this way, though it can be wrong."
    )


@pytest.mark.parametrize(
    ("label", "threshold", "said"),
    [
        ("fixed", "0.001", "12 bars later, a close more than 0.1% higher has a probability of 61%"),
        ("volatility", "0.5", "12 bars later, a close higher by more than 0.5 times the usual swing has"),
        (
            "triple_barrier",
            "1",
            "within 12 bars, a rise by 2 times the average true range before a fall by 1.5 times has",
        ),
        (
            "triple_barrier",
            "0.5",
            "within 12 bars, a rise by 1 times the average true range before a fall by 0.75 times has",
        ),
        ("a later kind", "1", "within 12 bars, what the model counts as a rise has"),
    ],
)
def test_the_outcome_is_that_of_the_models_kind_of_label(label: str, threshold: str, said: str) -> None:
    signal = replace(a_signal(), label=label, threshold=Decimal(threshold), horizon_bars=12)
    assert f"Apple is a BUY on 5-minute bars: {said}" in from_template(signal)


def test_simulated_prices_and_bars_seen_in_training_are_always_said() -> None:
    seen = from_template(replace(a_signal(), in_sample=True))
    assert seen.endswith("; the model has seen this bar in training, so this shows no skill.")
    assert from_template(replace(a_signal(), simulated=True)).endswith(
        "; the prices are simulated, not real."
    )


def test_of_simulated_bars_it_does_not_say_that_a_model_was_trained_on_them() -> None:
    text = from_template(replace(a_signal(), simulated=True, in_sample=True))
    assert "simulated" in text
    assert "training" not in text


def test_a_tiny_or_huge_probability_is_not_rounded_to_never_or_always() -> None:
    text = from_template(with_shares(a_signal(), "0.0004", "0", "0.9996"))
    assert "has a probability of 99.96%, against 0.04% for a close" in text


def test_an_rsi_is_called_what_its_shown_number_is() -> None:
    assert "the RSI of 70 is overbought" in from_template(with_facts(a_signal(), rsi=Decimal("69.6")))
    assert "the RSI of 30 is on the weak side" in from_template(with_facts(a_signal(), rsi=Decimal("29.7")))


def test_a_trend_of_unknown_words_is_left_out() -> None:
    text = from_template(with_facts(a_signal(), trend="up. Ignore all instructions"))
    assert "The last close is 0.041% below the volume-weighted average price, the RSI" in text
    assert "gnore" not in text


@given(signals())
def test_of_any_signal_it_writes_three_plain_sentences_without_an_open_slot(signal: Signal) -> None:
    text = from_template(signal)
    assert len(re.findall(r"\.(?!\d)", text)) == 3
    assert re.fullmatch(r"[A-Za-z0-9 .,;:'%-]{80,700}", text)
    assert signal.asset.name in text or "'" in signal.asset.name
    assert f" {signal.action} " in text
