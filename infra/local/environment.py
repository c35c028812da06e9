"""What the functions find in their environment on this machine, where the template gives it on AWS."""

from collections.abc import Mapping, MutableMapping

import boto3
from growfolio.explanations.language_models import PROVIDERS, key_variable
from growfolio.settings import Settings

from infra.local.options import Options

EXPLAIN = "GROWFOLIO_EXPLAIN_KEY_PARAMETER"
KEYS = {
    "FINNHUB_KEY": "GROWFOLIO_QUOTE_KEY_PARAMETER",
    "ALPACA_KEY": "GROWFOLIO_ALPACA_KEY_PARAMETER",
    "ALPACA_SECRET": "GROWFOLIO_ALPACA_SECRET_PARAMETER",
    **{key_variable(provider): EXPLAIN for provider in PROVIDERS},
    "HUB_TOKEN": "GROWFOLIO_HUB_TOKEN_PARAMETER",
}
"""Secrets a person may set, and the setting that names the parameter in which functions look for them."""


def environment(options: Options, endpoint: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What template.yaml gives the functions, for this machine. What the person set keeps its value."""
    ours = {
        "GROWFOLIO_SOURCE": "" if options.market == "live" else options.market,
        "GROWFOLIO_CANDLES": options.candles,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ENDPOINT_URL_SSM": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    defaults = {
        "GROWFOLIO_TABLE": "growfolio-local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "ERROR",
    }
    return ours | {name: value for name, value in defaults.items() if name not in environ}


def keep_secrets(environ: MutableMapping[str, str], endpoint: str) -> None:
    """Move each secret out of the environment into the embedded parameter store, where functions read it."""
    client = boto3.client("ssm", endpoint_url=endpoint)
    explaining = key_variable(Settings.from_environment(environ).explain_provider)
    for secret, setting in KEYS.items():
        value = environ.pop(secret, "")
        if value and (setting != EXPLAIN or secret == explaining):
            name = f"/growfolio/local/{secret.lower()}"
            client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
            environ[setting] = name
