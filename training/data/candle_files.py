"""A growing folder of `<ID>_5m.parquet` candle files, as training and replay read them."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from growfolio.domain.adjustment import common_ratio, rescaled
from growfolio.domain.assets import Asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.errors import BadCandles

_SOURCE = b"growfolio.source"


@dataclass(frozen=True, slots=True)
class CandleFiles:
    """A folder with one file an asset. A file is replaced as a whole: an interruption leaves the old one."""

    folder: Path

    def path(self, asset: Asset) -> Path:
        return self.folder / f"{asset.id}_5m.parquet"

    def read(self, asset: Asset) -> Bars:
        """Read an asset's bars; none where there is no file. Raises BadCandles for a damaged one."""
        if not self.path(asset).exists():
            return Bars.of([])
        table = self._table(asset)
        opened = table["timestamp"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
        return Bars(OpenTimes(opened), *(table[name].cast(pa.float64()).to_numpy() for name in PRICES))

    def source(self, asset: Asset) -> str:
        """Return the source that the candles came from; empty where there is no file, or it does not say."""
        if not self.path(asset).exists():
            return ""
        noted = self._table(asset).schema.metadata or {}
        return str(noted.get(_SOURCE, b"").decode())

    def add(self, asset: Asset, newer: Bars, source: str) -> int:
        """Merge bars into the asset's file and return how many it lacked; a newer bar replaces an older one.

        Raises BadCandles where the file holds another source's candles: their volumes do not compare.
        """
        known, own = self.read(asset), self.source(asset)
        if own and own != source:
            raise BadCandles(
                f"{self.path(asset).name} holds candles of {own}, whose volumes do not compare with those of "
                f"{source}: remove the file, or download into another folder"
            )
        merged = worked_in(known, newer).joined_with(newer)
        self.write(asset, merged, source)
        return len(merged) - len(known)

    def write(self, asset: Asset, bars: Bars, source: str) -> None:
        opened = pa.array(bars.open_time * 1000).cast(pa.timestamp("ms", "UTC"))
        table = pa.table({"timestamp": opened} | {name: getattr(bars, name) for name in PRICES})
        unfinished = self.path(asset).with_suffix(".unfinished")
        self.folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata({_SOURCE: source.encode()}), unfinished)
        unfinished.replace(self.path(asset))

    def _table(self, asset: Asset) -> pa.Table:
        try:
            return pq.read_table(self.path(asset), columns=["timestamp", *PRICES])
        except (pa.ArrowException, KeyError, OSError) as fault:
            raise BadCandles(f"{self.path(asset).name} cannot be read: {fault}"[:200]) from fault


def worked_in(known: Bars, newer: Bars) -> Bars:
    """Convert known bars to the prices of newer ones, into whose past the provider has worked a split."""
    ratio = common_ratio(known, newer)
    return known if ratio is None else rescaled(known, ratio)
