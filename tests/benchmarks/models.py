"""48 models that differ, as a model repository for the product and as torch modules for the plain way."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from growfolio.domain.assets import ASSETS, Asset, Timeframe
from growfolio.domain.features import FeatureArray
from growfolio.domain.label import Label
from growfolio.domain.times import DAY
from growfolio.models.manifest import MANIFEST, Manifest, Model, ModelFile

from training.networks.architectures import SignalModel, build
from training.networks.export import write_onnx

CREATED = 1_735_689_600
Key = tuple[Asset, Timeframe]


def write_models(folder: Path, windows: Mapping[Timeframe, FeatureArray]) -> dict[Key, SignalModel]:
    """A model of the seed architecture with random weights for every asset and timeframe.

    windows, (24, 60, 16) in the order of ASSETS, set each model's normalisation, so that it sees inputs
    as large as a trained one does.
    """
    torch.manual_seed(0)
    models, entries = {}, {}
    for timeframe, batch in windows.items():
        for row, asset in enumerate(ASSETS):
            model = _random_model(batch[row])
            name = f"{asset.id}_{timeframe}_lstm"
            write_onnx(model, folder / f"{name}.onnx", batch)
            models[asset, timeframe] = model
            entries[name] = _entry(name, asset, timeframe, (folder / f"{name}.onnx").read_bytes())
    assignment = {
        timeframe: {asset.id: f"{asset.id}_{timeframe}_lstm" for asset in ASSETS} for timeframe in windows
    }
    manifest = Manifest(CREATED, {"source": "random weights"}, entries, assignment)
    (folder / MANIFEST).write_text(manifest.to_json())
    return models


def _random_model(window: FeatureArray) -> SignalModel:
    model = build("lstm").eval()
    model.normalisation.centre.copy_(torch.from_numpy(window.mean(axis=0)))
    model.normalisation.scale.copy_(torch.from_numpy(np.maximum(window.std(axis=0), 1e-6)))
    return model


def _entry(name: str, asset: Asset, timeframe: Timeframe, graph: bytes) -> Model:
    return Model(
        id=name,
        market=asset.market,
        timeframe=timeframe,
        network="lstm",
        assets=(asset.id,),
        onnx=ModelFile(f"{name}.onnx", hashlib.sha256(graph).hexdigest(), len(graph)),
        pth=None,
        label=Label("fixed", 1, 0.001),
        trained_from=CREATED - DAY,
        trained_until=CREATED,
        expires_at=None,
        metrics={},
    )
