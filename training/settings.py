"""The settings of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label
from growfolio.indicators.standard import FEATURES
from growfolio.indicators.views import STANDARD

from training.fitting.settings import FitSettings
from training.fitting.warm_start import WarmStart

DEFAULT_INPUTS = Inputs(
    FEATURES,
    (
        *("hour_slot", "session_clock", "bars_to_close"),
        *("market_moves", "leader_moves", "moves_against_market"),
    ),
)
"""What the commands train on where nothing else is asked for, and the shipped models (training/README.md)."""
DEFAULT_SHARES = (0.7, 0.15)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run of `python -m training train`."""

    candles: tuple[Path, ...]
    """Folders of <ID>_5m.parquet files, merged; later ones have the last word."""
    out: Path
    """The folder that becomes a model repository."""
    assets: tuple[Asset, ...] = ASSETS
    """Whose candles to train on; the models serve all assets of their markets."""
    timeframes: tuple[Timeframe, ...] = tuple(Timeframe)
    inputs: Inputs = STANDARD
    label: Label = field(default_factory=Label)
    fit: FitSettings = field(default_factory=FitSettings)
    pooled_only: bool = False
    """No models of single assets."""
    keep_tensors: bool = True
    """Write `.pth` files beside the `.onnx` files."""
    expires_days: int | None = 90
    """Days from the run until the models stop serving; None: never."""
    least_training: int = 1000
    """Samples under which a model is not fitted at all."""
    least_validation: int = 200
    """Samples under which early stopping, calibration and choice are chance."""
    checkpoint: Path | None = None
    """A folder for what is fitted until the run is whole: the same run, started again, goes on from there."""
    shares: tuple[float, float] = DEFAULT_SHARES
    """Of the samples, the oldest that train and those after them that validate; the newest test."""
    until: Mapping[Market, int] = field(default_factory=dict)
    """Markets of which no bar that closed after this moment, in seconds, is read."""
    warm: WarmStart | None = None
    """Published models to fine-tune on bars that they have not seen; no other models are fitted."""
    about: str = ""
    """Where the candles come from and under which licence, for the manifest and the model card."""
