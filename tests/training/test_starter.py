"""The shipped models are what their card says: recomputed from the candles that they were tested on."""

import json
from dataclasses import replace
from pathlib import Path

import growfolio.models as models
import numpy as np
import pytest
from growfolio.domain.assets import ASSETS, Market, Timeframe
from growfolio.domain.bars import CloseTimes
from growfolio.domain.times import BAR, DAY
from growfolio.models.manifest import parse_manifest
from growfolio.record.calibration import calibration, slot_of_hour
from growfolio.record.metrics import score
from growfolio.training_jobs.networks import DEFAULT_NETWORK

import training
from tests.training.conftest import END
from training.cli import run
from training.data.dataset import Part
from training.evaluation.comparison import WALK_FORWARD
from training.evaluation.fold_scores import ALONE
from training.pools import gather, read_candles
from training.release.gate_evidence import answers
from training.starter import OTHERS, UNTIL, starter_settings

SAME_SAMPLES = 2e-4
FEWEST = {Market.CRYPTO: 140_000, Market.STOCKS: 39_000}
"""5-minute rows of the test part."""


SCORES = (
    *("accuracy", "mcc", "log_loss", "prior_log_loss", "move_log_loss", "side_log_loss"),
    *("direction_of_most_decided", "ece", "ece_in_slots"),
)


@pytest.mark.slow
def test_the_shipped_graphs_score_on_the_test_part_what_the_manifest_says(
    real_candles: Path, real_history: Path, tmp_path: Path
) -> None:
    folder = Path(models.__file__).parent / "starter"
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    settings = starter_settings((real_history, real_candles), tmp_path)
    pools, left_out = gather(settings, manifest.created_at)
    assert not left_out
    assert len(pools) == 4
    for samples in pools:
        model = manifest.models[f"{samples.market}_{samples.timeframe}_ensemble"]
        test = model.metrics["test"]
        assert isinstance(test, dict)
        rows = samples.rows(Part.TEST)
        assert model.trained_until < samples.bar_close[rows].min()
        served = answers((folder / model.onnx.file).read_bytes(), samples, rows)
        shares = np.bincount(samples.labels[samples.rows(Part.TRAIN)], minlength=3)
        labels, bar_close = samples.labels[rows], CloseTimes(samples.bar_close[rows])
        scores = score(served, labels, shares / shares.sum()).to_json()
        scores["ece"] = calibration(served, labels, bar_close).error
        scores["ece_in_slots"] = calibration(served, labels, bar_close, slot_of_hour(bar_close)).error
        assert scores["rows"] == test["rows"]
        assert bar_close.max() <= UNTIL[samples.market]
        assert len(rows) > FEWEST[samples.market] * 300 // samples.timeframe.seconds * 0.9
        for name in SCORES:
            assert scores[name] == pytest.approx(test[name], abs=SAME_SAMPLES)


def test_their_report_shows_the_default_network_better_than_one_lstm_and_no_leak() -> None:
    folder = Path(training.__file__).parent / "starter_report"
    found = json.loads((folder / "evaluation.json").read_text())
    assert found["about"]["network"] == DEFAULT_NETWORK
    assert all(check["passed"] for checks in found["leak_checks"].values() for check in checks)
    against_one = {
        one["pool"]: one["log_loss_90"]
        for one in found["comparisons"]
        if (one["part"], one["against"]) == (WALK_FORWARD, ALONE)
    }
    assert set(against_one) == {f"{m} {t}" for m in Market for t in Timeframe}
    assert all(high < 0 for _, high in against_one.values())
    page = (folder / "report.html").read_text()
    assert all(f"{model['mcc']:+.3f}" in page for fold in found["folds"] for model in fold["models"])


def test_the_card_names_the_assets_of_the_product_that_no_model_has_seen() -> None:
    folder = Path(models.__file__).parent / "starter"
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    seen = {asset for model in manifest.models.values() for asset in model.assets}
    unseen = [asset.symbol for asset in ASSETS if asset.id not in seen]
    assert unseen
    assert f"{' '.join(unseen)} have no candles" in (folder / "MODEL_CARD.md").read_text().replace("\n", " ")
    assert seen - {asset.id for asset in ASSETS} == set(OTHERS)


def test_an_earlier_starter_ends_earlier_and_a_later_one_not_later(tmp_path: Path) -> None:
    earlier = UNTIL[Market.CRYPTO] - 10 * DAY
    assert set(starter_settings((), tmp_path, earlier).until.values()) == {earlier}
    assert starter_settings((), tmp_path, max(UNTIL.values()) + DAY).until == UNTIL


def test_bars_after_the_cut_of_a_market_are_not_read(candle_folder: Path, tmp_path: Path) -> None:
    cut = END - 2 * DAY
    settings = replace(starter_settings((candle_folder,), tmp_path), until={Market.CRYPTO: cut})
    read, _ = read_candles(settings, END)
    newest = {asset.symbol: int(bars.open_time.max()) + BAR for asset, bars in read.items()}
    assert newest["BTC"] == newest["ETH"] == cut
    assert newest["AAPL"] > cut


def test_the_shipped_models_are_never_made_again_from_candles_that_end_early(
    candle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["starter", "--candles", str(candle_folder), "--until", "2024-08-09"]) == 2
    assert "name a folder by --out" in capsys.readouterr().err
