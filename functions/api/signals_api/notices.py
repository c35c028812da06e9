"""Why signals are not current, in sentences for people."""

from collections.abc import Iterable, Sequence

from growfolio.domain.assets import Market
from growfolio.domain.freshness import Judged
from growfolio.domain.signals import Status
from growfolio.domain.times import utc_minute

MARKET_NAMES = {Market.STOCKS: "stock market", Market.CRYPTO: "crypto market"}
NAMED = 3
"""How many assets, and how many reasons, are named before the rest is only counted."""


def why_not_current(signals: Iterable[Judged]) -> str:
    """One sentence for each closed market and each other reason; empty where all are current."""
    closed: dict[Market, int | None] = {}
    troubled: dict[tuple[str, ...], list[str]] = {}
    for judged in signals:
        if judged.status is Status.MARKET_CLOSED:
            closed[judged.asset.market] = judged.next_open
        elif judged.status is not Status.OK:
            troubled.setdefault(judged.reasons, []).append(judged.asset.symbol)
    commonest = sorted(troubled.items(), key=lambda entry: -len(entry[1]))
    sentences = [_closing(market, next_open) for market, next_open in closed.items()]
    sentences += [f"{_named(symbols)}: {'; '.join(reasons)}." for reasons, symbols in commonest[:NAMED]]
    others = sum(len(symbols) for _, symbols in commonest[NAMED:])
    return " ".join([*sentences, *([f"{others} more have other reasons."] if others else [])])


def _closing(market: Market, next_open: int | None) -> str:
    opening = f"; it opens {utc_minute(next_open)}" if next_open else ""
    return f"The {MARKET_NAMES[market]} is closed{opening}."


def _named(symbols: Sequence[str]) -> str:
    if len(symbols) <= NAMED:
        return " and ".join([", ".join(symbols[:-1]), symbols[-1]]) if len(symbols) > 1 else symbols[0]
    return f"{', '.join(symbols[:NAMED])} and {len(symbols) - NAMED} more"
