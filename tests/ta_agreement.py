"""What it means that indicators and features equal those of the library `ta`."""

import numpy as np
import pandas as pd
from growfolio.domain.bars import Candles, FloatArray
from growfolio.domain.features import FeatureArray
from growfolio.domain.indicators import BOLLINGER_BARS, Indicators
from growfolio.domain.rolling import moving_deviation, moving_mean
from ta.volatility import BollingerBands

from tests.benchmarks.reference import frame_of, plain_features, plain_indicators

RELATIVE = 1e-9
WARM_UP = 100
"""Bars after which the reference has a value for everything."""
STRETCH = 420
"""Bars of one run of `ta` for %B: its moving deviation adds and subtracts, and after 20,000 bars has
drifted by 1e-8 of the band's width. Ours starts afresh at each bar (see test_moving)."""


def assert_indicators_agree_with_ta(candles: Candles, row: int, values: Indicators) -> None:
    """To a relative 1e-9 at every bar at which `ta` has a value.

    MACD is a difference of prices, so that near 0 it has only the digits that they leave: 1e-14 of the
    price. %B is a share of the band's width: 1e-9 of that.
    """
    frame = frame_of(candles, row)
    reference = plain_indicators(frame)
    for name in reference.columns.drop("bollinger"):
        slack = 1e-14 * candles.close[row] if name == "macd" else 0.0
        _assert_close(name, getattr(values, name)[row], reference[name].to_numpy(), slack)
    for start in range(0, len(frame) - WARM_UP, STRETCH - WARM_UP):
        stretch = slice(start, start + STRETCH)
        reference = plain_indicators(frame.iloc[stretch])
        _assert_close(
            "bollinger", values.bollinger[row, stretch], reference["bollinger"].to_numpy(), RELATIVE
        )


def assert_bands_agree_with_ta(candles: Candles, row: int) -> None:
    """Both Bollinger bands, in prices, over the whole history at once."""
    close = candles.close[row]
    mean, width = moving_mean(close, BOLLINGER_BARS), 2 * moving_deviation(close, BOLLINGER_BARS)
    bands = BollingerBands(pd.Series(close), BOLLINGER_BARS, 2)
    _assert_close("upper band", mean + width, bands.bollinger_hband().to_numpy())
    _assert_close("lower band", mean - width, bands.bollinger_lband().to_numpy())


def assert_features_agree_with_the_plain_way(candles: Candles, row: int, table: FeatureArray) -> None:
    """To what float32 and %B's drift leave: a relative 1e-6, and 1e-7 near 0."""
    reference = plain_features(frame_of(candles, row))
    for position, name in enumerate(reference.columns):
        ours = table[row, WARM_UP:, position]
        np.testing.assert_allclose(ours, reference[name].to_numpy()[WARM_UP:], 1e-6, 1e-7, err_msg=name)


def _assert_close(
    name: str, ours: FloatArray, reference: FloatArray, slack: FloatArray | float = 0.0
) -> None:
    known = np.isfinite(reference)
    assert known[WARM_UP:].all(), f"ta has no {name} at some bar to compare with"
    allowed = RELATIVE * np.abs(reference) + slack
    apart = np.flatnonzero(known & ~(np.abs(ours - reference) <= allowed))
    assert not len(apart), (
        f"{name} differs from ta at bar {apart[0]}: {ours[apart[0]]}, {reference[apart[0]]}"
    )
