"""Every statement that an explanation may make, and how statements become three sentences.

A statement is offered only where its condition holds, and its numbers are computed from the signal, so
each offered statement is true. A new statement is one entry of CATALOGUE: its id, its sentence, its
topic, its text with slots of signal_text.slots, and its condition.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from growfolio.domain.signals import Action, Signal
from growfolio.explanations.signal_text import own_share, slots

CLEAR, LIKELY = Decimal("0.65"), Decimal("0.5")
"""From CLEAR on the model leans clearly; above LIKELY its outcome is more likely than not."""
QUIET, BUSY = Decimal("0.9"), Decimal("1.1")
"""Volume between these multiples of its average is about average."""
AGREEING = {Action.BUY: "up", Action.SELL: "down"}


class Sentence(IntEnum):
    """What each of the three sentences is about."""

    VERDICT = 1
    GROUNDS = 2
    TRUST = 3


AT_MOST = {Sentence.VERDICT: 1, Sentence.GROUNDS: 4, Sentence.TRUST: 5}
AT_LEAST = {Sentence.VERDICT: 1, Sentence.GROUNDS: 2, Sentence.TRUST: 1}


@dataclass(frozen=True, slots=True)
class Statement:
    """A clause that may be said of a signal. Of one topic an explanation makes one statement."""

    id: str
    sentence: Sentence
    topic: str
    text: str
    applies: Callable[[Signal], bool] = lambda _: True
    required: bool = False
    """An explanation that leaves it out is refused where it applies."""
    in_template: bool = True
    """Whether the template makes it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A statement that is true of one signal, with its slots filled in."""

    statement: Statement
    text: str


def _trend(*words: str) -> Callable[[Signal], bool]:
    return lambda signal: signal.facts.trend in words


def _beside_trend(agrees: bool) -> Callable[[Signal], bool]:
    def applies(signal: Signal) -> bool:
        own, trend = AGREEING.get(signal.action), signal.facts.trend
        return own is not None and trend in AGREEING.values() and (trend == own) is agrees

    return applies


CATALOGUE = (
    Statement(
        "verdict_move", Sentence.VERDICT, "verdict",
        "{name} is a {action} on {minutes}-minute bars: {when}, {own} has a probability of {own_chance}, "
        "against {opposite_chance} for {opposite}",
        lambda signal: signal.action is not Action.HOLD,
    ),
    Statement(
        "verdict_hold", Sentence.VERDICT, "verdict",
        "{name} is a {action} on {minutes}-minute bars: {when}, {flat} has a probability of {hold}, "
        "against {buy} for {up} and {sell} for {down}",
        lambda signal: signal.action is Action.HOLD,
    ),
    Statement(
        "verdict_three", Sentence.VERDICT, "verdict",
        "the model says {action} for {name} on {minutes}-minute bars: {when}, it gives {buy} to {up}, "
        "{sell} to {down} and {hold} to {flat}",
        in_template=False,
    ),
    Statement("trend_up", Sentence.GROUNDS, "trend", "the price is above its moving averages", _trend("up")),
    Statement(
        "trend_down", Sentence.GROUNDS, "trend", "the price is below its moving averages", _trend("down")
    ),
    Statement(
        "trend_mixed", Sentence.GROUNDS, "trend", "the price is among its moving averages", _trend("mixed")
    ),
    Statement(
        "vwap_above", Sentence.GROUNDS, "vwap",
        "the last close is {vwap}% above the volume-weighted average price",
        lambda signal: signal.facts.vwap_pct > 0,
    ),
    Statement(
        "vwap_below", Sentence.GROUNDS, "vwap",
        "the last close is {vwap}% below the volume-weighted average price",
        lambda signal: signal.facts.vwap_pct < 0,
    ),
    Statement(
        "vwap_at", Sentence.GROUNDS, "vwap", "the last close is at the volume-weighted average price",
        lambda signal: not signal.facts.vwap_pct,
    ),
    Statement("rsi", Sentence.GROUNDS, "rsi", "the RSI of {rsi} is {rsi_range}"),
    Statement(
        "volume_none", Sentence.GROUNDS, "volume", "little or nothing was traded in this bar",
        lambda signal: not signal.facts.volume_ratio,
    ),
    Statement(
        "volume_average", Sentence.GROUNDS, "volume", "volume is about average",
        lambda signal: QUIET <= signal.facts.volume_ratio <= BUSY,
    ),
    Statement(
        "volume_unusual", Sentence.GROUNDS, "volume", "volume is {volume} times its average",
        lambda signal: signal.facts.volume_ratio != 0 and not QUIET <= signal.facts.volume_ratio <= BUSY,
    ),
    Statement(
        "typical_bar", Sentence.GROUNDS, "typical_bar", "a typical bar spans {atr}% of the price",
        in_template=False,
    ),
    Statement(
        "volatility", Sentence.GROUNDS, "volatility",
        "returns of single bars have a standard deviation of {volatility}%",
        in_template=False,
    ),
    Statement(
        "lean_clear", Sentence.TRUST, "lean", "the model leans clearly this way, though it can be wrong",
        lambda signal: own_share(signal) >= CLEAR, required=True,
    ),
    Statement(
        "lean_likely", Sentence.TRUST, "lean", "the model leans this way, though it is often wrong",
        lambda signal: LIKELY < own_share(signal) < CLEAR, required=True,
    ),
    Statement(
        "lean_weak", Sentence.TRUST, "lean",
        "this outcome is not more likely than not, so the signal is weak",
        lambda signal: own_share(signal) <= LIKELY, required=True,
    ),
    Statement(
        "trend_agrees", Sentence.TRUST, "beside", "the trend points the same way", _beside_trend(True)
    ),
    Statement(
        "trend_disagrees", Sentence.TRUST, "beside", "the trend points the other way",
        _beside_trend(False), required=True,
    ),
    Statement(
        "base_rate", Sentence.TRUST, "base_rate", "in training, {base} of bars had this outcome",
        lambda signal: signal.class_shares is not None, in_template=False,
    ),
    Statement(
        "simulated", Sentence.TRUST, "origin", "the prices are simulated, not real",
        lambda signal: signal.simulated, required=True,
    ),
    Statement(
        "in_sample", Sentence.TRUST, "origin",
        "the model has seen this bar in training, so this shows no skill",
        # No model has seen simulated bars in training.
        lambda signal: signal.in_sample and not signal.simulated, required=True,
    ),
    Statement(
        "caveats", Sentence.TRUST, "caveats", "this signal has caveats, which are listed with it",
        # Their words may come from outside.
        lambda signal: bool(signal.caveats), required=True,
    ),
)  # fmt: skip


def offers(signal: Signal) -> list[Offer]:
    """The statements that are true of a signal, in the catalogue's order."""
    filled = slots(signal)
    return [
        Offer(statement, statement.text.format_map(filled))
        for statement in CATALOGUE
        if statement.applies(signal)
    ]


def compose(chosen: Sequence[Offer]) -> str:
    """Three sentences; within each, statements keep the order in which they were chosen."""
    return " ".join(
        _sentence(sentence, [offer.text for offer in chosen if offer.statement.sentence is sentence])
        for sentence in Sentence
    )


def _sentence(sentence: Sentence, clauses: Sequence[str]) -> str:
    if sentence is Sentence.TRUST or len(clauses) < 2:
        text = "; ".join(clauses)
    else:
        comma = "," if len(clauses) > 2 else ""
        text = f"{', '.join(clauses[:-1])}{comma} and {clauses[-1]}"
    return f"{text[:1].upper()}{text[1:]}."
