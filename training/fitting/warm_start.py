"""Warm start: fine-tuning of published models on bars that they have not seen."""

from dataclasses import dataclass

from growfolio.domain.assets import Market, Timeframe

from training.fitting.champion import Champion
from training.networks.architectures import Served

LEARNING_RATE = 2e-4
"""At the start: a tenth of that of fresh weights, so that new bars correct the model and do not erase it."""


@dataclass(frozen=True, slots=True, eq=False)
class WarmStart:
    """The revision that is fine-tuned."""

    champion: Champion
    learning_rate: float = LEARNING_RATE

    @property
    def revision(self) -> str:
        return self.champion.revision

    def after(self, market: Market, timeframe: Timeframe) -> int:
        """Return the close of the last bar that any of these models has seen."""
        models = [m for m in self.champion.manifest.assigned(market) if m.timeframe is timeframe]
        return max((model.trained_until for model in models), default=0)

    def lacks(self, model_id: str) -> str | None:
        """Say why a model cannot be fine-tuned; None where it can."""
        if model_id in self.champion.tensors:
            return None
        return f"revision {self.revision[:12]} holds no tensors of it to go on from"

    def network(self, model_id: str) -> Served:
        """Load weights and normalisation. Raises PermanentModelError for what cannot be fine-tuned."""
        return self.champion.network(model_id)

    def trained_from(self, model_id: str) -> int:
        """Return the close of the first bar that the model has seen."""
        return self.champion.manifest.models[model_id].trained_from
