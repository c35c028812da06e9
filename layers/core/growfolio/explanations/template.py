"""An explanation without a language model: three sentences from a signal's facts and nothing else."""

from decimal import Decimal

from growfolio.domain.signals import Action, Signal
from growfolio.explanations.signal_text import (
    TRENDS,
    figure,
    horizon,
    percent,
    rsi_range,
    vwap_distance,
)

CLEAR, LIKELY = 65, 50
"""From what confidence on the model leans clearly, and from what on an outcome is more likely than not."""
ORDINARY_VOLUME = (Decimal("0.9"), Decimal("1.1"))


def from_template(signal: Signal) -> str:
    """What the signal says, what it stands on, and how far to trust it."""
    return " ".join((_verdict(signal), _grounds(signal), _trust(signal)))


def _verdict(signal: Signal) -> str:
    sell, hold, buy = (_chance(share) for share in signal.probabilities)
    move, ahead = percent(signal.threshold), horizon(signal)
    chances = {
        Action.BUY: f"a rise of more than {move} {ahead} has a probability of {buy}, "
        f"against {sell} for such a fall",
        Action.SELL: f"a fall of more than {move} {ahead} has a probability of {sell}, "
        f"against {buy} for such a rise",
        Action.HOLD: f"the price stays within {move} {ahead} with a probability of {hold}, "
        f"against {buy} for a larger rise and {sell} for a larger fall",
    }
    bars = f"{signal.timeframe.minutes}-minute bars"
    return f"{signal.asset.name} is a {signal.action} on {bars}: {chances[signal.action]}."


def _grounds(signal: Signal) -> str:
    facts = signal.facts
    price = f"The price is {vwap_distance(facts)}"
    if facts.trend in TRENDS:
        price = f"The price is {TRENDS[facts.trend]} and {vwap_distance(facts)}"
    return f"{price}, the RSI of {facts.rsi:.0f} is {rsi_range(facts)}, and {_volume(facts.volume_ratio)}."


def _volume(ratio: Decimal) -> str:
    if not ratio:
        return "nothing was traded in this bar"
    low, high = ORDINARY_VOLUME
    if low <= ratio <= high:
        return "volume is about average"
    return f"volume is {figure(ratio)} times its average"


def _trust(signal: Signal) -> str:
    if signal.confidence >= CLEAR:
        lean = "The model leans clearly this way, though it can still be wrong"
    elif signal.confidence >= LIKELY:
        lean = "The model leans this way, though it is often wrong"
    else:
        lean = "No outcome is more likely than not, so this is a weak signal"
    about = f"{lean}, {_trend_beside(signal)}"
    if signal.simulated:
        about += "; the prices are simulated, not real"
    elif signal.in_sample:
        about += "; the model has seen this bar in training, so this shows no skill"
    return f"{about}."


def _trend_beside(signal: Signal) -> str:
    """Whether the trend supports the action; for HOLD, how far a bar usually goes."""
    agreeing = {Action.BUY: "up", Action.SELL: "down"}.get(signal.action)
    if agreeing is None or signal.facts.trend not in TRENDS:
        return f"and a typical bar moves {figure(signal.facts.atr_pct)}%"
    if signal.facts.trend == "mixed":
        return "and the trend gives it no clear support"
    return (
        "and the trend supports it" if signal.facts.trend == agreeing else "and the trend speaks against it"
    )


def _chance(share: Decimal) -> str:
    """Whole per cent, and more digits where that would read as never or always."""
    percents = 100 * share
    return f"{percents:.0f}%" if 1 <= percents <= 99 else percent(share)
