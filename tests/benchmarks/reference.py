"""The plain way, which the product is measured and checked against: `ta` for one asset at a time on a
pandas frame, and torch for one model at a time."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from growfolio.domain.bars import PRICES, Candles
from growfolio.domain.forecast import WINDOW
from ta.momentum import RSIIndicator
from ta.trend import MACD, EMAIndicator
from ta.volatility import AverageTrueRange, BollingerBands
from ta.volume import VolumeWeightedAveragePrice

TorchModel = Callable[[Any], Any]


def frame_of(candles: Candles, row: int) -> pd.DataFrame:
    """One asset's open, high, low, close and volume, a row a bar."""
    return pd.DataFrame({name: getattr(candles, name)[row] for name in PRICES}, index=candles.close_time)


def plain_indicators(frame: pd.DataFrame) -> pd.DataFrame:
    """What the product's Indicators hold, from `ta` (pandas where it has none); NaN while warming up."""
    high, low, close, volume = (frame[name] for name in ("high", "low", "close", "volume"))
    return pd.DataFrame(
        {
            "rsi_14": RSIIndicator(close, 14).rsi(),
            "macd": MACD(close).macd(),
            "ema_9": EMAIndicator(close, 9).ema_indicator(),
            "ema_21": EMAIndicator(close, 21).ema_indicator(),
            "ema_50": EMAIndicator(close, 50).ema_indicator(),
            "atr_14": AverageTrueRange(high, low, close, 14).average_true_range().iloc[13:],
            "bollinger": BollingerBands(close, 20, 2).bollinger_pband(),
            "vwap": VolumeWeightedAveragePrice(high, low, close, volume, 14).volume_weighted_average_price(),
            "volume_ma": volume.rolling(20).mean(),
            "price_change": close.pct_change(),
            "hl_spread": (high - low) / close,
        }
    )


def plain_features(frame: pd.DataFrame) -> pd.DataFrame:
    """The sixteen features in their order; NaN while warming up."""
    values, close = plain_indicators(frame), frame["close"]
    return pd.DataFrame(
        {
            "open": frame["open"] / close - 1,
            "high": frame["high"] / close - 1,
            "low": frame["low"] / close - 1,
            "close": close / close.rolling(20).mean() - 1,
            "volume": np.log1p(frame["volume"] / values["volume_ma"]),
            "rsi_14": values["rsi_14"] / 100,
            "macd": values["macd"] / close,
            "ema_9": values["ema_9"] / close - 1,
            "ema_21": values["ema_21"] / close - 1,
            "ema_50": values["ema_50"] / close - 1,
            "atr_14": values["atr_14"] / close,
            "bollinger": values["bollinger"],
            "vwap": values["vwap"] / close - 1,
            "volume_ma": np.log1p(values["volume_ma"] / frame["volume"].rolling(100).mean()),
            "price_change": values["price_change"],
            "hl_spread": values["hl_spread"],
        }
    )


def plain_windows(frames: Iterable[pd.DataFrame]) -> list[npt.NDArray[np.float32]]:
    """What each model sees: (60, 16), the last bars of its own asset's features."""
    return [plain_features(frame).iloc[-WINDOW:].to_numpy(np.float32, copy=True) for frame in frames]


def plain_probabilities(
    models: Iterable[TorchModel], windows: Iterable[npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    """(models, 3), each model asked on its own."""
    import torch

    with torch.inference_mode():
        pairs = zip(models, windows, strict=True)
        return np.stack([model(torch.from_numpy(window)[None])[0].numpy() for model, window in pairs])
