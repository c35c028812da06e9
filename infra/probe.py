"""`make probe`: one request to every configured provider, and a table of what answers and how fast.

From this machine, with the settings and keys of `make run`; or, with FROM=aws, from the functions of STAGE,
whose addresses a provider may refuse. Ends with 1 where a provider does not serve, with 2 where nothing
could be asked.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from growfolio.aws.parameters import SsmParameter
from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError, ParameterError, TemporaryParameterError
from growfolio.market.probe import Probed, probe
from growfolio.settings import Settings

from infra.local.checks import Providers, Verdict
from infra.local.embedded_aws import embedded_aws
from infra.local.environment import keep_secrets
from infra.local.settings_file import apply
from infra.place import Place, resolve

OF_PARAMETERS = {
    "StockSources": "STOCK_SOURCES",
    "AlpacaKeyParameter": "ALPACA_KEY_PARAMETER",
    "AlpacaSecretParameter": "ALPACA_SECRET_PARAMETER",
    "Exchanges": "EXCHANGES",
    "QuoteKeyParameter": "QUOTE_KEY_PARAMETER",
    "ExplainKeyParameter": "EXPLAIN_KEY_PARAMETER",
    "ExplainProvider": "EXPLAIN_PROVIDER",
    "ExplainModel": "EXPLAIN_MODEL",
    "ModelRepository": "MODEL_REPOSITORY",
    "HubTokenParameter": "HUB_TOKEN_PARAMETER",
}
"""Of each template parameter that concerns a provider, the setting that functions get it as."""


@dataclass(frozen=True)
class Row:
    """One provider, and what it is asked for."""

    market: str
    probed: Probed


def rows(settings: Settings, providers: Providers) -> Iterator[Row]:
    """Every configured provider in turn: candles, live prices, explanations, models."""
    for market in Market:
        for one in probe(settings, market, providers.now(), providers.source):
            yield Row(f"{market} candles", one)
    if settings.quote_key_parameter:
        yield _asked("live prices", "finnhub", settings.quote_key_parameter, providers.finnhub)
    if settings.explain_key_parameter:
        name = settings.explain_provider
        yield _asked(
            "explanations",
            name,
            settings.explain_key_parameter,
            lambda key: providers.language_model(name, key),
        )
    repository = settings.model_repository
    if repository and not Path(repository).is_dir():
        yield _asked(
            "models",
            "hugging face",
            settings.hub_token_parameter,
            lambda token: providers.model_repository(repository, token),
        )


def _asked(what: str, name: str, parameter: str, ask: Callable[[str], Verdict]) -> Row:
    start = time.monotonic()
    try:
        verdict = ask(SsmParameter(parameter).current() if parameter else "")
    except TemporaryParameterError as fault:
        verdict = Verdict(None, str(fault))
    except ParameterError as fault:
        verdict = Verdict(False, str(fault))
    seconds = round(time.monotonic() - start, 2)
    trouble = "" if verdict.good else verdict.why or "no answer"
    return Row(what, Probed(name, seconds, trouble, verdict.good is False))


def table(found: Sequence[Row]) -> str:
    """A line for each provider."""
    lines = [f"{'for':<16}{'provider':<14}{'seconds':>8}  answer"]
    for row in found:
        one = row.probed
        answer = one.trouble or "serves"
        lines.append(f"{row.market:<16}{one.provider:<14}{one.seconds:>8.2f}  {answer}")
    return "\n".join(lines)


def of_deploy(overrides: Mapping[str, str]) -> Settings:
    """The settings that functions get from the template's parameters. Raises ConfigurationError."""
    return Settings.from_environment(
        {
            f"GROWFOLIO_{OF_PARAMETERS[name]}": value
            for name, value in overrides.items()
            if name in OF_PARAMETERS
        }
    )


def refuse_bad_keys(overrides: Mapping[str, str], providers: Providers) -> None:
    """A step of make deploy: print what answers from here. Raises ConfigurationError for what must be set.

    A missing or refused key is refused from everywhere; whether an address is served, only AWS can tell.
    """
    found = list(rows(of_deploy(overrides), providers))
    print("From this machine, one request to each provider:", table(found), sep="\n", flush=True)
    wrong = [row.probed for row in found if row.probed.must_be_set]
    if wrong:
        raise ConfigurationError("; ".join(one.trouble for one in wrong))
    warn(found)


def probe_from_aws(place: Place, client: Any = None) -> None:
    """The last step of make deploy: print what the functions are answered, and warn of what does not."""
    try:
        found = from_aws(place, client)
    except ConfigurationError as fault:
        print(f"WARNING: {fault}", file=sys.stderr, flush=True)
        return
    print("From AWS, one request to each provider:", table(found), sep="\n", flush=True)
    warn(found)


def warn(found: Sequence[Row]) -> None:
    silent = [row.probed.provider for row in found if row.probed.trouble]
    if silent:
        print(f"WARNING: {', '.join(silent)} did not serve; see the table above", file=sys.stderr, flush=True)


def from_aws(place: Place, client: Any = None) -> list[Row]:
    """What the stage's functions are answered. Raises ConfigurationError where they cannot be asked.

    client is one of Lambda; made where it is left out.
    """
    patience = Config(read_timeout=150, retries={"total_max_attempts": 1})
    client = client or boto3.client("lambda", region_name=place.region, config=patience)
    found = []
    for market in Market:
        try:
            answer = client.invoke(
                FunctionName=f"{place.stack}-refresh-{market}", Payload=json.dumps({"probe": True})
            )
            payload = json.loads(answer["Payload"].read())
            found += [Row(f"{market} candles", Probed(**one)) for one in payload["probe"]]
        except (BotoCoreError, ClientError, ValueError, KeyError, TypeError) as fault:
            raise ConfigurationError(
                f"the refresh of {market} in {place} could not be asked: {fault}"
            ) from fault
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--place", choices=["here", "aws"], default="here")
    given = parser.parse_args()
    try:
        if given.place == "aws":
            place = resolve(given.stage)
            print(f"from AWS, {place}", flush=True)
            found = from_aws(place)
        else:
            found = _from_here()
    except ConfigurationError as error:
        print(f"probe: {error}", file=sys.stderr)
        return 2
    print(table(found))
    return int(any(row.probed.trouble for row in found))


def _from_here() -> list[Row]:
    """With keys in the embedded parameter store, where functions of `make run` look for them too."""
    apply(os.environ)
    with embedded_aws() as endpoint:
        mine = {
            "AWS_ENDPOINT_URL_SSM": endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        os.environ.update(mine | {"AWS_DEFAULT_REGION": "us-east-1"})
        keep_secrets(os.environ, endpoint)
        settings = Settings.from_environment(os.environ)
        return list(rows(settings, Providers(lambda: int(time.time()), settings)))


if __name__ == "__main__":
    sys.exit(main())
