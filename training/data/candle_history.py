"""Brings a folder of candles up to date, and checks what it holds."""

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
class HistoryRequest:
    """Whose candles to keep in a folder, and how many days back from now."""

    out: Path
    assets: tuple[Asset, ...]
    days: int = 365


def update_history(
    request: HistoryRequest, settings: Settings, now: int, clock: Callable[[], float], say: Say
) -> None:
    """Download what the files lack. Raises the fault that left all assets without candles, if one did."""
    files = CandleFiles(request.out)
    markets = list(dict.fromkeys(asset.market for asset in request.assets))
    start = now - request.days * DAY
    short = download(origins(settings, markets), files, request.assets, start, now, clock, say)
    for shortfall in short:
        say(f"less than asked for: {shortfall}")
    bad = [shortfall.fault for shortfall in short if isinstance(shortfall.fault, BadCandles)]
    if bad:
        raise bad[0]
    if short and not any(files.files(asset) for asset in request.assets):
        raise short[-1].fault


def checked_history(request: HistoryRequest) -> DataReport:
    """Report on what the files hold. Raises MissingCandles where they hold nothing."""
    files = CandleFiles(request.out)
    report = data_report({asset: files.read(asset) for asset in request.assets})
    if not report.assets:
        raise MissingCandles(f"no candles in {request.out}: python -m training download --out {request.out}")
    return report


def refuse_faults(report: DataReport) -> None:
    """Raise BadCandles, naming each fault, for candles that no model may be trained on."""
    if report.faults:
        raise BadCandles(f"{len(report.faults)} faults in the candles: {'; '.join(report.faults)}")
