"""Whether a folder can be replayed at a moment, found out before anything starts."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from growfolio.domain.assets import ASSETS
from growfolio.domain.bars import PRICES
from growfolio.domain.times import BAR, DAY, utc_text
from growfolio.errors import ConfigurationError

ENDING = "_5m.parquet"
COLUMNS = ("timestamp", *PRICES)
NEEDED = f"<ID>{ENDING} files, e.g. AAPL{ENDING} or BTC_USDT{ENDING}, with the columns {', '.join(COLUMNS)}"
LONGEST_CLOSURE = 4 * DAY
"""A replay may stand in a closure after the last bar: stocks trade again after four days at the latest."""


def check_folder(folder: str, at: int) -> None:
    """Raises ConfigurationError where no asset has candles around at (seconds since the epoch).

    The message says in one line what was found and what is needed.
    """
    files = [path for asset in ASSETS if (path := Path(folder) / f"{asset.id}{ENDING}").is_file()]
    if not files:
        raise ConfigurationError(f"CANDLES={folder} {_contents(Path(folder))}; needed are {NEEDED}")
    spans = []
    faults = []
    for path in files:
        try:
            spans.append(_span(path))
        except ConfigurationError as fault:
            faults.append(str(fault))
    if not spans:
        raise ConfigurationError(f"CANDLES={folder}: {faults[0]}; needed are {NEEDED}")
    if not any(first < at <= last + LONGEST_CLOSURE for first, last in spans):
        first, last = min(first for first, _ in spans), max(last for _, last in spans)
        side = "before" if at <= first else "after" if at > last else "between"
        raise ConfigurationError(
            f"AT={utc_text(at)} lies {side} the candles in {folder}: "
            f"choose a moment from {utc_text(first)} to {utc_text(last)}"
        )


def _contents(folder: Path) -> str:
    """What a folder without candles holds instead."""
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not found:
        return "is empty"
    kinds = Counter(path.suffix or ("folder" if path.is_dir() else "file") for path in found)
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
    return f"holds no candles of these assets, but {listed} (such as {found[0].name})"


def _span(path: Path) -> tuple[int, int]:
    """When the first bar opened and the last closed."""
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise ConfigurationError(
                f"{path.name} has the columns {', '.join(names)[:100]} and lacks {', '.join(missing)}"
            )
        opened = file.read(columns=["timestamp"])["timestamp"].cast(pa.timestamp("s", "UTC"))
    except (pa.ArrowException, OSError) as fault:
        reason = str(fault).splitlines()[0][:100]
        raise ConfigurationError(f"{path.name} cannot be read as Parquet: {reason}") from fault
    if not len(opened):
        raise ConfigurationError(f"{path.name} holds no bars")
    ends = pc.min_max(opened.cast(pa.int64()))
    return ends["min"].as_py(), ends["max"].as_py() + BAR
