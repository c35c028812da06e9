"""`python -m training train`, end to end on a small simulated market."""

import hashlib
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from growfolio.domain.alignment import align
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.features import windows
from growfolio.domain.forecast import Forecast, Inputs
from growfolio.domain.grid import last_slots
from growfolio.domain.indicators import indicators
from growfolio.domain.times import DAY
from growfolio.indicators.standard import features
from growfolio.indicators.views import views_of
from growfolio.models.manifest import Manifest, parse_manifest
from growfolio.models.onnx_forecaster import OnnxForecaster
from growfolio.models.repository import FolderRepository

from tests.training.conftest import DAYS, END, simulated
from tests.views import sixteen
from training.data.dataset import Part
from training.data.history import stretches
from training.fitting.settings import FitSettings
from training.networks.architectures import widths_of
from training.networks.export import read_pth
from training.networks.inference import probabilities
from training.pools import gather
from training.settings import TrainSettings
from training.train import train

QUICK = FitSettings(epochs=2, batch_size=16)


def quick(candles: Path, out: Path, **changes: object) -> TrainSettings:
    wanted = {
        "assets": tuple(find_asset(symbol) for symbol in (*DAYS, "NVDA")),
        "timeframes": (Timeframe.M5,),
        "fit": QUICK,
        "least_training": 100,
        "least_validation": 20,
        **changes,
    }
    return TrainSettings((candles,), out, **wanted)  # type: ignore[arg-type]


def run(settings: TrainSettings) -> list[str]:
    said: list[str] = []
    train(settings, END, lambda: float(len(said)), said.append)
    return said


@pytest.fixture(scope="module")
def trained(candle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainSettings, list[str]]:
    settings = quick(candle_folder, tmp_path_factory.mktemp("models"))
    return settings, run(settings)


@pytest.fixture(scope="module")
def manifest(trained: tuple[TrainSettings, list[str]]) -> Manifest:
    return parse_manifest((trained[0].out / "manifest.json").read_bytes())


def test_there_is_a_pooled_model_of_each_market_and_one_of_each_asset_with_enough_candles(
    manifest: Manifest,
) -> None:
    assert set(manifest.models) == {
        *("stocks_5m_lstm", "AAPL_5m_lstm", "MSFT_5m_lstm"),
        *("crypto_5m_lstm", "BTC_USDT_5m_lstm", "ETH_USDT_5m_lstm"),
    }
    assert manifest.models["stocks_5m_lstm"].assets == ("AAPL", "MSFT")
    assert manifest.models["BTC_USDT_5m_lstm"].assets == ("BTC_USDT",)


def test_every_asset_of_the_product_is_assigned_a_model_whatever_was_trained_on(manifest: Manifest) -> None:
    assignment = manifest.assignment[Timeframe.M5]
    assert set(assignment) == {asset.id for asset in ASSETS} | set(Market)
    assert assignment["stocks"] == "stocks_5m_lstm"
    assert assignment["NVDA"] == assignment["TMO"] == "stocks_5m_lstm"
    assert assignment["SOL_USDT"] == "crypto_5m_lstm"
    assert assignment["AAPL"] in ("AAPL_5m_lstm", "stocks_5m_lstm")


def test_an_asset_with_an_own_model_gets_the_one_that_was_better_on_validation(manifest: Manifest) -> None:
    for pool in ("stocks_5m", "crypto_5m"):
        losses = manifest.data[pool]["choice_by_validation_log_loss"]  # type: ignore[index]
        assert len(losses) == 2
        for asset, of_model in losses.items():
            assert manifest.assignment[Timeframe.M5][asset] == min(of_model, key=of_model.get)


def test_assets_without_enough_candles_are_named_with_the_reason(
    trained: tuple[TrainSettings, list[str]], manifest: Manifest
) -> None:
    left_out = manifest.data["left_out"]
    assert left_out["NVDA"] == "no candles"  # type: ignore[index]
    assert "312 bars of 5m" in left_out["TMO 5m"]  # type: ignore[index]
    assert trained[1][0] == "5 of 6 assets have candles: AAPL MSFT TMO BTC ETH"
    (line,) = [line for line in trained[1] if "left out" in line]
    assert line.startswith("left out: TMO 5m: too few candles")


def test_the_manifest_says_what_each_model_learned_and_when(
    trained: tuple[TrainSettings, list[str]], manifest: Manifest
) -> None:
    pools, _ = gather(trained[0], END)
    for samples in pools:
        model = manifest.models[f"{samples.market}_5m_lstm"]
        assert model.trained_from == samples.bar_close.min()
        assert model.trained_until == samples.split.validate_until
        assert model.trained_until < samples.bar_close[samples.rows(Part.TEST)].min()
        assert (model.label.kind, model.label.horizon_bars, model.label.threshold) == ("fixed", 1, 0.001)
        assert model.expires_at == END + 90 * DAY


