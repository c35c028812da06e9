"""The models shipped with the code: there, whole, small, and for every asset of the product."""

import hashlib
from pathlib import Path

import growfolio.models as models
import numpy as np
import pytest
from growfolio.domain.assets import ASSETS, Market
from growfolio.domain.forecast import WINDOW, Forecast, Views
from growfolio.domain.times import DAY
from growfolio.indicators.registry import context_width
from growfolio.indicators.standard import FEATURES
from growfolio.models.loader import STARTER_MODELS
from growfolio.models.manifest import Manifest, parse_manifest
from growfolio.models.onnx_forecaster import OnnxForecaster

FOLDER = Path(models.__file__).parent / "starter"
CENTURY = 100 * 365 * DAY


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return parse_manifest((FOLDER / "manifest.json").read_bytes())


def test_their_manifest_is_written_again_as_it_was_read(manifest: Manifest) -> None:
    assert manifest.to_json() == (FOLDER / "manifest.json").read_text()


def test_they_are_the_four_pooled_ensembles_in_less_than_three_megabytes(manifest: Manifest) -> None:
    assert set(manifest.models) == {
        f"{market}_{frame}_ensemble" for market in Market for frame in ("5m", "15m")
    }
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    of_models = {f"{model}.{kind}" for model in manifest.models for kind in ("onnx", "svg")}
    assert set(files) == of_models | {"manifest.json", "MODEL_CARD.md"}
    assert sum(files.values()) < 3_000_000


def test_each_file_is_the_one_that_the_manifest_names(manifest: Manifest) -> None:
    for model in manifest.models.values():
        content = (FOLDER / model.onnx.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == model.onnx.sha256


def test_as_the_last_resort_they_serve_every_asset_and_never_expire(manifest: Manifest) -> None:
    frames = {model.timeframe for model in manifest.models.values()}
    requests = [(asset, frame) for asset in ASSETS for frame in frames]
    windows = np.zeros((len(requests), WINDOW, 16), dtype=np.float32)
    forecaster = OnnxForecaster(STARTER_MODELS.fetch("starter", list(Market)))
    known = {
        one.name: np.zeros((len(requests), context_width([one.name])), dtype=np.float32)
        for model in manifest.models.values()
        for one in model.inputs.context
    }
    views = Views(windows, FEATURES, known)
    answers = forecaster.forecast(requests, views, manifest.created_at + CENTURY)
    for (asset, frame), answer in zip(requests, answers, strict=True):
        assert isinstance(answer, Forecast)
        assert answer.model_id == f"{asset.market}_{frame}_ensemble"
        assert answer.probabilities.sum() == pytest.approx(1.0, abs=1e-6)


def test_they_know_more_than_the_class_shares_on_candles_they_have_not_seen(manifest: Manifest) -> None:
    for model in manifest.models.values():
        test = model.metrics["test"]
        assert isinstance(test, dict)
        assert test["rows"] > 5000
        assert test["log_loss"] < min(test["prior_log_loss"], test["best_constant_log_loss"])
        assert test["mcc"] > 0.1


def test_their_card_tells_data_licence_split_and_scores_beside_those_of_no_model(manifest: Manifest) -> None:
    card = (FOLDER / "MODEL_CARD.md").read_text()
    assert str(manifest.data["about"]) in card
    assert "(MIT)" in card
    assert "(GPL-3)" in card
    for model in manifest.models.values():
        test = model.metrics["test"]
        assert isinstance(test, dict)
        scores = (test["accuracy"], test["base_rate"], test["mcc"], test["macro_f1"])
        assert f"| {model.id} | {test['rows']:,} | {' | '.join(f'{s:.3f}' for s in scores)} |" in card
