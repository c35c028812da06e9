"""Builds the samples of each market and timeframe from folders of candles."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import Bars
from growfolio.domain.times import utc_text
from growfolio.errors import BadCandles, ConfigurationError

from training.data.candle_files import CandleFiles, CandleFolders
from training.data.dataset import Samples, build_samples, on_one_calendar
from training.data.merging import Merged
from training.progress import Say, silent
from training.settings import TrainSettings

NO_FILE = "no candles"
"""Why an asset without a file is left out."""
SHOWN = 6
"""Names of files that a message shows at most."""


def assets_with_files(settings: TrainSettings) -> tuple[Asset, ...]:
    """Return the assets that the folders hold candles of."""
    candles = CandleFolders(settings.candles)
    return tuple(asset for asset in settings.assets if candles.holds(asset))


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
    names, present = " and ".join(map(str, settings.candles)), assets_with_files(settings)
    if present:
        reasons = [line for line in grouped(left_out) if not line.endswith(NO_FILE)]
        return ConfigurationError(f"no usable candles in {names}: {'; '.join(reasons)}")
    found = sorted(path.name for folder in settings.candles for path in folder.iterdir())
    listed = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    examples = " or ".join(CandleFiles(Path()).path(asset).name for asset in settings.assets[:2])
    return ConfigurationError(
        f"no usable candles in {names}: it holds {listed or 'nothing'}; needed are files like {examples}"
    )


def read_candles(
    settings: TrainSettings, now: int, say: Say = silent
) -> tuple[dict[Asset, Bars], dict[str, str]]:
    """Read and merge the candles of each asset up to now, in seconds; say why other assets have none.

    Raises ConfigurationError where there is no such folder.
    """
    candles = CandleFolders(settings.candles)
    candles.check()
    read: dict[Asset, Merged] = {}
    left_out: dict[str, str] = {}
    for asset in settings.assets:
        try:
            found = candles.read(asset)
        except BadCandles as reason:
            left_out[asset.id] = str(reason)
            continue
        if not found.pieces:
            left_out[asset.id] = NO_FILE
            continue
        bars = found.bars.closed_by(min(now, settings.until.get(asset.market, now)))
        if len(bars):
            read[asset] = replace(found, bars=bars)
        else:
            left_out[asset.id] = f"no candles before {utc_text(now)}"
    for line in _merges(read):
        say(line)
    return {asset: found.bars for asset, found in read.items()}, left_out


def _merges(read: Mapping[Asset, Merged]) -> list[str]:
    """Say which assets' candles were merged from several files, and where these differ."""
    several = {asset: found for asset, found in read.items() if found.pieces > 1}
    if not several:
        return []
    names = " ".join(asset.symbol for asset in several)
    shared = sum(found.shared for found in several.values())
    return [
        f"merged from several files: {names}; {shared:,} bars stand in more than one",
        *(f"{asset.id}: {note}" for asset, found in several.items() for note in found.notes),
    ]


def gather(settings: TrainSettings, now: int, say: Say = silent) -> tuple[list[Samples], dict[str, str]]:
    """Return the samples of each market and timeframe that has any, and why assets are missing from them.

    Bars that closed after now, in seconds since the epoch, are not read. Raises ConfigurationError where
    there is no such folder.
    """
    read, left_out = read_candles(settings, now, say)
    pools = []
    for market in Market:
        bars = {asset: own for asset, own in read.items() if asset.market is market}
        for timeframe in settings.timeframes:
            after = settings.warm.after(market, timeframe) if settings.warm else 0
            samples, refused = build_samples(
                market, timeframe, bars, settings.label, after=after, inputs=settings.inputs
            )
            left_out |= {f"{asset.id} {timeframe}": str(reason) for asset, reason in refused.items()}
            pools += [samples] if samples is not None else []
    return on_one_calendar(pools, settings.shares), left_out
