"""The proofs refuse what they are there for, and say which input it is and at which bar."""

import numpy as np
import pytest
from growfolio.domain.bars import Candles, FloatArray
from growfolio.domain.indicators import Indicators
from growfolio.domain.rolling import ema, moving_mean
from growfolio.errors import UnsoundInput
from growfolio.indicators.proofs import prove_one
from growfolio.indicators.registry import ContextFormula, ContextInput, Formula, Indicator, all_indicators
from growfolio.indicators.scene import Scene, moves


def next_return(candles: Candles, known: Indicators) -> FloatArray:
    return np.append(candles.close[:, 1:] / candles.close[:, :-1] - 1, candles.close[:, :1] * 0, axis=1)


def centred_mean(candles: Candles, known: Indicators) -> FloatArray:
    padded = np.pad(candles.close, ((0, 0), (1, 1)), mode="edge")
    return candles.close / ((padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3) - 1


def against_all_history(candles: Candles, known: Indicators) -> FloatArray:
    mean: FloatArray = candles.volume.mean(axis=1, keepdims=True)
    return candles.volume / (1 + mean)


def filled_backwards(candles: Candles, known: Indicators) -> FloatArray:
    column = known.atr_14 / candles.close
    column[:, :13] = column[:, 13:14]
    return column


def bars_that_follow(candles: Candles, known: Indicators) -> FloatArray:
    bars = candles.close.shape[1]
    return np.broadcast_to((np.arange(bars)[::-1] / 1000), candles.close.shape)


def price_itself(candles: Candles, known: Indicators) -> FloatArray:
    return candles.close


def spread_in_units(candles: Candles, known: Indicators) -> FloatArray:
    return (candles.high - candles.low) / (candles.close + 1)


def slow_mean(candles: Candles, known: Indicators) -> FloatArray:
    return candles.close / moving_mean(candles.close, 120) - 1


def slow_average(candles: Candles, known: Indicators) -> FloatArray:
    return ema(candles.close, 100) / candles.close - 1


def bars_so_far(candles: Candles, known: Indicators) -> FloatArray:
    return np.broadcast_to(np.arange(candles.close.shape[1]) / 1000, candles.close.shape)


def logarithm_of_volume(candles: Candles, known: Indicators) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.log(candles.volume)


def one_number_an_asset(candles: Candles, known: Indicators) -> FloatArray:
    return candles.close[:, -1]


def divides(candles: Candles, known: Indicators) -> FloatArray:
    return candles.close * float(1 / (candles.close.shape[1] // 100))


def changes_its_candles(candles: Candles, known: Indicators) -> FloatArray:
    candles.close[:] /= candles.close[:, :1]
    return candles.close


def rank_among_assets(candles: Candles, known: Indicators) -> FloatArray:
    volumes: FloatArray = 1 + candles.volume.sum(axis=0)
    return candles.volume / volumes


REFUSED: dict[str, tuple[Formula, int, str]] = {
    "the next return": (next_return, 2, r"at bar \d+ \(.+, 20.+ UTC\) changes when later bars do"),
    "a mean about the bar": (centred_mean, 2, r"at bar \d+ .* changes when later bars do"),
    "a mean of all history": (against_all_history, 1, r"at bar 0 .* changes when later bars do"),
    "a back-fill": (filled_backwards, 180, r"at bar 0 .* changes when later bars do: it looks ahead"),
    "the bars that follow": (bars_that_follow, 1, r"at bar 0 .* is another where no later bars are known"),
    "a price": (price_itself, 1, r"at bar \d+ .* changes when all prices are ten times as high: make it a"),
    "a ratio to something": (spread_in_units, 1, r"at bar \d+ .* when all prices are ten times as high"),
    "a short warm-up": (slow_mean, 100, r"at bar \d+ .* before the 100 that it declares: declare more"),
    "an average that forgets slowly": (slow_average, 200, r"at bar \d+ .* before the 200 that it declares"),
    "the bars before": (bars_so_far, 5, r"at bar \d+ .* depends on bars before the 5 that it declares"),
    "no number where nothing trades": (logarithm_of_volume, 1, r"at bar \d+ \(.*\) is not finite"),
    "another shape": (one_number_an_asset, 1, r"gives an array \(2, 1\) where \(2, \d+, 1\) is needed"),
    "an exception": (divides, 1, r"fails: ZeroDivisionError"),
    "a change of its candles": (changes_its_candles, 1, r"fails: ValueError: .*read-only"),
    "a look at other assets": (rank_among_assets, 1, r"at bar \d+ .* depends on the other assets"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_indicator_is_refused_for(what: str) -> None:
    compute, bars, reason = REFUSED[what]
    with pytest.raises(UnsoundInput, match=f"^indicator planted {reason}"):
        prove_one(Indicator("planted", bars, compute))


def in_units(scene: Scene) -> FloatArray:
    return (scene.candles.close * scene.market_move)[..., None]


def next_move(scene: Scene) -> FloatArray:
    return np.roll(scene.market_move, -1, axis=1)[..., None]


def leaders_next_move(scene: Scene) -> FloatArray:
    return np.roll(scene.leader_move, -1, axis=1)[..., None]


def hour_of_the_last_bar(scene: Scene) -> FloatArray:
    return np.broadcast_to(scene.candles.times[:, -1:] % 3600 / 3600, scene.candles.close.shape)[..., None]


def long_volatility(scene: Scene) -> FloatArray:
    squares = moves(scene.candles) ** 2
    return np.log1p(moving_mean(squares, 300) / (1e-12 + moving_mean(squares, 12)))[..., None]


def too_narrow(scene: Scene) -> FloatArray:
    return scene.market_move


CONTEXT_REFUSED: dict[str, tuple[ContextFormula, str]] = {
    "units": (in_units, r"at bar \d+ .* changes when all prices are ten times as high"),
    "the market's next move": (next_move, r"at bar \d+ .* changes when later bars do"),
    "the leader's next move": (leaders_next_move, r"at bar \d+ .* changes when later bars do"),
    "the clock of the last bar": (hour_of_the_last_bar, r"at bar 0 .* where no later bars are known"),
    "a short warm-up": (long_volatility, r"at bar \d+ .* depends on bars before the 30 that it declares"),
    "another width": (too_narrow, r"gives an array \(2, \d+\) where \(2, \d+, 1\) is needed"),
}


@pytest.mark.parametrize("what", CONTEXT_REFUSED)
def test_a_context_input_is_refused_for(what: str) -> None:
    compute, reason = CONTEXT_REFUSED[what]
    with pytest.raises(UnsoundInput, match=f"^context input planted {reason}"):
        prove_one(ContextInput("planted", 30, compute))


def test_what_is_declared_to_have_units_may_have_them() -> None:
    prove_one(Indicator("price", 1, price_itself, scale_free=False))


@pytest.mark.parametrize("name", ["rsi_14", "ema_50", "macd", "vwap", "volume_ma", "close"])
def test_half_of_the_declared_bars_would_not_do(name: str) -> None:
    declared = all_indicators()[name]
    with pytest.raises(UnsoundInput, match=f"indicator {name} .* that it declares"):
        prove_one(Indicator(name, declared.bars // 2, declared.compute))