def test_every_model_is_scored_on_its_test_part_beside_answering_without_a_model(
    trained: tuple[TrainSettings, list[str]], manifest: Manifest
) -> None:
    stocks = gather(trained[0], END)[0][0]
    for model_id, rows in {
        "stocks_5m_lstm": stocks.rows(Part.TEST),
        "AAPL_5m_lstm": stocks.rows(Part.TEST, find_asset("AAPL")),
    }.items():
        scores = manifest.models[model_id].metrics["test"]
        shares = np.bincount(stocks.labels[rows], minlength=3) / len(rows)
        assert scores["rows"] == len(rows)  # type: ignore[index]
        assert scores["base_rate"] == pytest.approx(shares.max(), abs=1e-6)  # type: ignore[index]
        assert scores["best_constant_log_loss"] <= scores["prior_log_loss"]  # type: ignore[index]


def test_files_are_those_the_manifest_names_by_checksum(
    trained: tuple[TrainSettings, list[str]], manifest: Manifest
) -> None:
    out = trained[0].out
    named = {
        file.file: file for model in manifest.models.values() for file in (model.onnx, model.pth) if file
    }
    card = {"MODEL_CARD.md", "stocks_5m_lstm.svg", "crypto_5m_lstm.svg"}
    assert {path.name for path in out.iterdir()} == {*named, "manifest.json", *card}
    for name, file in named.items():
        content = (out / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)


def test_serving_answers_with_these_models_what_torch_answers(
    trained: tuple[TrainSettings, list[str]], manifest: Manifest
) -> None:
    out, eth = trained[0].out, find_asset("ETH")
    candles = stretches(eth, simulated("ETH", 4), Timeframe.M5)[0]
    window = windows(features(candles), [0], [len(candles.close_time) - 1])
    forecaster = OnnxForecaster(FolderRepository(out, "r1").fetch("r1", [Market.CRYPTO]))
    (answer,) = forecaster.forecast([(eth, Timeframe.M5)], sixteen(window), END)
    assert isinstance(answer, Forecast)
    model = read_pth(out / f"{manifest.assignment[Timeframe.M5]['ETH_USDT']}.pth", "lstm")
    with torch.no_grad():
        np.testing.assert_allclose(
            answer.probabilities, model(torch.from_numpy(window))[0].numpy(), atol=1e-5
        )


def test_models_of_named_inputs_are_served_with_what_training_saw(
    market: dict[Asset, Bars], candle_folder: Path, tmp_path: Path
) -> None:
    """The whole way: samples, fitting, graph, manifest, and a refresh's own view of the same bars."""
    seen = Inputs(("close", "atr_14", "price_change"), ("hour_slot", "leader_moves", "volatility_ratios"))
    settings = quick(
        candle_folder,
        tmp_path,
        assets=(find_asset("BTC"), find_asset("ETH")),
        pooled_only=True,
        inputs=seen,
    )
    run(settings)
    manifest = parse_manifest((tmp_path / "manifest.json").read_bytes())
    (model,) = manifest.models.values()
    assert model.inputs.names == seen
    ((samples,), _) = gather(settings, END)
    rows = samples.rows(Part.TEST, find_asset("ETH"))[-40::13]
    trained = read_pth(tmp_path / "crypto_5m_lstm.pth", "lstm", widths_of(seen))
    expected, _ = probabilities(trained, samples, rows)
    forecaster = OnnxForecaster(FolderRepository(tmp_path, "r1").fetch("r1", [Market.CRYPTO]))
    coins = {asset: bars for asset, bars in market.items() if asset.market is Market.CRYPTO}
    for row, wanted in zip(rows, expected, strict=True):
        close = int(samples.bar_close[row])
        known = {asset: bars.closed_by(close) for asset, bars in coins.items()}
        candles, _ = align(known, last_slots(Market.CRYPTO, close, Timeframe.M5, 320), Timeframe.M5, 320)
        views = views_of(candles, [1], [319], forecaster.inputs, indicators(candles))
        (answer,) = forecaster.forecast([(candles.assets[1], Timeframe.M5)], views, END)
        assert isinstance(answer, Forecast)
        np.testing.assert_allclose(answer.probabilities, wanted, atol=2e-5)
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "3 indicators (close, atr_14, price_change)" in card
    assert "context hour_slot, leader_moves, volatility_ratios" in card


