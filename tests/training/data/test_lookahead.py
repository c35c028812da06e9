"""Nothing that training makes from the past may depend on the future; a leak planted on purpose is seen."""

import numpy as np
import pytest
import torch
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, Candles
from growfolio.domain.features import FeatureArray
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label
from growfolio.indicators.registry import all_context_inputs
from growfolio.indicators.standard import FEATURES, features

from tests.training.fitting.alone import fit_alone
from training.data.dataset import FeatureFunction, Part, Samples, build_samples
from training.evaluation.leaks import changed_after
from training.fitting.settings import FitSettings
from training.networks.architectures import SignalModel

QUICK = FitSettings(epochs=1, batch_size=32)


def samples_of(bars: dict[Asset, Bars], compute: FeatureFunction = features) -> Samples:
    inputs = Inputs(FEATURES, tuple(all_context_inputs()))
    samples, _ = build_samples(Market.CRYPTO, Timeframe.M5, bars, Label(), compute, inputs=inputs)
    assert samples is not None
    return samples


def fitted(samples: Samples) -> SignalModel:
    return fit_alone(samples, QUICK).model


@pytest.fixture(scope="module")
def coins(market: dict[Asset, Bars]) -> dict[Asset, Bars]:
    return {asset: bars for asset, bars in market.items() if asset.market is Market.CRYPTO}


def past_differs(coins: dict[Asset, Bars], compute: FeatureFunction) -> bool:
    """Whether other candles after the training part change what the training part is made of."""
    before = samples_of(coins, compute)
    moment = before.split.train_until
    after = samples_of({asset: changed_after(bars, moment) for asset, bars in coins.items()}, compute)
    rows = before.rows(Part.TRAIN)
    past = before.bar_close <= moment
    return not (
        before.split == after.split
        and np.array_equal(rows, after.rows(Part.TRAIN))
        and np.array_equal(before.labels[rows], after.labels[rows])
        and np.array_equal(before.features[past], after.features[past])
        and np.array_equal(before.context[past], after.context[past])
    )


def test_later_candles_change_no_earlier_feature_label_or_cut(coins: dict[Asset, Bars]) -> None:
    assert not past_differs(coins, features)


def leak_of_the_next_close(candles: Candles) -> FeatureArray:
    table = features(candles)
    table[:, :-1, 14] = table[:, 1:, 14]
    return table


def leak_of_the_whole_history(candles: Candles) -> FeatureArray:
    table = features(candles)
    table /= table.std(axis=1, keepdims=True)
    return table


@pytest.mark.parametrize("leak", [leak_of_the_next_close, leak_of_the_whole_history])
def test_a_leak_planted_on_purpose_is_caught(coins: dict[Asset, Bars], leak: FeatureFunction) -> None:
    assert past_differs(coins, leak)


def test_normalisation_and_weights_are_made_from_the_training_part_alone(coins: dict[Asset, Bars]) -> None:
    samples = samples_of(coins)
    other_future = {asset: changed_after(bars, samples.split.train_until) for asset, bars in coins.items()}
    model, same = fitted(samples).state_dict(), fitted(samples_of(other_future)).state_dict()
    assert not torch.equal(model.pop("temperature"), same.pop("temperature"))
    assert all(torch.equal(tensor, same[name]) for name, tensor in model.items())


def test_nothing_of_a_model_depends_on_the_test_part(coins: dict[Asset, Bars]) -> None:
    samples = samples_of(coins)
    other_test = {asset: changed_after(b, samples.split.validate_until) for asset, b in coins.items()}
    model, same = fitted(samples).state_dict(), fitted(samples_of(other_test)).state_dict()
    assert all(torch.equal(tensor, same[name]) for name, tensor in model.items())
