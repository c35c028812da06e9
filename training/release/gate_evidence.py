"""What the gate decides on: new models and those that serve, asked about the same bars."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path

import numpy as np
import torch
from growfolio.domain.alignment import REACH, align
from growfolio.domain.assets import Asset, Market, assets_of
from growfolio.domain.bars import Bars, CloseTimes, FloatArray, IntArray
from growfolio.domain.features import BARS_NEEDED, FeatureArray, windows
from growfolio.domain.forecast import ContextArray, Inputs, Windows
from growfolio.domain.grid import last_slots
from growfolio.domain.indicators import indicators
from growfolio.domain.times import BAR, utc_text
from growfolio.errors import MissingCandles, PermanentModelError
from growfolio.indicators.views import views_of
from growfolio.models.manifest import Manifest, Model

from training.data.candle_files import CandleFolders
from training.data.dataset import Samples, build_samples
from training.data.thinning import thinned
from training.fitting.champion import Champion
from training.networks.architectures import widths_of
from training.networks.export import PROBABILITIES, inputs_of, read_pth
from training.release.gate import Evidence, GateRule, Verdict, judge, too_few

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

Asked = dict[str, FeatureArray]
"""What a graph is run on, by the name of its input."""
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
                if lacking := model.inputs.lacking():
                    found[model.id] = Verdict(False, (f"it needs what is not registered here: {lacking}",))
                    continue
                samples, _ = build_samples(
                    market, model.timeframe, bars, model.label, inputs=self._inputs(model, market)
                )
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
        session = opened(graph)
        champion, against = self._champions_answers(model, samples, rows)
        probed = spaced(rows, PROBED)
        own = samples.seen_through(model.inputs.names)
        asked = asked_at(own, probed)
        return Evidence(
            new=answers(graph, own, rows),
            champion=champion,
            labels=samples.labels[rows],
            bar_close=CloseTimes(samples.bar_close[rows]),
            onnx_difference=_difference(run(session, asked), self._of_torch(model, asked)),
            features_difference=_difference(run(session, asked), run(session, _as_served(own, probed, bars))),
            against=against,
        )

    def _inputs(self, model: Model, market: Market) -> Inputs:
        """What the model and all that may serve in its place now see, together."""
        champions = self.champion.manifest.assigned(market) if self.champion else ()
        seen = [one.inputs.names for one in champions if not one.inputs.lacking()]
        return reduce(or_, seen, model.inputs.names)

    def _rows(self, model: Model, samples: Samples) -> IntArray:
        """Bars of the assets that the model is to serve, later than it and their champions have seen."""
        served = [asset for asset in samples.assets if self._is_to_serve(model, asset)]
        judged = served or [asset for asset in samples.assets if asset.id in model.assets]
        champions = [self._champion(asset, model) for asset in judged]
        latest = max(m.trained_until for m in (model, *champions) if m is not None)
        of_them = np.isin(samples.asset, [samples.assets.index(asset) for asset in judged])
        rows = np.flatnonzero(samples.usable & of_them & (samples.bar_close > latest))
        return thinned(rows, samples.bar_close, samples.timeframe, self.rule.most_rows)

    def _is_to_serve(self, model: Model, asset: Asset) -> bool:
        serving = self.new.serving(asset, model.timeframe)
        return serving is not None and serving.id == model.id

    def _champion(self, asset: Asset, model: Model) -> Model | None:
        """Who serves the asset now, answers the same question and sees inputs that there are."""
        serving = self.champion.manifest.serving(asset, model.timeframe) if self.champion else None
        if serving is None or not serving.label.asks_as(model.label) or serving.inputs.lacking():
            return None
        return serving

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
                seen = samples.seen_through(champion.inputs.names)
                answered[own] = answers(self.champion.graphs[champion.id], seen, rows[own])
                names.add(champion.id)
        if self.champion is None or not names:
            return answered, "the class shares of earlier bars"
        return answered, f"{', '.join(sorted(names))} of {self.champion.revision[:12]}"

    def _of_torch(self, model: Model, asked: Asked) -> FloatArray:
        if model.pth is None:
            raise PermanentModelError(
                f"{model.id} has no tensors to compare its graph with: train it with them"
            )
        widths = widths_of(model.inputs.names)
        network = read_pth(self.folder / model.pth.file, model.network, widths)
        with torch.no_grad():
            return np.asarray(network(*map(torch.from_numpy, asked.values())).double().numpy())


def answers(graph: bytes, samples: Samples, rows: IntArray) -> FloatArray:
    """Probabilities (rows, 3) at these rows of samples that have the graph's inputs, by ONNX Runtime."""
    session = opened(graph)
    parts = [run(session, asked_at(samples, rows[at : at + BATCH])) for at in range(0, len(rows), BATCH)]
    return np.concatenate([np.empty((0, 3)), *parts])


def asked_at(samples: Samples, rows: IntArray) -> Asked:
    """What a graph is run on at these rows of samples that have its inputs."""
    seen = windows(samples.features[None], np.zeros(1, dtype=np.int64), rows)
    return inputs_of(seen, samples.context[rows])


def _as_served(samples: Samples, rows: IntArray, bars: Mapping[Asset, Bars]) -> Asked:
    """The same inputs as a refresh would make them: from the last BARS_NEEDED bars of all assets."""
    made = [
        _view(samples, samples.assets[samples.asset[row]], int(samples.bar_close[row]), bars) for row in rows
    ]
    seen, known = zip(*made, strict=True)
    return inputs_of(np.concatenate(seen), np.concatenate(known))


def _view(
    samples: Samples, asset: Asset, close: int, bars: Mapping[Asset, Bars]
) -> tuple[Windows, ContextArray]:
    """What serving sees of an asset at a close: (1, WINDOW, features), and context (1, width)."""
    timeframe, needed = samples.timeframe, BARS_NEEDED[samples.timeframe]
    grid = last_slots(asset.market, close, timeframe, needed + REACH * BAR // timeframe.seconds)
    begin = int(grid[0]) - timeframe.seconds
    others = bars if samples.inputs.context else {asset: bars[asset]}
    recent = {one: own.where(own.open_time >= begin).closed_by(close) for one, own in others.items()}
    candles, refused = align({one: own for one, own in recent.items() if len(own)}, grid, timeframe, needed)
    if asset not in candles.assets:
        raise refused.get(asset) or MissingCandles(f"{asset.id} has no candles before {utc_text(close)}")
    at = candles.assets.index(asset), candles.close.shape[1] - 1
    views = views_of(candles, [at[0]], [at[1]], samples.inputs, indicators(candles))
    return views.of(samples.inputs)


def spaced(rows: IntArray, most: int) -> IntArray:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows)), dtype=np.int64))]


def opened(graph: bytes) -> onnxruntime.InferenceSession:
    """A graph, to be run."""
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, asked: Asked) -> FloatArray:
    """A graph's probabilities (rows, 3)."""
    return np.asarray(session.run([PROBABILITIES], asked)[0], dtype=np.float64)


def _difference(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).max(initial=0.0))
