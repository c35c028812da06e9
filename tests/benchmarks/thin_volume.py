"""What the shipped stock models lose on the volumes of one exchange, as Alpaca's free feed has them.

    make bench-volume CANDLES=DIR        real candles: <ID>_5m.parquet files

Prices stay. Each lot of 100 shares trades on that exchange by a seeded chance: of 3 % in every bar, or of a
share that differs from bar to bar (Beta, as wide as its mean), for shares do vary. A bar without a lot is a
slot without trades. The models answer the bars of their test part, which they never saw, with both volumes;
losses are compared bar by bar, with a 90 % interval from days that are drawn again.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import growfolio.models as models
import numpy as np
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, FloatArray, IntArray
from growfolio.models.manifest import MANIFEST, parse_manifest
from growfolio.record.metrics import confusion, losses, matthews
from growfolio.record.resampling import interval, paired_differences

from training.data.dataset import Part, Samples, build_samples, on_one_calendar
from training.pools import read_candles
from training.release.gate_evidence import answers
from training.starter import starter_settings

SHARE, LOT, SEED, DRAWS = 0.03, 100, 20_241_126, 400
STARTER = Path(models.__file__).parent / "starter"
Thinning = Callable[[FloatArray, np.random.Generator], FloatArray]


def lots(volume: FloatArray, random: np.random.Generator) -> FloatArray:
    """The same chance for each lot of every bar."""
    return LOT * random.binomial(np.round(volume / LOT).astype(np.int64), SHARE).astype(np.float64)


def varying(volume: FloatArray, random: np.random.Generator) -> FloatArray:
    """Another share in each bar: its standard deviation is as large as its mean."""
    share = random.beta(1 - 2 * SHARE, (1 - 2 * SHARE) * (1 / SHARE - 1), len(volume))
    return LOT * random.binomial(np.round(volume / LOT).astype(np.int64), share).astype(np.float64)


THINNINGS: dict[str, Thinning] = {"3 % of lots": lots, "a share that varies": varying}


@dataclass(frozen=True)
class Loss:
    """Thinned less whole: above 0 in log-loss (nats) the thinned volumes cost skill."""

    rows: int
    whole: float
    thinned: float
    difference: tuple[float, float]
    mcc: tuple[float, float]
    changed: float
    """The share of bars whose most probable class is another."""


def thin(bars: Bars, thinning: Thinning, random: np.random.Generator) -> Bars:
    """The bars with thinned volumes, without those in which nothing was traded."""
    volume = thinning(bars.volume, random)
    return replace(bars, volume=volume).where(volume > 0)


def pools(bars: Mapping[Asset, Bars], candles: Path) -> dict[Timeframe, Samples]:
    """The samples of both timeframes, as the starter models were trained and tested on."""
    own = starter_settings((candles,), candles)
    built = [
        build_samples(Market.STOCKS, timeframe, bars, own.label, inputs=own.inputs)[0]
        for timeframe in Timeframe
    ]
    made = on_one_calendar([samples for samples in built if samples is not None], own.shares)
    return {samples.timeframe: samples for samples in made}


def compared(graph: bytes, whole: Samples, thinned: Samples) -> Loss:
    """Both answers to the bars of the test part that both have, judged by what the whole candles did."""
    rows = whole.rows(Part.TEST)
    known = {key: row for row, key in zip(*_keys(thinned, np.flatnonzero(thinned.usable)), strict=True)}
    _, wanted = _keys(whole, rows)
    shared = np.array([key in known for key in wanted])
    rows, same = rows[shared], np.array([known[key] for key in wanted if key in known], dtype=np.int64)
    labels, closes = whole.labels[rows], whole.bar_close[rows]
    one, other = answers(graph, thinned, same), answers(graph, whole, rows)
    loss, _ = paired_differences(one, other, labels, closes, DRAWS, SEED)
    scores = [matthews(confusion(given, labels)) for given in (other, one)]
    return Loss(
        len(rows),
        float(losses(other, labels).mean()),
        float(losses(one, labels).mean()),
        interval(loss),
        (scores[0], scores[1]),
        float((one.argmax(axis=1) != other.argmax(axis=1)).mean()),
    )


def _keys(samples: Samples, rows: IntArray) -> tuple[list[int], list[tuple[str, int]]]:
    names = [samples.assets[at].id for at in samples.asset[rows]]
    return rows.tolist(), list(zip(names, samples.bar_close[rows].tolist(), strict=True))


def measured(candles: Path) -> dict[tuple[str, Timeframe], Loss]:
    """What each thinning costs each stock model."""
    manifest = parse_manifest((STARTER / MANIFEST).read_bytes())
    bars, _ = read_candles(starter_settings((candles,), candles), manifest.created_at)
    stocks = {asset: own for asset, own in bars.items() if asset.market is Market.STOCKS}
    whole = pools(stocks, candles)
    found = {}
    for name, thinning in THINNINGS.items():
        random = np.random.default_rng(SEED)
        thinned = pools({asset: thin(own, thinning, random) for asset, own in stocks.items()}, candles)
        for timeframe, samples in whole.items():
            graph = (STARTER / f"stocks_{timeframe}_ensemble.onnx").read_bytes()
            found[name, timeframe] = compared(graph, samples, thinned[timeframe])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candles", type=Path, required=True)
    print(f"{'':<38}   log-loss: whole, thinned, difference (90 %)       MCC: both     other class")
    for (name, timeframe), loss in measured(parser.parse_args().candles).items():
        low, high = loss.difference
        print(
            f"{name:<20}stocks {timeframe:<3}{loss.rows:>8,}   {loss.whole:.4f} {loss.thinned:.4f} "
            f"{loss.thinned - loss.whole:+.4f} ({low:+.4f} to {high:+.4f})   "
            f"{loss.mcc[0]:.3f} {loss.mcc[1]:.3f}   {100 * loss.changed:>5.1f} %"
        )


if __name__ == "__main__":
    main()