def test_the_model_card_tells_the_test_scores_and_where_the_candles_come_from(
    candle_folder: Path, tmp_path: Path
) -> None:
    run(quick(candle_folder, tmp_path, pooled_only=True, about="Made up by the simulated market."))
    card = (tmp_path / "MODEL_CARD.md").read_text()
    manifest = parse_manifest((tmp_path / "manifest.json").read_bytes())
    assert "Made up by the simulated market." in card
    assert "NVDA: no candles" in card
    for model in manifest.models.values():
        test = model.metrics["test"]
        row = f"| {model.id} | {test['rows']:,} | {test['accuracy']:.3f} | {test['base_rate']:.3f} |"  # type: ignore[index]
        assert row in card
    for pool in ("stocks_5m_lstm", "crypto_5m_lstm"):
        assert f"![{pool} on the test part]({pool}.svg)" in card
        drawn = ElementTree.fromstring((tmp_path / f"{pool}.svg").read_text())
        assert {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")} >= {
            *(pool, "Reliability", "The most decided", "Confusion")
        }


def test_the_same_seed_makes_the_same_models_whatever_else_is_trained(
    trained: tuple[TrainSettings, list[str]], manifest: Manifest, candle_folder: Path, tmp_path: Path
) -> None:
    run(quick(candle_folder, tmp_path, assets=(find_asset("BTC"), find_asset("ETH"))))
    again = parse_manifest((tmp_path / "manifest.json").read_bytes())
    assert len(again.models) == 3
    for model_id, model in again.models.items():
        assert model.onnx.sha256 == manifest.models[model_id].onnx.sha256


def test_another_seed_makes_other_models(manifest: Manifest, candle_folder: Path, tmp_path: Path) -> None:
    other = FitSettings(epochs=2, batch_size=16, seed=1)
    run(
        quick(
            candle_folder,
            tmp_path,
            assets=(find_asset("BTC"), find_asset("ETH")),
            pooled_only=True,
            fit=other,
        )
    )
    again = parse_manifest((tmp_path / "manifest.json").read_bytes())
    assert again.models["crypto_5m_lstm"].onnx.sha256 != manifest.models["crypto_5m_lstm"].onnx.sha256


def test_each_epoch_says_how_far_the_run_is_and_how_long_it_will_take(
    trained: tuple[TrainSettings, list[str]],
) -> None:
    epochs = [line for line in trained[1] if "epoch" in line]
    assert len(epochs) == 6 * QUICK.epochs
    assert epochs[-1].startswith("[100%] ")
    # What follows the last epoch takes time too: each step has a line.
    steps = trained[1][trained[1].index(epochs[-1]) + 1 :]
    assert steps[0] == "calibrating 4 models of lstm"
    assert "stocks_5m_lstm: choosing between it and 2 models of single assets" in steps
    tested = [line.split(":")[0] for line in steps if line.endswith(": testing and exporting")]
    assert len(tested) == 6
    assert set(tested) == {line.split("] ")[1].split()[0] for line in epochs}
    assert any("stocks_5m_lstm epoch 1/2: loss" in line for line in epochs[:6])


def test_an_interrupted_run_leaves_the_models_that_were_there(
    trained: tuple[TrainSettings, list[str]], candle_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "models"
    copytree(trained[0].out, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def interrupt(line: str) -> None:
        if line.startswith("[") and "crypto" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(quick(candle_folder, out, pooled_only=True), END, lambda: 0.0, interrupt)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_that_is_begun_again_goes_on_after_the_last_epoch_and_ends_with_the_same(
    trained: tuple[TrainSettings, list[str]], candle_folder: Path, tmp_path: Path
) -> None:
    coins = {"assets": (find_asset("BTC"), find_asset("ETH")), "checkpoint": tmp_path / "kept"}

    def interrupt(line: str) -> None:
        if "epoch 2" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(quick(candle_folder, tmp_path / "models", **coins), END, lambda: 0.0, interrupt)
    said = run(quick(candle_folder, tmp_path / "models", **coins))
    epochs = [line.split("] ")[1].split(":")[0] for line in said if "epoch" in line]
    own = [f"{asset}_USDT_5m_lstm epoch {n}/2" for n in (1, 2) for asset in ("BTC", "ETH")]
    assert epochs == ["crypto_5m_lstm epoch 2/2", *own]
    again = parse_manifest((tmp_path / "models" / "manifest.json").read_bytes())
    whole = parse_manifest((trained[0].out / "manifest.json").read_bytes())
    assert len(again.models) == 3
    for model_id, model in again.models.items():
        assert model.onnx.sha256 == whole.models[model_id].onnx.sha256
