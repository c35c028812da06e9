"""Asks each configured provider of candles once, from where it runs: which answer, and how fast."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from growfolio.domain.assets import Market, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.times import DAY
from growfolio.errors import ConfigurationError, GrowfolioError, KeyRefused
from growfolio.market.ports import MarketSource, Patience
from growfolio.market.providers import market_source
from growfolio.settings import Settings

PATIENCE = Patience(request=5.0, deadline=10.0, tries=1, publication=0.0)
LOOK_BACK = 5 * DAY
"""Long enough for a session of stocks to lie in it."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of one provider's request."""

    provider: str
    seconds: float
    trouble: str = ""
    """Why it does not serve; empty where it does."""
    must_be_set: bool = False
    """Whether a key or a setting must be put right, which neither time nor another address does."""


def probe(
    settings: Settings,
    market: Market,
    now: int,
    source: Callable[[Settings, Market, Patience], MarketSource] = market_source,
    clock: Callable[[], float] = time.monotonic,
) -> list[Probed]:
    """Ask each of the market's providers for the first asset's candles, without any to fall back on."""
    found = []
    for name, alone in _one_by_one(settings, market).items():
        start = clock()
        trouble = _trouble(alone, market, now, source)
        must_be_set = isinstance(trouble, KeyRefused | ConfigurationError)
        found.append(Probed(name, round(clock() - start, 2), str(trouble or ""), must_be_set))
    return found


def _one_by_one(settings: Settings, market: Market) -> dict[str, Settings]:
    """By name of each provider, the settings under which it is the only one."""
    if not assets_of(market):
        return {}
    if settings.source:
        return {settings.source: settings}
    if market is Market.STOCKS:
        return {name: replace(settings, stock_sources=(name,)) for name in settings.stock_sources}
    return {name: replace(settings, exchanges=(name,)) for name in settings.exchanges}


def _trouble(
    settings: Settings,
    market: Market,
    now: int,
    source: Callable[[Settings, Market, Patience], MarketSource],
) -> GrowfolioError | None:
    asset = assets_of(market)[0]
    try:
        answer = source(settings, market, PATIENCE).fetch({asset: now - LOOK_BACK}, now)[asset]
    except ConfigurationError as fault:
        return fault
    return None if isinstance(answer, Bars) else answer
