"""Fitting and choosing models."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.label import Label
from growfolio.record.metrics import log_loss

from tests.training.fitting.alone import fit_alone
from training.data.dataset import Part, Samples, build_samples
from training.fitting.member import fit_normalisation
from training.fitting.settings import FitSettings
from training.networks.architectures import LIMIT, Normalisation, build
from training.networks.inference import probabilities
from training.release.pool import Candidate, choose


@pytest.fixture(scope="module")
def samples(market: dict[Asset, Bars]) -> Samples:
    coins = {asset: bars for asset, bars in market.items() if asset.market is Market.CRYPTO}
    samples, _ = build_samples(Market.CRYPTO, Timeframe.M5, coins, Label())
    assert samples is not None
    return samples


def test_a_few_epochs_foresee_how_much_a_simulated_market_will_move(samples: Samples) -> None:
    model = fit_alone(samples, FitSettings(epochs=6, batch_size=16)).model
    rows = samples.rows(Part.TEST)
    calibrated, _ = probabilities(model, samples, rows)
    prior = np.bincount(samples.labels[samples.rows(Part.TRAIN)], minlength=3) / len(samples.rows(Part.TRAIN))
    loss = log_loss(calibrated, samples.labels[rows])
    assert loss < log_loss(np.tile(prior, (len(rows), 1)), samples.labels[rows]) - 0.01


@pytest.mark.parametrize("answered", [1, 20])
def test_training_lowers_the_loss_however_many_bars_of_a_window_are_answered(
    samples: Samples, answered: int
) -> None:
    settings = FitSettings(epochs=3, batch_size=32, answered=answered, learning_rate=5e-4)
    train, validation = samples.rows(Part.TRAIN), samples.rows(Part.VALIDATION)
    rows = 500 if answered == 1 else len(train)
    epochs = fit_alone(samples, settings, train[:rows], validation[:300]).epochs
    assert epochs[-1].train_loss < epochs[0].train_loss


def test_the_epoch_with_the_least_validation_loss_is_kept_and_training_stops_when_none_is_better(
    samples: Samples,
) -> None:
    settings = FitSettings(epochs=40, batch_size=16, learning_rate=0.05, patience=2)
    fitted = fit_alone(samples, settings)
    epochs = fitted.epochs
    best = min(epochs, key=lambda epoch: epoch.validation_loss)
    assert len(epochs) == best.number + settings.patience < settings.epochs
    rows = samples.rows(Part.VALIDATION)
    _, uncalibrated = probabilities(fitted.model, samples, rows)
    assert log_loss(uncalibrated, samples.labels[rows]) == pytest.approx(best.validation_loss, abs=1e-6)


def test_normalisation_takes_its_scale_from_common_bars_and_not_from_a_crash() -> None:
    rows = np.random.default_rng(0).normal(3.0, 2.0, (5000, 16)).astype(np.float32)
    rows[:10, 0] = 1e6
    rows[:, 5] = 7.0
    normalisation = Normalisation(16)
    fit_normalisation(normalisation, rows)
    assert normalisation.centre[0].item() == pytest.approx(3.0, abs=0.1)
    assert normalisation.scale[0].item() == pytest.approx(2.0, rel=0.05)
    extreme = normalisation(torch.from_numpy(rows[None, :60]))
    assert extreme[0, 0, 0] == LIMIT
    assert torch.equal(extreme[0, :, 5], torch.zeros(60))


def answering(samples: Samples, model_id: str, shares: list[float], own: Asset | None = None) -> Candidate:
    """A model that gives the same probabilities whatever it sees."""
    model = build("lstm")
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    head = model.network.get_submodule("head")
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.bias.copy_(torch.tensor(shares).log())
    return Candidate(model_id, model.eval(), samples, own)


def test_an_assets_own_model_serves_only_where_it_beats_the_pooled_one_on_validation(
    samples: Samples,
) -> None:
    btc, eth = find_asset("BTC"), find_asset("ETH")
    shares = {
        asset: np.bincount(samples.labels[samples.rows(Part.VALIDATION, asset)], minlength=3)
        for asset in (btc, eth)
    }
    right = (shares[btc] / shares[btc].sum()).tolist()
    pooled = answering(samples, "pooled", [0.3, 0.4, 0.3])
    choice = choose(
        pooled, [answering(samples, "btc", right, btc), answering(samples, "eth", [0.9, 0.05, 0.05], eth)]
    )
    assert choice.serving["BTC_USDT"] == "btc"
    assert choice.serving["ETH_USDT"] == "pooled"
    assert choice.serving["DOGE_USDT"] == "pooled"
    assert choice.losses["BTC_USDT"]["btc"] < choice.losses["BTC_USDT"]["pooled"]


def test_the_choice_looks_at_no_test_row(samples: Samples) -> None:
    btc = find_asset("BTC")
    pooled = answering(samples, "pooled", [0.3, 0.4, 0.3])
    own = answering(samples, "btc", [0.25, 0.5, 0.25], btc)
    before = choose(pooled, [own])
    labels = samples.labels.copy()
    labels[samples.rows(Part.TEST)] = 0
    other_test = replace(samples, labels=labels)
    assert choose(replace(pooled, samples=other_test), [replace(own, samples=other_test)]) == before
