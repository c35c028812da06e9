"""What the gate decides on: new models and those that serve, asked about the same bars."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from growfolio.domain.alignment import REACH, align
from growfolio.domain.assets import Asset, Market, assets_of
from growfolio.domain.bars import Bars, CloseTimes, FloatArray, IntArray
from growfolio.domain.features import BARS_NEEDED, windows
from growfolio.domain.forecast import WINDOW, Windows
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR
from growfolio.errors import PermanentModelError
from growfolio.indicators.standard import features
from growfolio.models.manifest import Manifest, Model

from training.data.candle_files import CandleFolders
from training.data.dataset import Samples, build_samples
from training.fitting.champion import Champion
from training.networks.export import read_pth
from training.release.gate import Evidence, GateRule, Verdict, judge, too_few

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

BATCH = 256
PROBED = 64
"""Bars, evenly spaced, on which torch and serving's own features are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """The new models of a folder against those that serve, on the candles of other folders."""

    folder: Path
    new: Manifest
    champion: Champion | None
    candles: tuple[Path, ...]
    rule: GateRule

    def verdicts(self) -> dict[str, Verdict]:
        """One for each new model that is assigned to anything, by its id. Raises PermanentModelError."""
        found = {}
        candles = CandleFolders(self.candles)
        for market in Market:
            bars = {asset: own for asset in assets_of(market) if len(own := candles.read(asset).bars)}
            for model in self.new.assigned(market):
                samples, _ = build_samples(market, model.timeframe, bars, model.label)
                rows = self._rows(model, samples) if samples else np.empty(0, dtype=np.int64)
                refusal = too_few(len(rows), self.rule)
                if samples is None or refusal is not None:
                    found[model.id] = refusal or Verdict(False, ("there are no candles to judge it on",))
                else:
                    found[model.id] = judge(self._evidence(model, samples, rows, bars), self.rule)
        return found

    def _evidence(
        self, model: Model, samples: Samples, rows: IntArray, bars: Mapping[Asset, Bars]
    ) -> Evidence:
        graph = (self.folder / model.onnx.file).read_bytes()
        champion, against = self._champions_answers(model, samples, rows)
        probed = _spaced(rows, PROBED)
        asked = _windows(samples, probed)
        return Evidence(
            new=answers(graph, samples, rows),
            champion=champion,
            labels=samples.labels[rows],
            bar_close=CloseTimes(samples.bar_close[rows]),
            onnx_difference=_difference(_run(graph, asked), self._of_torch(model, asked)),
            features_difference=_difference(
                _run(graph, asked), _run(graph, _as_served(samples, probed, bars))
            ),
            against=against,
        )

    def _rows(self, model: Model, samples: Samples) -> IntArray:
        """Bars of the assets that the model is to serve, later than it and their champions have seen."""
        served = [asset for asset in samples.assets if self._is_to_serve(model, asset)]
        judged = served or [asset for asset in samples.assets if asset.id in model.assets]
        champions = [self._champion(asset, model) for asset in judged]
        latest = max(m.trained_until for m in (model, *champions) if m is not None)
        of_them = np.isin(samples.asset, [samples.assets.index(asset) for asset in judged])
        rows = np.flatnonzero(samples.usable & of_them & (samples.bar_close > latest))
        return _spaced(rows, self.rule.most_rows)

    def _is_to_serve(self, model: Model, asset: Asset) -> bool:
        serving = self.new.serving(asset, model.timeframe)
        return serving is not None and serving.id == model.id

    def _champion(self, asset: Asset, model: Model) -> Model | None:
        """Who serves the asset now and answers the same question."""
        serving = self.champion.manifest.serving(asset, model.timeframe) if self.champion else None
        return serving if serving is not None and serving.label.asks_as(model.label) else None

    def _champions_answers(self, model: Model, samples: Samples, rows: IntArray) -> tuple[FloatArray, str]:
        """(rows, 3), and whose they are: where nobody serves, the class shares of earlier bars answer."""
        earlier = samples.labels[samples.usable & (samples.bar_close <= model.trained_until)]
        shares = (np.bincount(earlier, minlength=3) + 1) / (len(earlier) + 3)
        answered = np.tile(shares, (len(rows), 1))
        names = set()
        for at, asset in enumerate(samples.assets):
            own = np.flatnonzero(samples.asset[rows] == at)
            champion = self._champion(asset, model)
            if champion is not None and self.champion is not None and len(own):
                answered[own] = answers(self.champion.graphs[champion.id], samples, rows[own])
                names.add(champion.id)
        if self.champion is None or not names:
            return answered, "the class shares of earlier bars"
        return answered, f"{', '.join(sorted(names))} of {self.champion.revision[:12]}"

    def _of_torch(self, model: Model, asked: Windows) -> FloatArray:
        if model.pth is None:
            raise PermanentModelError(
                f"{model.id} has no tensors to compare its graph with: train it with them"
            )
        network = read_pth(self.folder / model.pth.file, model.network)
        with torch.no_grad():
            return np.asarray(network(torch.from_numpy(asked)).double().numpy())


def answers(graph: bytes, samples: Samples, rows: IntArray) -> FloatArray:
    """Probabilities (rows, 3) of the windows that end at these rows, as ONNX Runtime gives them."""
    session = _session(graph)
    parts = [
        session.run(["probabilities"], {"features": _windows(samples, rows[start : start + BATCH])})[0]
        for start in range(0, len(rows), BATCH)
    ]
    return np.concatenate([np.empty((0, 3)), *parts]).astype(np.float64)


def _as_served(samples: Samples, rows: IntArray, bars: Mapping[Asset, Bars]) -> Windows:
    """The same windows as a refresh would make them: from no more than the last BARS_NEEDED bars."""
    timeframe, made = samples.timeframe, []
    for row in rows:
        asset = samples.assets[samples.asset[row]]
        close = int(samples.bar_close[row])
        needed = BARS_NEEDED[timeframe]
        grid = last_slots(asset.market, close, timeframe, needed + REACH * BAR // timeframe.seconds)
        candles, refused = align({asset: bars[asset].closed_by(close)}, grid, timeframe, needed)
        if refused:
            raise refused[asset]
        made.append(features(candles)[0, -WINDOW:])
    return np.array(made, dtype=np.float32).reshape(-1, WINDOW, samples.features.shape[1])


def _windows(samples: Samples, rows: IntArray) -> Windows:
    return windows(samples.features[None], np.zeros(1, dtype=np.int64), rows)


def _spaced(rows: IntArray, most: int) -> IntArray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows)), dtype=np.int64))]


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def _run(graph: bytes, asked: Windows) -> FloatArray:
    return np.asarray(_session(graph).run(["probabilities"], {"features": asked})[0])


def _difference(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).max(initial=0.0))
