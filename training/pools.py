"""Builds the samples of each market and timeframe from a folder of candles."""

from collections.abc import Mapping

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import Bars
from growfolio.errors import ConfigurationError, MarketError
from growfolio.market.replay import ReplaySource

from training.data.candle_files import CandleFiles
from training.data.dataset import Samples, build_samples, on_one_calendar
from training.settings import TrainSettings

NO_FILE = "no candles"
"""Why an asset without a file is left out."""
SHOWN = 6
"""Names of files that a message shows at most."""


def assets_with_files(settings: TrainSettings) -> tuple[Asset, ...]:
    """Return the assets that the folder holds candles of."""
    files = CandleFiles(settings.candles)
    return tuple(asset for asset in settings.assets if files.path(asset).is_file())


def coverage(settings: TrainSettings) -> str:
    """Say in one line which assets have candles."""
    present = assets_with_files(settings)
    names = " ".join(asset.symbol for asset in present)
    return f"{len(present)} of {len(settings.assets)} assets have candles: {names}"


def grouped(left_out: Mapping[str, str]) -> list[str]:
    """Say why assets and models are left out, in one line for all that have the same kind of reason."""
    kinds: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        kinds.setdefault(reason.partition(":")[0], []).append(name)
    return [
        f"{names[0]}: {left_out[names[0]]}" if len(names) == 1 else f"{', '.join(names)}: {kind}"
        for kind, names in kinds.items()
    ]


def no_candles(settings: TrainSettings, left_out: Mapping[str, str]) -> ConfigurationError:
    """Explain why nothing in the folder can be used: what was found there, and what is needed."""
    folder, present = settings.candles, assets_with_files(settings)
    if present:
        reasons = [line for line in grouped(left_out) if not line.endswith(NO_FILE)]
        return ConfigurationError(f"no usable candles in {folder}: {'; '.join(reasons)}")
    found = sorted(path.name for path in folder.iterdir())
    listed = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    examples = " or ".join(CandleFiles(folder).path(asset).name for asset in settings.assets[:2])
    return ConfigurationError(
        f"no usable candles in {folder}: it holds {listed or 'nothing'}; needed are files like {examples}"
    )


def gather(settings: TrainSettings, now: int) -> tuple[list[Samples], dict[str, str]]:
    """Return the samples of each market and timeframe that has any, and why assets are missing from them.

    Bars that closed after now, in seconds since the epoch, are not read. Raises ConfigurationError where
    there is no such folder.
    """
    present = assets_with_files(settings)
    read = ReplaySource(settings.candles).fetch(dict.fromkeys(present, 0), now)
    left_out = {asset.id: NO_FILE for asset in settings.assets if asset not in present}
    left_out |= {asset.id: str(reason) for asset, reason in read.items() if isinstance(reason, MarketError)}
    pools = []
    for market in Market:
        bars = {a: b for a, b in read.items() if isinstance(b, Bars) and a.market is market}
        for timeframe in settings.timeframes:
            after = settings.warm.after(market, timeframe) if settings.warm else 0
            samples, refused = build_samples(market, timeframe, bars, settings.label, after=after)
            left_out |= {f"{asset.id} {timeframe}": str(reason) for asset, reason in refused.items()}
            pools += [samples] if samples is not None else []
    return on_one_calendar(pools), left_out
