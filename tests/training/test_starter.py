"""The shipped models are what their card says: recomputed from the candles that they were tested on."""

import os
from pathlib import Path

import growfolio.models as models
import numpy as np
import pytest
from growfolio.features import windows
from growfolio.models.manifest import parse_manifest

from training.dataset import Part
from training.evaluation import score
from training.starter import starter_settings
from training.train import gather

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime


def test_the_shipped_graphs_score_on_the_test_part_what_the_manifest_says(
    real_candles: Path, tmp_path: Path
) -> None:
    folder = Path(models.__file__).parent / "starter"
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    pools, left_out = gather(starter_settings(real_candles, tmp_path), manifest.created_at)
    assert not left_out
    assert len(pools) == 4
    for samples in pools:
        model = manifest.models[f"{samples.market}_{samples.timeframe}_ensemble"]
        test = model.metrics["test"]
        assert isinstance(test, dict)
        rows = samples.rows(Part.TEST)
        assert model.trained_until < samples.bar_close[rows].min()
        served = np.concatenate(
            [
                session.run(["probabilities"], {"features": windows(samples.features[None], [0], ends)})[0]
                for session in [onnxruntime.InferenceSession(folder / model.onnx.file)]
                for ends in np.array_split(rows, 20)
            ]
        ).astype(np.float64)
        shares = np.bincount(samples.labels[samples.rows(Part.TRAIN)], minlength=3)
        scores = score(served, samples.labels[rows], shares / shares.sum())
        for name in ("rows", "accuracy", "mcc", "log_loss", "prior_log_loss", "ece"):
            assert getattr(scores, name) == pytest.approx(test[name], abs=2e-4)
