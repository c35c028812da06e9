"""Which language model explains, from the settings."""

from growfolio.explanations.gemini import GeminiWriter
from growfolio.explanations.service import Explainer
from growfolio.models.revisions import SsmParameter
from growfolio.settings import Settings
from growfolio.storage.ports import SignalStore


def explainer_from(settings: Settings, store: SignalStore) -> Explainer:
    """Gemini where a key is set and may be called, else the template. Nothing of either is loaded yet."""
    if not settings.explain_key_parameter or settings.explain_calls_per_hour < 1:
        return Explainer(store, None, 0)
    key = SsmParameter(settings.explain_key_parameter)
    writer = GeminiWriter(key.current, key.name, settings.explain_model, settings.explain_url)
    return Explainer(store, writer, settings.explain_calls_per_hour)
