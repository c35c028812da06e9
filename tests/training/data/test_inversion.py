"""The market upside down: what a model learns from beside the market as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars
from growfolio.domain.forecast import BUY, HOLD, SELL, Inputs
from growfolio.domain.label import Label
from growfolio.domain.labels import UNKNOWN, labels_of
from growfolio.indicators.standard import FEATURES

from tests.training.fitting.alone import fit_alone
from training.data.dataset import Part, Samples, build_samples
from training.data.history import stretches
from training.data.inversion import inverted, inverted_labels
from training.evaluation.leaks import changed_after
from training.fitting.settings import FitSettings

RULES = [Label(), Label("volatility", 4, 0.5), Label("triple_barrier", 12, 1.0)]


@pytest.fixture(scope="module")
def coins(market: dict[Asset, Bars]) -> dict[Asset, Bars]:
    return {asset: bars for asset, bars in market.items() if asset.market is Market.CRYPTO}


def samples_of(bars: dict[Asset, Bars]) -> Samples:
    samples, _ = build_samples(Market.CRYPTO, Timeframe.M5, bars, Label())
    assert samples is not None
    return samples


def test_mirrored_twice_is_the_market_again(coins: dict[Asset, Bars]) -> None:
    asset, bars = next(iter(coins.items()))
    candles = stretches(asset, bars, Timeframe.M5)[0]
    turned = inverted(candles)
    assert (turned.low <= np.minimum(turned.open, turned.close)).all()
    assert (turned.high >= np.maximum(turned.open, turned.close)).all()
    again = inverted(turned)
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_allclose(getattr(again, name), getattr(candles, name), rtol=1e-12)


@pytest.mark.parametrize("label", RULES, ids=lambda label: label.kind)
def test_the_labels_mirrored_are_those_of_the_candles_mirrored(
    coins: dict[Asset, Bars], label: Label
) -> None:
    asset, bars = next(iter(coins.items()))
    candles = stretches(asset, bars, Timeframe.M5)[0]
    labels, _ = labels_of(candles, label)
    of_inverted, _ = labels_of(inverted(candles), label)
    # A rise of 0.1 % is a fall of 0.0999 %: labels on the very edge differ.
    assert (inverted_labels(labels) == of_inverted).mean() > 0.99
    turned = inverted_labels(np.array([SELL, HOLD, BUY, UNKNOWN]))
    assert turned.tolist() == [BUY, HOLD, SELL, UNKNOWN]


def test_rises_are_falls_in_features_and_a_bar_is_as_wide(coins: dict[Asset, Bars]) -> None:
    samples = samples_of(coins)
    at = FEATURES.index
    np.testing.assert_allclose(
        (1 + samples.features[:, at("price_change")]) * (1 + samples.inverted[:, at("price_change")]),
        1,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        samples.inverted[:, at("rsi_14")], 1 - samples.features[:, at("rsi_14")], atol=0.05
    )
    np.testing.assert_allclose(
        samples.inverted[:, at("volume")], samples.features[:, at("volume")], atol=1e-6
    )


def test_moves_of_the_market_change_sign_and_the_clock_does_not(coins: dict[Asset, Bars]) -> None:
    names = ("hour_slot", "market_moves", "weekday", "moves_against_market", "volatility_ratios")
    samples, _ = build_samples(Market.CRYPTO, Timeframe.M5, coins, Label(), inputs=Inputs(("close",), names))
    assert samples is not None
    for name in names:
        one = samples.seen_through(Inputs(("close",), (name,)))
        sign = -1 if "moves" in name else 1
        np.testing.assert_allclose(one.inverted_context, sign * one.context, atol=1e-6, err_msg=name)
    assert np.abs(samples.context).max() > 1
    assert samples.seen_through(Inputs(("close",), names[::-1])).context.shape == samples.context.shape


def test_only_training_rows_are_taught_and_each_under_its_own_label(coins: dict[Asset, Bars]) -> None:
    samples = samples_of(coins)
    rows, train = len(samples.labels), samples.rows(Part.TRAIN)
    answers, ends = samples.answers(train, True), samples.ends(train, True)
    assert sorted(ends) == sorted(np.flatnonzero(answers != UNKNOWN))
    assert (answers[train] == samples.labels[train]).all()
    assert (answers[train + rows] == inverted_labels(samples.labels[train])).all()
    assert len(samples.ends(train, False)) == (samples.answers(train, False) != UNKNOWN).sum() == len(train)


def test_later_candles_change_nothing_mirrored_before_them(coins: dict[Asset, Bars]) -> None:
    before = samples_of(coins)
    moment = before.split.train_until
    after = samples_of({asset: changed_after(bars, moment) for asset, bars in coins.items()})
    past = before.bar_close <= moment
    assert np.array_equal(before.inverted[past], after.inverted[past])
    assert not np.array_equal(before.inverted, after.inverted)


def test_a_model_taught_both_ways_answers_alike_where_the_market_only_rose(coins: dict[Asset, Bars]) -> None:
    """Labels that are all BUY teach a trend; taught both ways, SELL is as likely."""
    samples = samples_of(coins)
    rising = replace(samples, labels=np.where(samples.labels == UNKNOWN, UNKNOWN, BUY))
    train, validation = rising.rows(Part.TRAIN)[:600], rising.rows(Part.VALIDATION)[:300]
    shares = {}
    for both in (True, False):
        settings = FitSettings(epochs=4, batch_size=16, answered=5, inverted=both)
        model = fit_alone(rising, settings, train, validation).model
        model.temperature.fill_(1.0)
        with torch.no_grad():
            shares[both] = model(torch.from_numpy(samples.features[None, train[0] - 59 : train[0] + 1]))[0]
    assert shares[False][BUY] > 0.9
    assert shares[True][BUY] < 0.8
