"""What each input is worth to a trained model: the log-loss that shuffling it costs (Breiman, 2001).

An input is dealt out anew among the bars of the model's validation part, a window's values together, while
all others stay. Inputs that say the same share their worth: each by itself can be missed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.domain.forecast import Inputs
from growfolio.errors import MissingCandles
from growfolio.indicators.registry import context_width
from growfolio.models.manifest import Manifest, Model
from growfolio.record.metrics import log_loss
from growfolio.record.resampling import interval, paired_differences

from training.data.dataset import Samples
from training.networks.export import CONTEXT, FEATURES
from training.release.gate_evidence import BATCH, Asked, asked_at, opened, run, spaced

DEALS = 2
"""Times that each input is dealt out; the cost is their mean."""
DRAWS = 400


@dataclass(frozen=True, slots=True)
class Worth:
    """How much more log-loss, in nats, a model has without an input, and where 90 % of resamples lie."""

    name: str
    nats: float
    between: tuple[float, float]


def validation_rows(model: Model, manifest: Manifest, samples: Samples, most: int) -> IntArray:
    """Return rows of the model's validation part, evenly spaced.

    Raises MissingCandles where the samples have none of it.
    """
    noted: Any = manifest.data.get(f"{model.market}_{model.timeframe}", {})
    begin, end = (_moment(noted.get("split", {}).get(name)) for name in ("validate_from", "validate_until"))
    own = [at for at, asset in enumerate(samples.assets) if asset.id in model.assets]
    within = (samples.bar_close >= begin) & (samples.decided <= end) & np.isin(samples.asset, own)
    rows = np.flatnonzero(samples.usable & within)
    if not len(rows):
        raise MissingCandles(
            f"no candles of the validation part of {model.id}: name the folders that it was trained on"
        )
    return spaced(rows, most)


def _moment(text: str | None) -> int:
    return int(datetime.fromisoformat(text).timestamp()) if text else 0


def worths(folder: Path, model: Model, samples: Samples, rows: IntArray, seed: int = 0) -> list[Worth]:
    """Return what each input of the model is worth at these rows, the most first.

    samples have the model's inputs. Deterministic for a seed.
    """
    session = opened((folder / model.onnx.file).read_bytes())
    random = np.random.default_rng(seed)
    deals = [random.permutation(len(rows)) for _ in range(DEALS)]
    asked, labels = asked_at(samples, rows), np.tile(samples.labels[rows], DEALS)

    def answered(given: Asked) -> FloatArray:
        batches = (slice(at, at + BATCH) for at in range(0, len(rows), BATCH))
        return np.concatenate([run(session, {of: raw[b] for of, raw in given.items()}) for b in batches])

    whole = np.tile(answered(asked), (DEALS, 1))
    bar_close = CloseTimes(np.tile(samples.bar_close[rows], DEALS))
    found = []
    for name, of, columns in _columns(model.inputs.names):
        without = np.concatenate([answered(_dealt(asked, of, columns, deal)) for deal in deals])
        loss, _ = paired_differences(without, whole, labels, bar_close, DRAWS, seed)
        found.append(Worth(name, log_loss(without, labels) - log_loss(whole, labels), interval(loss)))
    return sorted(found, key=lambda worth: -worth.nats)


def _columns(inputs: Inputs) -> Iterator[tuple[str, str, slice]]:
    """Each input's name, the graph's input that holds it, and its columns there."""
    for position, name in enumerate(inputs.sequence):
        yield name, FEATURES, slice(position, position + 1)
    first = 0
    for name in inputs.context:
        width = context_width([name])
        yield name, CONTEXT, slice(first, first + width)
        first += width


def _dealt(asked: Asked, of: str, columns: slice, deal: IntArray) -> Asked:
    changed = asked[of].copy()
    changed[..., columns] = asked[of][deal][..., columns]
    return asked | {of: changed}
