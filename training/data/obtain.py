"""`python -m training download`: history into files, and the report on it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from growfolio.domain.assets import Asset
from growfolio.domain.times import DAY
from growfolio.errors import BadCandles, MissingCandles
from growfolio.settings import Settings

from training.data.candle_files import CandleFiles
from training.data.download import download
from training.data.report import DataReport, data_report
from training.data.sources import origins
from training.progress import Say


@dataclass(frozen=True, slots=True)
class HistoryWanted:
    """Whose candles, and how much of the past."""

    out: Path
    assets: tuple[Asset, ...]
    days: int = 365


def obtain(
    wanted: HistoryWanted,
    settings: Settings,
    now: int,
    clock: Callable[[], float],
    say: Say,
) -> None:
    """Download what the files lack. Raises the fault that left all assets without candles, if one did."""
    files = CandleFiles(wanted.out)
    markets = list(dict.fromkeys(asset.market for asset in wanted.assets))
    start = now - wanted.days * DAY
    short = download(origins(settings, markets), files, wanted.assets, start, now, clock, say)
    for shortfall in short:
        say(f"less than wanted: {shortfall}")
    bad = [shortfall.fault for shortfall in short if isinstance(shortfall.fault, BadCandles)]
    if bad:
        raise bad[0]
    if short and not any(files.path(asset).exists() for asset in wanted.assets):
        raise short[-1].fault


def checked(wanted: HistoryWanted) -> DataReport:
    """The report on what the files hold. Raises MissingCandles where they hold nothing."""
    files = CandleFiles(wanted.out)
    report = data_report({asset: files.read(asset) for asset in wanted.assets})
    if not report.assets:
        raise MissingCandles(f"no candles in {wanted.out}: python -m training download --out {wanted.out}")
    return report


def refuse_faults(report: DataReport) -> None:
    """Raises BadCandles, naming each fault, for candles that no model may be trained on."""
    if report.faults:
        raise BadCandles(f"{len(report.faults)} faults in the candles: {'; '.join(report.faults)}")
