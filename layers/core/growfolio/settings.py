"""Everything a function reads from its environment, by name, in one place."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from growfolio.domain.times import DAY
from growfolio.errors import ConfigurationError
from growfolio.origins import checked_origin

STARTER = "starter"
"""The revision of the models shipped with the code."""
REQUIRED = {
    "api": ("table",),
    "explain": ("table",),
    "refresh": ("table", "market"),
    "train": ("job_queue", "job_definition", "job_logs"),
    "watch": ("table",),
}
"""The settings without which a function cannot work: it ends at start, not at its first event."""
LARGEST = {"fresh_share": 1.0, "explain_calls_per_hour": 10_000, "reader_cache_seconds": DAY}
"""No setting is negative, and these are not larger: a share is no percentage."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of a function, read once at start-up. An empty string means: not set."""

    table: str = ""
    """GROWFOLIO_TABLE: the DynamoDB table."""
    assets: str = ""
    """GROWFOLIO_ASSETS: a list of assets and timeframes in place of the package's (domain/catalogue.py)."""
    stage: str = "local"
    """GROWFOLIO_STAGE: dev, prod or local; the namespace of metrics and parameters."""
    market: str = ""
    """GROWFOLIO_MARKET: stocks or crypto, the market that a refresh function serves."""
    source: str = ""
    """GROWFOLIO_SOURCE: simulated, replay, exchange, or a stock source alone; empty: the market's own."""
    candles: str = ""
    """GROWFOLIO_CANDLES: the folder of candle files that replay reads."""
    bucket: str = ""
    """GROWFOLIO_BUCKET: rolling candle window and daily archive; without it the window lives in memory."""
    model_repository: str = ""
    """GROWFOLIO_MODEL_REPOSITORY: a Hub repository ORG/NAME, or a folder with the same files."""
    model_revision: str = ""
    """GROWFOLIO_MODEL_REVISION: the commit hash to serve, where no parameter is named."""
    revision_parameter: str = ""
    """GROWFOLIO_REVISION_PARAMETER: the SSM parameter that holds the commit hash to serve."""
    hub_token_parameter: str = ""
    """GROWFOLIO_HUB_TOKEN_PARAMETER: the SSM SecureString with a token for a private repository."""
    model_cache: str = "/tmp/growfolio-models"  # noqa: S108  (Lambda's only writable folder)
    """GROWFOLIO_MODEL_CACHE: where downloaded models are kept."""
    stock_sources: tuple[str, ...] = ("yahoo",)
    """GROWFOLIO_STOCK_SOURCES: yahoo and alpaca, the first preferred, the other in its absence."""
    alpaca_key_parameter: str = ""
    """GROWFOLIO_ALPACA_KEY_PARAMETER: the SSM SecureString with the ID of an Alpaca key."""
    alpaca_secret_parameter: str = ""
    """GROWFOLIO_ALPACA_SECRET_PARAMETER: the SSM SecureString with the key's secret."""
    exchanges: tuple[str, ...] = ("binance", "kraken")
    """GROWFOLIO_EXCHANGES: ccxt exchange ids, the first preferred, the others in its absence."""
    quote_key_parameter: str = ""
    """GROWFOLIO_QUOTE_KEY_PARAMETER: the SSM SecureString with the Finnhub key; without it, last closes."""
    quote_url: str = ""
    """GROWFOLIO_QUOTE_URL: where Finnhub's API is asked; empty for Finnhub's own address."""
    explain_provider: str = "gemini"
    """GROWFOLIO_EXPLAIN_PROVIDER: whose language model explains (explanations/language_models.py)."""
    explain_key_parameter: str = ""
    """GROWFOLIO_EXPLAIN_KEY_PARAMETER: the SSM SecureString with its key; without it, templates."""
    explain_model: str = ""
    """GROWFOLIO_EXPLAIN_MODEL: which of the provider's models is asked; empty for the provider's default."""
    explain_url: str = ""
    """GROWFOLIO_EXPLAIN_URL: where the provider is asked; empty for its own address."""
    explain_calls_per_hour: int = 60
    """GROWFOLIO_EXPLAIN_CALLS_PER_HOUR: the budget of calls of the language model."""
    allowed_origins: tuple[str, ...] = ()
    """GROWFOLIO_ALLOWED_ORIGINS: origins that browsers may call from, e.g. chrome-extension://<id>."""
    fresh_share: float = 0.8
    """GROWFOLIO_FRESH_SHARE: the share of fresh signals below which an open market is unhealthy."""
    public_url: str = ""
    """GROWFOLIO_PUBLIC_URL: the API's public address, which the watch calls; empty: it does not."""
    reader_cache_seconds: int = 3600
    """GROWFOLIO_READER_CACHE_SECONDS: the longest the API keeps what it read; 0: read for every request."""
    job_queue: str = ""
    """GROWFOLIO_JOB_QUEUE: the AWS Batch queue that training jobs are submitted to."""
    job_definition: str = ""
    """GROWFOLIO_JOB_DEFINITION: the AWS Batch definition of the training job."""
    job_logs: str = ""
    """GROWFOLIO_JOB_LOGS: the log group that training jobs write to."""

    def __post_init__(self) -> None:
        """Raises ConfigurationError for an origin that no browser ever sends."""
        for origin in self.allowed_origins:
            checked_origin(origin, _variable("allowed_origins"))

    @classmethod
    def of_function(cls, function: str, environ: Mapping[str, str]) -> "Settings":
        """The settings of one of the functions in REQUIRED.

        Raises ConfigurationError, which names all that are missing, or a value that cannot be read.
        """
        missing = [name for name in map(_variable, REQUIRED[function]) if not environ.get(name)]
        if missing:
            raise ConfigurationError(f"the {function} function needs {' and '.join(missing)} to be set")
        return cls.from_environment(environ)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises ConfigurationError for a value that cannot be read; the message names the variable."""
        given = {name: environ.get(_variable(name), "") for name in cls.__slots__}
        settings = cls()
        for name, text in given.items():
            if text:
                settings = replace(settings, **{name: _read(name, text, getattr(settings, name))})
        return settings


def _variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"GROWFOLIO_{name.upper()}"


def _read(name: str, text: str, default: object) -> Any:
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, str):
        return text
    try:
        value = int(text) if isinstance(default, int) else float(text)
    except ValueError:
        raise ConfigurationError(f"{_variable(name)}={text!r} is not a number") from None
    most = LARGEST.get(name, math.inf)
    if not 0 <= value <= most:
        raise ConfigurationError(f"{_variable(name)}={text!r}: choose a number from 0 to {most:g}")
    return value
