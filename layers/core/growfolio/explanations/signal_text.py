"""What a signal knows, in plain words: all that an explanation may be made of.

Only numbers, the product's own asset names and fixed phrases get into words. Text that came from
outside (the source of a price, a model's name, a reason) never does, so that it can steer nobody.
"""

from decimal import Decimal

from growfolio.domain.assets import Asset, Market
from growfolio.domain.signals import Facts, Signal

KINDS = {Market.STOCKS: "a stock", Market.CRYPTO: "a cryptocurrency"}
"""What an asset of a market is; an asset of another market is just named."""
TRENDS = {
    "up": "above its moving averages",
    "down": "below its moving averages",
    "mixed": "among its moving averages",
}
RSI_RANGES = ((70, "overbought"), (55, "on the strong side"), (45, "neutral"), (30, "on the weak side"))
"""From which RSI on it is called what; below them all, oversold."""
SIMULATED = "The prices are simulated, not real."
IN_SAMPLE = "The model has seen this bar in training, so the signal shows no skill."


def statements(signal: Signal) -> tuple[str, ...]:
    """Every fact of a signal that an explanation may use, a sentence each.

    How many bars an indicator looks back is left out: readers do not ask, and each number that is given
    is one more that a language model may put in the wrong place.
    """
    sell, hold, buy = (percent(share) for share in signal.probabilities)
    facts, move, ahead = signal.facts, percent(signal.threshold), horizon(signal)
    said = [
        f"The asset is {signal.asset.name} ({signal.asset.symbol}){_kind(signal.asset)}.",
        f"The signal is {signal.action}, from bars of {signal.timeframe.minutes} minutes.",
        f"The probability of a rise of more than {move} {ahead} is {buy}.",
        f"The probability of a fall of more than {move} {ahead} is {sell}.",
        f"The probability that the price stays within {move} {ahead} is {hold}.",
        f"The RSI is {facts.rsi:.1f}, {rsi_range(facts)}.",
        f"The price is {vwap_distance(facts)}.",
        f"The volume is {figure(facts.volume_ratio)} times its average.",
        f"A typical bar moves {figure(facts.atr_pct)}% (average true range).",
        f"The return of a bar varies by {figure(facts.volatility_pct)}% (standard deviation).",
    ]
    if facts.trend in TRENDS:
        said.append(f"The price is {TRENDS[facts.trend]}.")
    return (*said, *caveats(signal))


def caveats(signal: Signal) -> tuple[str, ...]:
    """What an explanation must not keep silent about. No model has seen simulated bars in training."""
    if signal.simulated:
        return (SIMULATED,)
    return (IN_SAMPLE,) if signal.in_sample else ()


def horizon(signal: Signal) -> str:
    return "over the next bar" if signal.horizon_bars == 1 else f"over the next {signal.horizon_bars} bars"


def names(asset: Asset) -> tuple[str, str]:
    """What a reader may know the asset by."""
    return asset.name, asset.symbol


def rsi_range(facts: Facts) -> str:
    """e.g. `neutral`."""
    return next((name for lowest, name in RSI_RANGES if facts.rsi >= lowest), "oversold")


def vwap_distance(facts: Facts) -> str:
    """e.g. `0.04% below its volume-weighted average price`."""
    if not facts.vwap_pct:
        return "at its volume-weighted average price"
    side = "above" if facts.vwap_pct > 0 else "below"
    return f"{figure(abs(facts.vwap_pct))}% {side} its volume-weighted average price"


def percent(share: Decimal) -> str:
    """0.612 as 61.2%, 0.001 as 0.1%."""
    return f"{figure(100 * share)}%"


def figure(value: Decimal) -> str:
    """Two decimals from 0.1 up, two significant digits below, without trailing zeros."""
    places = 2 if abs(value) >= Decimal("0.1") or not value else 1 - value.adjusted()
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _kind(asset: Asset) -> str:
    return f", {KINDS[asset.market]}" if asset.market in KINDS else ""
