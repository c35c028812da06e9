"""Samples of one market and timeframe: features, labels and times of all its assets in one table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, BoolArray, Candles, CloseTimes, IntArray
from growfolio.domain.features import BARS_NEEDED, FeatureArray
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label
from growfolio.domain.labels import UNKNOWN, Labels, labels_of
from growfolio.domain.times import utc_text
from growfolio.errors import BadCandles, GrowfolioError, MissingCandles
from growfolio.indicators.market_moves import SPANS
from growfolio.indicators.registry import context, context_width, sequence
from growfolio.indicators.scene import MarketSeries, market_series, scene_of
from growfolio.indicators.views import STANDARD

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

    features (rows, features) are the raw indicators of inputs and context (rows, width) its raw context;
    those of the mirrored market are inverted and inverted_context. asset (rows,) holds positions in assets;
    bar_close and decided are seconds. A row is usable when serving would have had its whole history
    and its label is known.
    """

    market: Market
    timeframe: Timeframe
    assets: tuple[Asset, ...]
    inputs: Inputs
    features: FeatureArray
    inverted: FeatureArray
    context: FeatureArray
    inverted_context: FeatureArray
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

    @property
    def both_contexts(self) -> FeatureArray:
        """As both_markets, the context of each row: (2 rows, width)."""
        return np.concatenate([self.context, self.inverted_context])

    def seen_through(self, inputs: Inputs) -> "Samples":
        """Return the same samples with these of their inputs, in this order. Raises ValueError for others."""
        if inputs == self.inputs:
            return self
        columns = [self.inputs.sequence.index(name) for name in inputs.sequence]
        ends = np.cumsum([context_width([name]) for name in self.inputs.context], dtype=np.int64)
        parts = np.split(np.arange(self.context.shape[1]), ends)
        of_context = [parts[self.inputs.context.index(name)] for name in inputs.context]
        known = np.concatenate([np.empty(0, dtype=np.int64), *of_context])
        return replace(
            self,
            inputs=inputs,
            features=self.features[:, columns],
            inverted=self.inverted[:, columns],
            context=self.context[:, known],
            inverted_context=self.inverted_context[:, known],
        )

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
    compute: FeatureFunction | None = None,
    after: int = 0,
    inputs: Inputs = STANDARD,
) -> tuple[Samples | None, dict[Asset, GrowfolioError]]:
    """Build the samples of all assets with good and long candles; say why the others are left out.

    None where no asset is left. The market's moves, which context may show, are those of all assets that are
    not left out. compute turns candles into indicators; it is the product's own, and
    given so that a test can plant a leak. Bars that closed at `after` or before, in seconds, are not
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
    candles = [stretch for _, stretch in parts]
    mirrored = [inverted(stretch) for stretch in candles]
    made = compute or (lambda stretch: sequence(inputs.sequence, stretch))
    samples = Samples(
        market,
        timeframe,
        assets,
        inputs,
        features=np.concatenate([made(stretch)[0] for stretch in candles]),
        inverted=np.concatenate([made(stretch)[0] for stretch in mirrored]),
        context=_context_of(candles, market, inputs.context),
        inverted_context=_context_of(mirrored, market, inputs.context),
        labels=all_labels,
        asset=np.repeat([assets.index(a) for a, _ in parts], [len(s.close_time) for _, s in parts]),
        bar_close=bar_close,
        decided=CloseTimes(np.concatenate(decided)),
        usable=usable,
        split=split_calendar(CloseTimes(bar_close[usable]), market, timeframe),
    )
    return samples, left_out


def _context_of(candles: Sequence[Stretch], market: Market, names: Sequence[str]) -> FeatureArray:
    """Return the context (rows, width) of each bar of these candles, which are all of the market."""
    series = market_series(map(_as_part_of_market, candles)) if names else None
    rows = [_context_of_one(stretch, market, names, series) for stretch in candles]
    return np.concatenate(rows)


def _as_part_of_market(candles: Stretch) -> Stretch:
    """Take out the trades of bars from which serving does not know the asset's share of the market's moves.

    It leaves an asset out until it has a whole history, and then sums its moves over SPANS.
    """
    unknown = BARS_NEEDED[candles.timeframe] - max(SPANS)
    return replace(candles, filled=candles.filled | (np.arange(candles.filled.shape[1]) < unknown))


def _context_of_one(
    candles: Stretch, market: Market, names: Sequence[str], series: MarketSeries | None
) -> FeatureArray:
    if series is None:
        return np.empty((len(candles.close_time), 0), dtype=np.float32)
    known: FeatureArray = context(names, scene_of(candles, market, series))[0]
    return known


def on_one_calendar(pools: Sequence[Samples], shares: tuple[float, float] = (0.7, 0.15)) -> list[Samples]:
    """Split the pools of a market at the same moments, whatever their timeframe.

    shares are those of the samples that train and validate.
    """
    return [
        replace(
            samples,
            split=split_calendar(calendar(samples, pools), samples.market, samples.timeframe, *shares),
        )
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
