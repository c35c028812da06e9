"""The owner's own settings: growfolio.toml, which git ignores, so that an update never conflicts with it.

[run]                                   # the environment of `make run`
GROWFOLIO_EXCHANGES = "kraken,okx"

timeframes = ["5m", "15m"]      # and [stocks], [crypto]: as in domain/assets_and_timeframes.json

[deploy]                                # parameters of template.yaml, for every stage
AlarmEmail = "you@example.com"

[deploy.prod]                           # for one stage; they hold against [deploy]
AllowedOrigins = "chrome-extension://<id>"
"""

import tomllib
from pathlib import Path
from typing import Any

from growfolio.errors import ConfigurationError

from infra.template import load

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "growfolio.toml"
OF_STAGE = {"prod": {"DeletionProtection": "true", "LogRetentionDays": "30"}}
"""What a stage has unless the owner says otherwise; any other stage is for trying things."""
TRIED_OUT = {"LogRetentionDays": "7"}
OWN = ("Stage", "Architecture", "Release")
"""Parameters that make deploy sets."""


def parameter_overrides(stage: str, file: Path = FILE) -> dict[str, str]:
    """The parameters of a stage's deploy: the stage's defaults, then [deploy], then [deploy.<stage>].

    Raises ConfigurationError for a file that is no TOML and for a parameter that the template lacks.
    """
    deploy = settings(file).get("deploy", {})
    of_stage = deploy.get(stage, {})
    every = {name: value for name, value in deploy.items() if not isinstance(value, dict)}
    chosen = OF_STAGE.get(stage, TRIED_OUT) | _texts(every) | _texts(of_stage)
    known = set(load(ROOT / "template.yaml").body["Parameters"])
    for name in sorted(set(chosen) - known):
        raise ConfigurationError(
            f"{file.name}: there is no parameter {name}; there are {', '.join(sorted(known))}"
        )
    for name in OWN:
        if name in chosen:
            raise ConfigurationError(f"{file.name}: {name} is set by make deploy STAGE=… ARCH=…")
    return chosen


def list_of_assets(file: Path = FILE) -> dict[str, str]:
    """The setting that names the file as the list of assets and timeframes, where it holds one."""
    return {"GROWFOLIO_ASSETS": str(file.resolve())} if "timeframes" in settings(file) else {}


def run_environment(file: Path = FILE) -> dict[str, str]:
    """The environment that [run] gives `make run`."""
    return _texts(settings(file).get("run", {}))


def settings(file: Path = FILE) -> dict[str, Any]:
    """The whole file; empty where there is none. Raises ConfigurationError where it cannot be read."""
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError) as fault:
        raise ConfigurationError(f"{file.name} cannot be read: {fault}") from fault


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Numbers and truths as CloudFormation and environments write them; lists by comma."""
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
