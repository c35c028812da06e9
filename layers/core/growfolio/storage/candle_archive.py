"""Kept candles: the rolling window between two refreshes, and a growing history for training.

Two kinds of objects, each a compressed NumPy file without pickles:

    window/<market>/candles.npz     overwritten by every refresh; a cache, so of two writers either may win
    archive/<market>/<day>.npz      one a UTC day; Yahoo's own 5m history ends after 60 days
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Market, find_asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.domain.quarantine import sound
from growfolio.domain.times import BAR
from growfolio.errors import ArchiveError, UnknownAsset
from growfolio.storage.objects import ObjectStore

FORMAT = 1


@dataclass(frozen=True, slots=True)
class KeptCandles:
    """Bars of some assets, all from one source."""

    bars: Mapping[Asset, Bars]
    source: str
    archived_until: int = 0
    """The close of the last session that is in the daily archive; seconds since the epoch."""


class CandleArchive:
    """The kept candles of one market. Raises ArchiveError for an object out of reach or damaged."""

    def __init__(self, objects: ObjectStore, market: Market) -> None:
        self._objects = objects
        self._market = market

    def read_window(self, now: int) -> KeptCandles | None:
        """The window, checked like a provider's answer: bars that no market prints by now are left out."""
        kept = self._read(f"window/{self._market}/candles.npz")
        return None if kept is None else replace(kept, bars=_checked(kept.bars, self._market, now))

    def write_window(self, candles: KeptCandles) -> None:
        self._objects.write(f"window/{self._market}/candles.npz", encode(candles))

    def days(self) -> list[date]:
        """The days that are in the archive, oldest first."""
        prefix = f"archive/{self._market}/"
        return [date.fromisoformat(key[len(prefix) : -len(".npz")]) for key in self._objects.keys(prefix)]

    def read_day(self, day: date) -> KeptCandles | None:
        return self._read(self._key_of(day))

    def add_to_day(self, day: date, candles: KeptCandles) -> None:
        """Write the day's object. Bars that it holds already stay, unless these have newer ones of the time.

        Adding the same twice changes nothing; adding what an outage kept back completes the day. A
        damaged object is replaced, and so is one from another source: volumes would not compare.
        """
        try:
            known = self.read_day(day)
        except ArchiveError:
            known = None
        if known is not None and known.source == candles.source:
            bars = dict(known.bars)
            for asset, newer in candles.bars.items():
                bars[asset] = bars[asset].joined_with(newer) if asset in bars else newer
            candles = KeptCandles(bars, candles.source, candles.archived_until)
        self._objects.write(self._key_of(day), encode(candles))

    def _key_of(self, day: date) -> str:
        return f"archive/{self._market}/{day.isoformat()}.npz"

    def _read(self, key: str) -> KeptCandles | None:
        content = self._objects.read(key)
        return None if content is None else decode(content, key)


def _checked(bars: Mapping[Asset, Bars], market: Market, now: int) -> dict[Asset, Bars]:
    own = {asset: sound(bars.closed_by(now))[0] for asset, bars in bars.items() if asset.market is market}
    return {asset: bars.where(bars.open_time % BAR == 0) for asset, bars in own.items()}


def encode(candles: KeptCandles) -> bytes:
    """All assets' columns end to end, with the length of each. Prices keep every bit."""
    own = list(candles.bars.values())
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        format=FORMAT,
        source=np.array(candles.source),
        archived_until=candles.archived_until,
        assets=np.array([asset.id for asset in candles.bars], dtype=np.str_),
        lengths=np.array([len(bars) for bars in own], dtype=np.int64),
        open_time=np.concatenate([np.empty(0, np.int64), *(bars.open_time for bars in own)]),
        prices=np.concatenate(
            [np.stack([getattr(bars, name) for name in PRICES]) for bars in own] or [np.empty((5, 0))], axis=1
        ),
    )
    return buffer.getvalue()


def decode(content: bytes, name: str) -> KeptCandles:
    """What encode wrote; assets that the product no longer has are left out. Raises ArchiveError."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return _candles({column: file[column] for column in file.files})
    except Exception as fault:  # whatever a damaged file makes NumPy raise
        raise ArchiveError(f"{name} is damaged: {type(fault).__name__}: {fault}") from fault


def _candles(columns: Mapping[str, npt.NDArray[Any]]) -> KeptCandles:
    if columns["format"] != FORMAT:
        raise ValueError(f"format {columns['format']}, not {FORMAT}")
    times, prices, lengths = columns["open_time"], columns["prices"], columns["lengths"]
    if (lengths < 0).any() or lengths.sum() != len(times) or prices.shape != (len(PRICES), len(times)):
        raise ValueError("its columns differ in length")
    bars = {}
    for name, end, length in zip(columns["assets"].tolist(), np.cumsum(lengths), lengths, strict=True):
        asset, own = _asset(name), slice(end - length, end)
        if asset is not None:
            bars[asset] = Bars(OpenTimes(times[own].copy()), *prices[:, own].copy())
    return KeptCandles(bars, str(columns["source"]), int(columns["archived_until"]))


def _asset(name: str) -> Asset | None:
    try:
        return find_asset(name)
    except UnknownAsset:
        return None
