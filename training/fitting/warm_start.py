"""Warm start: fine-tuning of published models on bars that they have not seen."""

from dataclasses import dataclass

from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.forecast import Inputs
from growfolio.models.model_inputs import ModelInputs

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

    def inputs(self) -> Inputs | None:
        """Return what the published models see; None where they do not all see the same."""
        seen = {model.inputs.names for model in self.champion.manifest.models.values()}
        return seen.pop() if len(seen) == 1 else None

    def lacks(self, model_id: str, inputs: Inputs) -> str | None:
        """Say why a model of these inputs cannot be fine-tuned; None where it can."""
        if model_id not in self.champion.tensors:
            return f"revision {self.revision[:12]} holds no tensors of it to go on from"
        own = self.champion.manifest.models[model_id].inputs
        if own != ModelInputs.of(inputs):
            given = " ".join(("--sequence", *own.names.sequence, "--context", *own.names.context))
            return (
                f"revision {self.revision[:12]} sees other inputs, which its weights belong to: fine-tune it "
                f"with {given}, or train it anew"
            )
        return None

    def network(self, model_id: str) -> Served:
        """Load weights and normalisation. Raises PermanentModelError for what cannot be fine-tuned."""
        return self.champion.network(model_id)

    def trained_from(self, model_id: str) -> int:
        """Return the close of the first bar that the model has seen."""
        return self.champion.manifest.models[model_id].trained_from
