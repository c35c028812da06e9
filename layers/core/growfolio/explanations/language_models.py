"""The language models that may explain, by the name of their provider.

A new one is a module beside this one and a line in PROVIDERS; its client library goes into the extra `llm`.
"""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Protocol, cast

from growfolio.errors import ConfigurationError
from growfolio.explanations.service import Writer
from growfolio.settings import Settings

PROVIDERS = {"gemini": "growfolio.explanations.gemini:GeminiWriter"}
"""Class of each name of GROWFOLIO_EXPLAIN_PROVIDER. It is imported when it is used."""


class _Provider(Protocol):
    """What a class of PROVIDERS has beside the methods of a Writer."""

    def from_settings(
        self, settings: Settings, key: Callable[[], str], key_name: str, timeout: float | None
    ) -> Writer:
        """The writer as the settings say, with its own model and time-out where they name none."""


def language_model(
    settings: Settings, key: Callable[[], str], key_name: str, timeout: float | None = None
) -> Writer:
    """The configured provider's writer. Raises ConfigurationError for a provider that there is not.

    key reads the API key and raises ParameterError; key_name says where a person sets it; timeout is seconds.
    """
    name = settings.explain_provider
    if name not in PROVIDERS:
        raise ConfigurationError(f"GROWFOLIO_EXPLAIN_PROVIDER={name!r}: choose {' or '.join(PROVIDERS)}")
    provider = cast(_Provider, resolve_name(PROVIDERS[name]))
    return provider.from_settings(settings, key, key_name, timeout)


def key_variable(provider: str) -> str:
    """The environment variable in which a person gives `make run` a provider's key, e.g. GEMINI_KEY."""
    return f"{provider.upper()}_KEY"
