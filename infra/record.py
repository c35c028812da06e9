"""The record of replayed days, held against what training reckons of the same bars: `make record`.

Refreshes through two days, settles, prints the record. Then computes probabilities and classes as training
does, each asset's history at once, and compares the metrics. Ends with 1 where they differ by more than 1e-4.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from growfolio.bootstrap import Refresher
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.conviction import Conviction, Like, call_of, conviction
from growfolio.domain.times import DAY, HOUR, utc_minute
from growfolio.market.simulated import SimulatedSource
from growfolio.models import starter
from growfolio.models.manifest import Manifest, Model, parse_manifest
from growfolio.record.entries import SCORED, Entry
from growfolio.record.metrics import score
from growfolio.record.summary import likes_of
from growfolio.record.totals import NUMBER, Totals
from growfolio.settings import Settings

from infra.local.history import History, record_table
from training.data.candle_files import CandleFolders
from training.data.dataset import Samples, build_samples
from training.release.gate_evidence import answers

AT = "2024-09-03T12:00:00"
"""Where the real candles of stocks and coins overlap, so that both trade within two days."""
LOOK_BACK = 40 * DAY
"""Of candles before the end that training is given: longer than any model looks back."""
CLOSE = 1e-4
MOST_SIGNALS = 10_000
LEAST_COMPARED = 100


def main() -> int:
    """The exit code: 0, or 1 where the record and training differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candles", type=Path, help="a folder of <ID>_5m.parquet files; else simulated")
    parser.add_argument("--models", type=Path, help="a folder of models; else those shipped")
    parser.add_argument("--at", default=AT, help="when it begins, UTC (default: %(default)s)")
    parser.add_argument("--hours", type=int, default=48, help="how long (default: %(default)s)")
    given = parser.parse_args()
    start = int(datetime.fromisoformat(given.at).replace(tzinfo=UTC).timestamp())
    return compare(given.candles, given.models, start, start + HOUR * given.hours)


