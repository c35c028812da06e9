"""Builds the samples of each market and timeframe from a folder of candles."""

from growfolio.domain.assets import Market
from growfolio.domain.bars import Bars
from growfolio.errors import MarketError
from growfolio.market.replay import ReplaySource

from training.data.dataset import Samples, build_samples, on_one_calendar
from training.settings import TrainSettings


def gather(settings: TrainSettings, now: int) -> tuple[list[Samples], dict[str, str]]:
    """Return the samples of each market and timeframe that has any, and why assets are missing from them.

    Bars that closed after now, in seconds since the epoch, are not read. Raises ConfigurationError where
    there is no such folder.
    """
    read = ReplaySource(settings.candles).fetch(dict.fromkeys(settings.assets, 0), now)
    left_out = {asset.id: str(reason) for asset, reason in read.items() if isinstance(reason, MarketError)}
    pools = []
    for market in Market:
        bars = {a: b for a, b in read.items() if isinstance(b, Bars) and a.market is market}
        for timeframe in settings.timeframes:
            after = settings.warm.after(market, timeframe) if settings.warm else 0
            samples, refused = build_samples(market, timeframe, bars, settings.rule, after=after)
            left_out |= {f"{asset.id} {timeframe}": str(reason) for asset, reason in refused.items()}
            pools += [samples] if samples is not None else []
    return on_one_calendar(pools), left_out
