"""The values of a signal in words: what fills the slots of a statement.

Only numbers, the product's own asset names and fixed phrases become text. Text from outside (the source
of a price, a model's name, a reason) never does, so nobody can write into an explanation.
"""

from dataclasses import dataclass
from decimal import Decimal

from growfolio.domain.signals import CLASSES, Action, Facts, Signal
from growfolio.domain.targets import barriers_in_words

RSI_RANGES = ((70, "overbought"), (55, "on the strong side"), (45, "neutral"), (30, "on the weak side"))
"""From which RSI on it is called what; below them all, oversold."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a model's three classes mean, for one kind of label."""

    when: str
    up: str
    down: str
    flat: str


def outcomes(signal: Signal) -> Outcomes:
    """What BUY, SELL and HOLD foresee; see growfolio.domain.label.LABEL_KINDS.

    A kind that has no words here is described without numbers.
    """
    bars = "one bar" if signal.horizon_bars == 1 else f"{signal.horizon_bars} bars"
    if signal.label == "fixed":
        move = percent(signal.threshold)
        return Outcomes(
            f"{bars} later",
            f"a close more than {move} higher",
            f"a close more than {move} lower",
            f"a close within {move} of this bar's",
        )
    if signal.label == "volatility":
        move = f"{figure(signal.threshold)} times the usual swing"
        return Outcomes(
            f"{bars} later",
            f"a close higher by more than {move}",
            f"a close lower by more than {move}",
            f"a close within {move} of this bar's",
        )
    if signal.label == "triple_barrier":
        return Outcomes(f"within {bars}", *barriers_in_words(signal.threshold, figure), "neither such move")
    return Outcomes(
        f"within {bars}",
        "what the model counts as a rise",
        "what the model counts as a fall",
        "what the model counts as neither",
    )


def slots(signal: Signal) -> dict[str, str]:
    """The value of every slot that a statement may name."""
    facts, ahead = signal.facts, outcomes(signal)
    sell, hold, buy = (chance(share) for share in signal.probabilities)
    bullish = signal.action is not Action.SELL
    return {
        "name": signal.asset.name,
        "symbol": signal.asset.symbol,
        "action": signal.action.value,
        "minutes": str(signal.timeframe.minutes),
        "when": ahead.when,
        "up": ahead.up,
        "down": ahead.down,
        "flat": ahead.flat,
        "buy": buy,
        "sell": sell,
        "hold": hold,
        "own": ahead.up if bullish else ahead.down,
        "own_chance": buy if bullish else sell,
        "opposite": ahead.down if bullish else ahead.up,
        "opposite_chance": sell if bullish else buy,
        "base": chance(signal.class_shares[CLASSES.index(signal.action)]) if signal.class_shares else "",
        "rsi": f"{facts.rsi:.0f}",
        "rsi_range": rsi_range(facts),
        "vwap": figure(abs(facts.vwap_pct)),
        "volume": figure(facts.volume_ratio),
        "atr": figure(facts.atr_pct),
        "volatility": figure(facts.volatility_pct),
    }


def own_share(signal: Signal) -> Decimal:
    """The probability of the signal's own class, 0 to 1."""
    return signal.probabilities[CLASSES.index(signal.action)]


def rsi_range(facts: Facts) -> str:
    """The word for an RSI as it is shown, in whole numbers, e.g. `neutral`."""
    shown = round(facts.rsi)
    return next((name for lowest, name in RSI_RANGES if shown >= lowest), "oversold")


def chance(share: Decimal) -> str:
    """Whole per cent, and more digits where that would read as never or always."""
    percents = 100 * share
    return f"{percents:.0f}%" if 1 <= percents <= 99 else percent(share)


def percent(share: Decimal) -> str:
    """0.612 as 61.2%, 0.001 as 0.1%."""
    return f"{figure(100 * share)}%"


def figure(value: Decimal) -> str:
    """Two decimals from 0.1 up, two significant digits below, without trailing zeros."""
    places = 2 if abs(value) >= Decimal("0.1") or not value else 1 - value.adjusted()
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