def compare(candles: Path | None, models: Path | None, start: int, end: int) -> int:
    """Replay from start to end, in seconds, print the record, and compare it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as cache:
        settings = Settings(
            source="replay" if candles else "simulated",
            candles=str(candles or ""),
            model_repository=str(models or ""),
            model_cache=cache,
        )
        history = History(settings)
        for note in history.run(start, end):
            print(f"note: {note}")
    took = time.monotonic() - began
    about = candles.name if candles else "simulated candles"
    print(f"From {utc_minute(start)} to {utc_minute(end)}, {about}, in {took:.0f} s:\n")
    print(record_table(history.records()))
    print("\nConviction, had these days been the month before:")
    print("\n".join(conviction_shares(history)))
    print("\nAgainst training on the same bars (record, training, difference):")
    bars = {market: _bars(candles, market, end) for market in history.refreshers}
    lines = list(compared(history, bars, models or Path(starter.__path__[0])))
    print("\n".join(line for line, _ in lines))
    if not lines:
        print("nothing was settled that can be compared")
    return int(not lines or not all(same for _, same in lines))


def conviction_shares(history: History) -> Iterator[str]:
    """How many signals of each market and timeframe have how much conviction, judged by these same days."""
    for market, refresher in history.refreshers.items():
        for timeframe in Timeframe:
            entries = list(_entries(refresher, timeframe))
            likes = {kind: Like(**one) for kind, one in likes_of(entries).items()}
            found = Counter(
                conviction(signal, likes.get(call_of(signal.action, float(max(signal.probabilities)))))
                for asset in assets_of(market)
                for signal in history.store.history(asset, timeframe, MOST_SIGNALS).signals
            )
            if total := found.total():
                shares = ", ".join(f"{kind} {found[kind] / total:.1%}" for kind in Conviction)
                yield f"{market} {timeframe}: {shares} of {total}"


def compared(
    history: History, bars: Mapping[Market, dict[Asset, Bars]], folder: Path
) -> Iterator[tuple[str, bool]]:
    """A line for each market and timeframe with enough signals, and whether record and training agree.

    folder holds the models that served.
    """
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    for market, refresher in history.refreshers.items():
        for timeframe in Timeframe:
            entries = [one for one in _entries(refresher, timeframe) if one.status == SCORED]
            found = list(_of_training(manifest, folder, market, timeframe, bars[market], entries))
            if len(found) < LEAST_COMPARED:
                continue
            own = Totals.of([entry for entry, *_ in found])
            given = np.array([probabilities for _, probabilities, _ in found], dtype=np.float64)
            labels = np.array([label for *_, label in found], dtype=np.int64)
            expected = score(given, labels, np.full(3, 1 / 3))
            scores = own.to_json(market)["scores"]
            pairs = {name: (scores[name], getattr(expected, name)) for name in ("log_loss", "brier")}
            classes = sum(NUMBER[entry.outcome] == label for entry, _, label in found)
            same = all(abs(one - other) <= CLOSE for one, other in pairs.values()) and classes == len(found)
            numbers = ", ".join(
                f"{name} {one:.5f} {other:.5f} {one - other:+.5f}" for name, (one, other) in pairs.items()
            )
            counts = f"{len(found)} of {len(entries)} signals, {classes} classes alike"
            yield f"{'ok  ' if same else 'DIFF'} {market} {timeframe}: {counts}, {numbers}", same


def _of_training(
    manifest: Manifest,
    folder: Path,
    market: Market,
    timeframe: Timeframe,
    bars: dict[Asset, Bars],
    entries: list[Entry],
) -> Iterator[tuple[Entry, list[float], int]]:
    """Each entry that training has a sample of, with the probabilities and the class that it finds."""
    by_model: dict[str, list[Entry]] = {}
    for entry in entries:
        by_model.setdefault(entry.model, []).append(entry)
    for name, own in by_model.items():
        model = manifest.models[name]
        samples, _ = build_samples(market, timeframe, bars, model.label, inputs=model.inputs.names)
        if samples is not None:
            yield from _joined(model, folder, samples, own)


def _joined(
    model: Model, folder: Path, samples: Samples, entries: list[Entry]
) -> Iterator[tuple[Entry, list[float], int]]:
    wanted = {(entry.symbol, entry.bar_close): entry for entry in entries}
    usable = np.flatnonzero(samples.usable)
    keys = {
        (samples.assets[samples.asset[row]].symbol, int(samples.bar_close[row])): int(row) for row in usable
    }
    rows = np.array([keys[key] for key in wanted if key in keys], dtype=np.int64)
    if len(rows):
        found = answers((folder / model.onnx.file).read_bytes(), samples, rows)
        shared = (entry for key, entry in wanted.items() if key in keys)
        for entry, row, given in zip(shared, rows, found, strict=True):
            yield entry, given.tolist(), int(samples.labels[row])


def _entries(refresher: Refresher, timeframe: Timeframe) -> Iterator[Entry]:
    for day in refresher.ledger.days():
        yield from (one for one in refresher.ledger.day(day).values() if one.timeframe == timeframe)


def _bars(candles: Path | None, market: Market, end: int) -> dict[Asset, Bars]:
    """The candles of each asset of a market, up to end, as training reads them."""
    if candles is None:
        made = SimulatedSource().fetch(dict.fromkeys(assets_of(market), end - LOOK_BACK), end)
        return {asset: own for asset, own in made.items() if isinstance(own, Bars)}
    folders = CandleFolders((candles,))
    read = {asset: folders.read(asset).bars.closed_by(end) for asset in assets_of(market)}
    recent = {asset: own.where(own.open_time >= end - LOOK_BACK) for asset, own in read.items()}
    return {asset: own for asset, own in recent.items() if len(own)}


if __name__ == "__main__":
    sys.exit(main())
