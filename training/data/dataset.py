"""Samples of one market and timeframe: features, labels and times of all its assets in one table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, BoolArray, Candles, CloseTimes, IntArray
from growfolio.domain.features import BARS_NEEDED, FeatureArray
from growfolio.domain.label import Label
from growfolio.domain.labels import UNKNOWN, Labels, labels_of
from growfolio.domain.times import utc_text
from growfolio.errors import BadCandles, GrowfolioError, MissingCandles
from growfolio.indicators.standard import features

from training.data.history import Stretch, stretches
from training.data.inversion import inverted, inverted_labels
from training.data.splits import Split, split_calendar

FeatureFunction = Callable[[Candles], FeatureArray]
Answers = npt.NDArray[np.int8]


class Part(StrEnum):
    """What a sample may be used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A row for each bar, stretch after stretch: a window of rows up to a usable one is unbroken.

    features (rows, features) are raw, inverted those of the mirrored market; asset (rows,) holds positions in
    assets; bar_close and decided are seconds. A row is usable when serving would have had its whole history
    and its label is known.
    """

    market: Market
    timeframe: Timeframe
    assets: tuple[Asset, ...]
    features: FeatureArray
    inverted: FeatureArray
    labels: Labels
    asset: IntArray
    bar_close: CloseTimes
    decided: CloseTimes
    usable: BoolArray
    split: Split

    def rows(self, part: Part, asset: Asset | None = None) -> IntArray:
        """Return the usable rows of a part, of one asset or of all, asset after asset and by time."""
        within = {
            Part.TRAIN: self.split.train,
            Part.VALIDATION: self.split.validation,
            Part.TEST: self.split.test,
        }
        keep = self.usable & within[part](self.bar_close, self.decided)
        if asset is not None:
            keep &= self.asset == self.assets.index(asset)
        return np.flatnonzero(keep)

    @property
    def both_markets(self) -> FeatureArray:
        """The table (2 rows, features) that windows are cut from: the market, then its mirror image."""
        return np.concatenate([self.features, self.inverted])

    def answers(self, train: IntArray, mirrored: bool) -> Answers:
        """Return the classes (2 rows,) of both_markets: UNKNOWN but for these rows and their images."""
        known = np.full((2, len(self.labels)), UNKNOWN, dtype=np.int8)
        known[0, train] = self.labels[train]
        if mirrored:
            known[1, train] = inverted_labels(self.labels[train])
        return known.ravel()

    def ends(self, train: IntArray, mirrored: bool) -> IntArray:
        """Return the rows of both_markets at which the windows of these rows end."""
        return np.concatenate([train, train + len(self.labels)]) if mirrored else train

    def seen_from(self, rows: IntArray) -> int:
        """The close of the first bar that any of these rows looks back on, in seconds."""
        return int(self.bar_close[rows - BARS_NEEDED[self.timeframe] + 1].min())


def build_samples(
    market: Market,
    timeframe: Timeframe,
    bars: Mapping[Asset, Bars],
    label: Label,
    compute: FeatureFunction = features,
    after: int = 0,
) -> tuple[Samples | None, dict[Asset, GrowfolioError]]:
    """Build the samples of all assets with good and long candles; say why the others are left out.

    None where no asset is left. compute turns candles into features; it is the product's own, and
    given here so that a test can plant a leak. Bars that closed at `after` or before, in seconds, are not
    used: they serve as history of later ones.
    """
    parts: list[tuple[Asset, Stretch]] = []
    left_out: dict[Asset, GrowfolioError] = {}
    for asset, own in bars.items():
        try:
            parts += [(asset, stretch) for stretch in _long_enough(asset, own, timeframe)]
        except (BadCandles, MissingCandles) as reason:
            left_out[asset] = reason
    if not parts:
        return None, left_out
    assets = tuple(dict.fromkeys(asset for asset, _ in parts))
    labels, decided = zip(*(labels_of(stretch, label) for _, stretch in parts), strict=True)
    history = BARS_NEEDED[timeframe]
    whole_history = [np.arange(len(stretch.close_time)) >= history - 1 for _, stretch in parts]
    all_labels = np.concatenate(labels)
    usable = np.concatenate(whole_history) & (all_labels != UNKNOWN)
    bar_close = CloseTimes(np.concatenate([stretch.close_time for _, stretch in parts]))
    usable &= bar_close > after
    if not usable.any():
        return None, left_out | dict.fromkeys(assets, MissingCandles(f"no bars after {utc_text(after)}"))
    samples = Samples(
        market,
        timeframe,
        assets,
        features=np.concatenate([compute(stretch)[0] for _, stretch in parts]),
        inverted=np.concatenate([compute(inverted(stretch))[0] for _, stretch in parts]),
        labels=all_labels,
        asset=np.repeat([assets.index(a) for a, _ in parts], [len(s.close_time) for _, s in parts]),
        bar_close=bar_close,
        decided=CloseTimes(np.concatenate(decided)),
        usable=usable,
        split=split_calendar(CloseTimes(bar_close[usable]), market, timeframe),
    )
    return samples, left_out


def on_one_calendar(pools: Sequence[Samples]) -> list[Samples]:
    """Split the pools of a market at the same moments, whatever their timeframe."""
    return [
        replace(samples, split=split_calendar(calendar(samples, pools), samples.market, samples.timeframe))
        for samples in pools
    ]


def calendar(samples: Samples, pools: Iterable[Samples]) -> CloseTimes:
    """Return the closes that set a pool's cuts: those of its market's pool with the most usable samples."""
    of_market = [pool for pool in pools if pool.market is samples.market]
    finest = max(of_market, key=lambda pool: int(pool.usable.sum()))
    return CloseTimes(finest.bar_close[finest.usable])


def _long_enough(asset: Asset, bars: Bars, timeframe: Timeframe) -> list[Stretch]:
    """Return the stretches with at least one usable bar. Raises MissingCandles where there are none."""
    found = stretches(asset, bars, timeframe)
    needed = BARS_NEEDED[timeframe]
    # One bar more, whose close decides the label; no more than a session's last bar can be masked.
    long_enough = [stretch for stretch in found if len(stretch.close_time) > needed + 1]
    if not long_enough:
        longest = max((len(stretch.close_time) for stretch in found), default=0)
        raise MissingCandles(
            f"too few candles: {longest} bars of {timeframe} without a gap, training needs {needed + 2}"
        )
    return long_enough
