"""The settings of a training run."""

from dataclasses import dataclass, field
from pathlib import Path

from growfolio.domain.assets import ASSETS, Asset, Timeframe
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label
from growfolio.indicators.standard import FEATURES

from training.fitting.settings import FitSettings
from training.fitting.warm_start import WarmStart

DEFAULT_INPUTS = Inputs(sequence=FEATURES, context=())
"""What models see unless they are told otherwise, the shipped ones too."""


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
    inputs: Inputs = DEFAULT_INPUTS
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
    warm: WarmStart | None = None
    """Published models to fine-tune on bars that they have not seen; no other models are fitted."""
    about: str = ""
    """Where the candles come from and under which licence, for the manifest and the model card."""
