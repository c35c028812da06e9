"""Kept candles: the rolling window between two refreshes, and a growing history for training.

Two kinds of objects, each a compressed NumPy file without pickles:

    window/<market>/<source>.npz    overwritten by every refresh; a cache
    archive/<market>/<day>.npz      one a UTC day; Yahoo's own 5m history ends after 60 days

Both are written over the version that was read (If-Match), so that two runs at once lose nothing.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Market, find_asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes, SessionCount
from growfolio.domain.quarantine import sound
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ArchiveError, ObjectChanged, UnknownAsset
from growfolio.storage.objects import ObjectStore

FORMAT = 1
RACES = 3
"""Tries to write an object that other runs write at the same time."""


@dataclass(frozen=True, slots=True)
class KeptCandles:
    """Bars of some assets, all from one source."""

    bars: Mapping[Asset, Bars]
    source: str
    archived_until: int = 0
    """The close of the last session that is in the daily archive; seconds since the epoch."""
    counts: Mapping[Asset, tuple[SessionCount, ...]] = field(default_factory=dict)
    """How often each asset was traded in past sessions; nothing in objects of before there were any."""


class CandleArchive:
    """The kept candles of one market. Raises ArchiveError for an object out of reach or damaged."""

    def __init__(self, objects: ObjectStore, market: Market) -> None:
        self._objects = objects
        self._market = market
        self._tags: dict[str, str | None] = {}
        """The version of each source's window that was read or written last."""

    def read_window(self, source: str, now: int) -> KeptCandles | None:
        """A source's window, checked like its answers: bars that no market prints by now are left out."""
        key = self._window_key(source)
        found = self._objects.read_tagged(key)
        self._tags[source] = found.tag if found else None
        kept = decode(found.content, key) if found else None
        if kept is None or kept.source != source:
            return None
        return replace(
            kept, bars=_checked(kept.bars, self._market, now), counts=_believable(kept.counts, now)
        )

    def write_window(self, candles: KeptCandles) -> None:
        """Write over the version that was read or written last. Raises ObjectChanged if there is another."""
        source = candles.source
        self._tags[source] = self._objects.replace(
            self._window_key(source), encode(candles), self._tags.get(source)
        )

    def days(self) -> list[date]:
        """The days that are in the archive, oldest first."""
        prefix = f"archive/{self._market}/"
        return [date.fromisoformat(key[len(prefix) : -len(".npz")]) for key in self._objects.keys(prefix)]

    def read_day(self, day: date) -> KeptCandles | None:
        key = self._key_of(day)
        content = self._objects.read(key)
        return None if content is None else decode(content, key)

    def add_to_day(self, day: date, candles: KeptCandles, *, takes_over: bool = True) -> None:
        """Write the day's object. Bars that it holds already stay, unless these have newer ones of the time.

        Adding the same twice changes nothing; adding what an outage kept back completes the day. A
        damaged object is replaced, and so is one from another source where takes_over: volumes of two would
        not compare. One that another run writes at the same time is read again.
        """
        key = self._key_of(day)
        for left in reversed(range(RACES)):
            found = self._objects.read_tagged(key)
            whole = _added(found.content, candles, takes_over=takes_over) if found else candles
            try:
                self._objects.replace(key, encode(whole), found.tag if found else None)
                return
            except ObjectChanged:
                if not left:
                    raise

    def _window_key(self, source: str) -> str:
        return f"window/{self._market}/{source}.npz"

    def _key_of(self, day: date) -> str:
        return f"archive/{self._market}/{day.isoformat()}.npz"


def _added(content: bytes, candles: KeptCandles, *, takes_over: bool) -> KeptCandles:
    """The candles of an object and newer ones, which hold where both have a bar."""
    try:
        known = decode(content, "the day")
    except ArchiveError:
        return candles
    if known.source != candles.source:
        return candles if takes_over else known
    bars = dict(known.bars)
    for asset, newer in candles.bars.items():
        bars[asset] = bars[asset].joined_with(newer) if asset in bars else newer
    return KeptCandles(bars, candles.source, candles.archived_until)


def _checked(bars: Mapping[Asset, Bars], market: Market, now: int) -> dict[Asset, Bars]:
    own = {asset: sound(bars.closed_by(now))[0] for asset, bars in bars.items() if asset.market is market}
    return {asset: bars.where(bars.open_time % BAR == 0) for asset, bars in own.items()}


def _believable(
    counts: Mapping[Asset, tuple[SessionCount, ...]], now: int
) -> dict[Asset, tuple[SessionCount, ...]]:
    """The counts that sessions of the past can have."""
    return {
        asset: tuple(one for one in own if one.close <= now and 0 <= one.untraded < one.slots <= DAY // BAR)
        for asset, own in counts.items()
    }


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
        counts=np.array(
            [
                (nth, count.close, count.slots, count.untraded)
                for nth, asset in enumerate(candles.bars)
                for count in candles.counts.get(asset, ())
            ],
            dtype=np.int64,
        ).reshape(-1, 4),
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
    bars: dict[Asset, Bars] = {}
    counts: dict[Asset, tuple[SessionCount, ...]] = {}
    counted = columns.get("counts", np.empty((0, 4), dtype=np.int64))
    for nth, (name, end, length) in enumerate(
        zip(columns["assets"].tolist(), np.cumsum(lengths), lengths, strict=True)
    ):
        asset, own = _asset(name), slice(end - length, end)
        if asset is not None:
            bars[asset] = Bars(OpenTimes(times[own].copy()), *prices[:, own].copy())
            counts[asset] = tuple(SessionCount(*row) for row in counted[counted[:, 0] == nth, 1:].tolist())
    return KeptCandles(bars, str(columns["source"]), int(columns["archived_until"]), counts)


def _asset(name: str) -> Asset | None:
    try:
        return find_asset(name)
    except UnknownAsset:
        return None
