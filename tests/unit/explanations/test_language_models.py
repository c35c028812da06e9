"""Language models by the name of their provider."""

import pytest
from growfolio.errors import ConfigurationError
from growfolio.explanations.language_models import PROVIDERS, key_variable, language_model
from growfolio.settings import Settings


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_is_made_from_the_settings_and_has_the_name_of_its_explanations(name: str) -> None:
    writer = language_model(Settings(explain_provider=name), lambda: "key", key_variable(name))
    assert writer.name == name


def test_an_unknown_provider_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="GROWFOLIO_EXPLAIN_PROVIDER='gemino': choose gemini"):
        language_model(Settings(explain_provider="gemino"), lambda: "key", "")
