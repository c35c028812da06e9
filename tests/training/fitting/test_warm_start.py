"""Fine-tuning goes on from the published weights, on bars that they have not seen, and on nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.forecast import Inputs
from growfolio.domain.times import DAY
from growfolio.errors import ConfigurationError
from growfolio.indicators.views import STANDARD
from growfolio.models.manifest import Model, parse_manifest
from growfolio.models.repository import FolderRepository
from growfolio.training_jobs.networks import Network

from tests.training.conftest import END, write_bars
from training.data.dataset import Part
from training.fitting.champion import Champion
from training.fitting.settings import FitSettings
from training.fitting.warm_start import WarmStart
from training.networks.export import read_pth
from training.pools import gather
from training.settings import TrainSettings
from training.train import train

COINS = (find_asset("BTC"), find_asset("ETH"))
POOLED = "crypto_5m_lstm"


def settings(candles: Path, out: Path, warm: WarmStart | None = None) -> TrainSettings:
    return TrainSettings(
        (candles,),
        out,
        assets=COINS,
        timeframes=(Timeframe.M5,),
        fit=FitSettings(epochs=2, batch_size=16),
        pooled_only=True,
        least_training=100,
        least_validation=20,
        warm=warm,
    )


def run(told: TrainSettings) -> tuple[Model, list[str]]:
    said: list[str] = []
    manifest = train(told, END, lambda: 0.0, said.append)
    return manifest.models[POOLED], said


@pytest.fixture(scope="module")
def published(market: dict[Asset, Bars], tmp_path_factory: pytest.TempPathFactory) -> Champion:
    """Models of a week ago."""
    candles, out = tmp_path_factory.mktemp("candles"), tmp_path_factory.mktemp("models")
    for asset in COINS:
        write_bars(candles, asset, market[asset].closed_by(END - 7 * DAY))
    run(settings(candles, out))
    found = FolderRepository(out, "f" * 40).fetch("f" * 40, [Market.CRYPTO])
    return Champion(
        found.revision, found.manifest, found.graphs, {POOLED: (out / f"{POOLED}.pth").read_bytes()}
    )


def test_only_bars_that_the_published_models_have_not_seen_are_used(
    published: Champion, candle_folder: Path, tmp_path: Path
) -> None:
    before = published.manifest.models[POOLED]
    (samples,), _ = gather(settings(candle_folder, tmp_path, WarmStart(published)), END)
    assert samples.bar_close[samples.rows(Part.TRAIN)].min() > before.trained_until
    assert (samples.bar_close[samples.usable] <= before.trained_until).sum() == 0


def test_a_fine_tuned_model_has_seen_what_it_had_seen_before_too(
    published: Champion, candle_folder: Path, tmp_path: Path
) -> None:
    before = published.manifest.models[POOLED]
    after, _ = run(settings(candle_folder, tmp_path, WarmStart(published)))
    assert after.trained_from == before.trained_from
    assert after.trained_until > before.trained_until
    assert parse_manifest((tmp_path / "manifest.json").read_bytes()).models[POOLED] == after


def test_training_goes_on_from_the_published_weights_and_normalisation(
    published: Champion, candle_folder: Path, tmp_path: Path
) -> None:
    """With a learning rate of nothing it ends where it began; with its own it moves a little."""
    before = published.network(POOLED).state_dict()
    run(settings(candle_folder, tmp_path / "still", WarmStart(published, learning_rate=1e-12)))
    still = read_pth(tmp_path / "still" / f"{POOLED}.pth", "lstm").state_dict()
    run(settings(candle_folder, tmp_path / "tuned", WarmStart(published)))
    tuned = read_pth(tmp_path / "tuned" / f"{POOLED}.pth", "lstm").state_dict()
    weights = [name for name in before if name.startswith("network.")]
    for name in weights:
        torch.testing.assert_close(still[name], before[name], rtol=0, atol=1e-6)
    moved = max(float((tuned[name] - before[name]).abs().max()) for name in weights)
    assert 1e-4 < moved < 0.1
    for name in ("normalisation.centre", "normalisation.scale"):
        assert torch.equal(tuned[name], before[name])


@pytest.mark.slow
def test_each_network_of_an_ensemble_goes_on_from_its_own_weights(
    candle_folder: Path, tmp_path: Path, market: dict[Asset, Bars]
) -> None:
    pooled, ensemble = "crypto_5m_ensemble", FitSettings(network=Network.ENSEMBLE, epochs=1, batch_size=16)
    (tmp_path / "candles").mkdir()
    for asset in COINS:
        write_bars(tmp_path / "candles", asset, market[asset].closed_by(END - 7 * DAY))
    first = replace(settings(tmp_path / "candles", tmp_path / "first"), fit=ensemble)
    train(first, END, lambda: 0.0, lambda line: None)
    found = FolderRepository(first.out, "e" * 40).fetch("e" * 40, [Market.CRYPTO])
    tensors = {pooled: (first.out / f"{pooled}.pth").read_bytes()}
    champion = Champion(found.revision, found.manifest, found.graphs, tensors)
    still = WarmStart(champion, learning_rate=1e-12)
    train(
        replace(settings(candle_folder, tmp_path / "second", still), fit=ensemble),
        END,
        lambda: 0.0,
        lambda line: None,
    )
    before, after = (
        read_pth(tmp_path / name / f"{pooled}.pth", Network.ENSEMBLE) for name in ("first", "second")
    )
    kept = before.state_dict()
    moved = [
        float((tensor - kept[name]).abs().max())
        for name, tensor in after.state_dict().items()
        if not name.endswith("temperature")
    ]
    assert len(moved) > 20
    assert max(moved) < 1e-5


def test_models_that_were_not_published_are_left_out_with_the_reason(
    published: Champion, candle_folder: Path, tmp_path: Path
) -> None:
    told = replace(settings(candle_folder, tmp_path, WarmStart(published)), pooled_only=False)
    _, said = run(told)
    reason = f"revision {'f' * 12} holds no tensors of it to go on from"
    assert f"left out: BTC_USDT_5m_lstm, ETH_USDT_5m_lstm: {reason}" in said
    assert not [line for line in said if "BTC_USDT_5m_lstm epoch" in line]


def test_weights_are_not_fine_tuned_on_other_inputs_and_the_reason_names_their_own(
    published: Champion, candle_folder: Path, tmp_path: Path
) -> None:
    warm = WarmStart(published)
    assert warm.inputs() == STANDARD
    told = replace(settings(candle_folder, tmp_path, warm), inputs=Inputs(("close",), ("hour_slot",)))
    with pytest.raises(ConfigurationError, match=f"revision {'f' * 12} sees other inputs"):
        run(told)
    own = warm.lacks(POOLED, told.inputs) or ""
    assert f"--sequence {' '.join(STANDARD.sequence)} --context, or train it anew" in own


def test_without_newer_bars_there_is_nothing_to_learn(
    published: Champion, candle_folder: Path, tmp_path: Path
) -> None:
    seen = replace(published.manifest.models[POOLED], trained_until=END + DAY, expires_at=None)
    champion = replace(published, manifest=replace(published.manifest, models={POOLED: seen}))
    with pytest.raises(ConfigurationError, match="no bars after 2025-06-1"):
        run(settings(candle_folder, tmp_path, WarmStart(champion)))
