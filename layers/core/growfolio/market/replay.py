"""Candles of the past from a folder of parquet files, as of any moment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from growfolio.domain.assets import Asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.errors import ConfigurationError, MarketError, PermanentMarketError
from growfolio.market.ports import Fetched, Patience
from growfolio.settings import Settings


class ReplaySource:
    """Serves `<ID>_5m.parquet` files as if they were being printed: nothing that closed after now is seen.

    Columns: timestamp (UTC, when the bar opened), open, high, low, close, volume. A file is read once.
    """

    name = "replay"
    simulated = False
    live = False
    longest_past = None
    caveats = ()
    notes = ()

    def __init__(self, folder: Path) -> None:
        """Raises ConfigurationError where there is no such folder."""
        if not folder.is_dir():
            raise ConfigurationError(f"no folder {folder} to replay: name one with <ID>_5m.parquet files")
        self._folder = folder
        self._read: dict[Asset, Bars] = {}

    @classmethod
    def from_settings(cls, settings: Settings, _: Patience) -> Self:
        return cls(Path(settings.candles))

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch."""
        return {asset: self._answer(asset, first, now) for asset, first in since.items()}

    def _answer(self, asset: Asset, first: int, now: int) -> Bars | MarketError:
        try:
            if asset not in self._read:
                self._read[asset] = self._file(asset)
            bars = self._read[asset]
        except PermanentMarketError as reason:
            return reason
        wanted = bars.where(bars.open_time >= first).closed_by(now)
        if not len(wanted):
            return PermanentMarketError(f"{asset.id}_5m.parquet has no candles of this time")
        return wanted

    def _file(self, asset: Asset) -> Bars:
        path = self._folder / f"{asset.id}_5m.parquet"
        if not path.is_file():
            raise PermanentMarketError(f"no file {path.name} in the replayed folder")
        try:
            table = pq.read_table(path, columns=["timestamp", *PRICES])
            opened = table["timestamp"].cast(pa.timestamp("s", "UTC")).cast(pa.int64())
            columns = [table[name].cast(pa.float64()).to_numpy() for name in PRICES]
        except (pa.ArrowException, KeyError, OSError) as fault:
            raise PermanentMarketError(f"{path.name} cannot be read: {fault}"[:200]) from fault
        return Bars(OpenTimes(opened.to_numpy()), *columns)
