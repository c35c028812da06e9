"""Folders of `<ID>_5m.parquet` candle files, as training and replay read them; one of them may grow.

Beside an asset's file a folder may hold older parts of its history, named by a year or a date:
`AAPL_2022_5m.parquet`. They are read, never written (merging.py has the rule by which files are merged).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from growfolio.domain.assets import Asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.errors import BadCandles, ConfigurationError

from training.data.merging import Merged, Piece, merged, worked_in

_SOURCE = b"growfolio.source"


@dataclass(frozen=True, slots=True)
class CandleFiles:
    """A folder with one file an asset. A file is replaced as a whole: an interruption leaves the old one."""

    folder: Path

    def path(self, asset: Asset) -> Path:
        return self.folder / f"{asset.id}_5m.parquet"

    def files(self, asset: Asset) -> list[Path]:
        """Return the asset's files that there are: older parts by name, then the one that grows."""
        part = re.compile(rf"{re.escape(asset.id)}_\d[\w-]*_5m\.parquet")
        older = sorted(path for path in self.folder.glob("*.parquet") if part.fullmatch(path.name))
        return older + ([self.path(asset)] if self.path(asset).is_file() else [])

    def read(self, asset: Asset) -> Bars:
        """Read an asset's bars; none where there is no file. Raises BadCandles for what cannot be used."""
        return merged(list(self.pieces(asset))).bars

    def pieces(self, asset: Asset) -> Iterator[Piece]:
        """Read the asset's files one after another. Raises BadCandles for a damaged one."""
        for path in self.files(asset):
            table = _table(path)
            yield Piece(path.name, _source_of(table), _bars_of(table))

    def source(self, asset: Asset) -> str:
        """Return the source that the candles came from; empty where there is no file, or it does not say."""
        return _source_of(_table(self.path(asset))) if self.path(asset).exists() else ""

    def add(self, asset: Asset, newer: Bars, source: str) -> int:
        """Merge bars into the asset's file and return how many it lacked; a newer bar replaces an older one.

        Raises BadCandles where the file holds another source's candles: their volumes do not compare.
        """
        path, own = self.path(asset), self.source(asset)
        known = _bars_of(_table(path)) if path.exists() else Bars.of([])
        if own and own != source:
            raise BadCandles(
                f"{path.name} holds candles of {own}, whose volumes do not compare with those of "
                f"{source}: remove the file, or download into another folder"
            )
        grown = worked_in(known, newer).joined_with(newer)
        self.write(asset, grown, source)
        return len(grown) - len(known)

    def write(self, asset: Asset, bars: Bars, source: str) -> None:
        opened = pa.array(bars.open_time * 1000).cast(pa.timestamp("ms", "UTC"))
        table = pa.table({"timestamp": opened} | {name: getattr(bars, name) for name in PRICES})
        unfinished = self.path(asset).with_suffix(".unfinished")
        self.folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata({_SOURCE: source.encode()}), unfinished)
        unfinished.replace(self.path(asset))


@dataclass(frozen=True, slots=True)
class CandleFolders:
    """Several folders as one: an asset's files in all of them are merged; bars of later folders hold."""

    folders: tuple[Path, ...]

    def check(self) -> None:
        """Raise ConfigurationError for a folder that there is not."""
        for folder in self.folders:
            if not folder.is_dir():
                raise ConfigurationError(f"no folder {folder}: name one with <ID>_5m.parquet files")

    def holds(self, asset: Asset) -> bool:
        """Whether any of the folders has a file of the asset."""
        return any(CandleFiles(folder).files(asset) for folder in self.folders)

    def read(self, asset: Asset) -> Merged:
        """Merge the asset's files. Raises BadCandles for what cannot be read or does not fit together."""
        several = len(self.folders) > 1
        pieces = [
            Piece(f"{folder.name}/{piece.name}" if several else piece.name, piece.source, piece.bars)
            for folder in self.folders
            for piece in CandleFiles(folder).pieces(asset)
        ]
        return merged(pieces)


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, columns=["timestamp", *PRICES])
    except (pa.ArrowException, KeyError, OSError) as fault:
        raise BadCandles(f"{path.name} cannot be read: {fault}"[:200]) from fault


def _source_of(table: pa.Table) -> str:
    noted = table.schema.metadata or {}
    return str(noted.get(_SOURCE, b"").decode())


def _bars_of(table: pa.Table) -> Bars:
    opened = table["timestamp"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
    return Bars(OpenTimes(opened), *(table[name].cast(pa.float64()).to_numpy() for name in PRICES))
