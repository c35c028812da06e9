"""The owner's own settings: growfolio.toml, which git ignores, so that an update never conflicts with it.

[run]                                   # the environment of `make run`
GROWFOLIO_EXCHANGES = "kraken,okx"

timeframes = ["5m", "15m"]      # and [stocks], [crypto]: as in domain/assets_and_timeframes.json

[deploy]                                # parameters of template.yaml, for every stage
AlarmEmail = "you@example.com"

[deploy.prod]                           # for one stage; they hold against [deploy]
AllowedOrigins = "chrome-extension://<id>"
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from growfolio.errors import ConfigurationError

from infra.place import STAGE
from infra.template import load

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "growfolio.toml"
OF_STAGE = {"prod": {"DeletionProtection": "true", "LogRetentionDays": "30"}}
"""What a stage has unless the owner says otherwise; any other stage is for trying things."""
TRIED_OUT = {"LogRetentionDays": "7"}
OWN = ("Stage", "Architecture", "Release")
"""Parameters that make deploy sets."""
MEMBERS = {"run": dict, "deploy": dict, "timeframes": list, "stocks": dict, "crypto": dict}
"""What the file may hold, and of which type."""


def parameter_overrides(stage: str, file: Path = FILE) -> dict[str, str]:
    """The parameters of a stage's deploy: the stage's defaults, then [deploy], then [deploy.<stage>].

    Raises ConfigurationError for a file that is no TOML, for a parameter that the template lacks, for a
    value that it does not allow, and for a table that is no stage's: it would be passed over.
    """
    deploy = settings(file).get("deploy", {})
    every = {name: value for name, value in deploy.items() if not isinstance(value, dict)}
    known = load(ROOT / "template.yaml").body["Parameters"]
    for name in sorted(deploy.keys() - every.keys()):
        if name in known or not re.fullmatch(STAGE, name):
            raise ConfigurationError(f"{file.name}: [deploy.{name}] is no stage's, such as [deploy.prod]")
    chosen = OF_STAGE.get(stage, TRIED_OUT) | _texts(every) | _texts(deploy.get(stage, {}))
    for name in sorted(chosen.keys() - known.keys()):
        raise ConfigurationError(
            f"{file.name}: there is no parameter {name}; there are {', '.join(sorted(known))}"
        )
    for name in OWN:
        if name in chosen:
            raise ConfigurationError(f"{file.name}: {name} is set by make deploy STAGE=… ARCH=…")
    for name, value in chosen.items():
        _check_value(name, value, known[name], file.name)
    return chosen


def _check_value(name: str, value: str, parameter: Mapping[str, Any], where: str) -> None:
    """Check a value before anything is built. It is not shown: it may be a key in place of its name.

    SAM cuts a value off at a space or quote, silently.
    """
    allowed = [str(each) for each in parameter.get("AllowedValues", [value])]
    pattern = parameter.get("AllowedPattern", ".*")
    if value not in allowed or not re.fullmatch(pattern, value) or re.search(r"[\s\"'\\]", value):
        what = parameter.get("Description", "")
        raise ConfigurationError(f"{where}: {name} holds a value that it cannot have. It is: {what}")


def list_of_assets(file: Path = FILE) -> dict[str, str]:
    """The setting that names the file as the list of assets and timeframes, where it holds one."""
    return {"GROWFOLIO_ASSETS": str(file.resolve())} if "timeframes" in settings(file) else {}


def run_environment(file: Path = FILE) -> dict[str, str]:
    """The environment that [run] gives `make run`."""
    return _texts(settings(file).get("run", {}))


def settings(file: Path = FILE) -> dict[str, Any]:
    """The whole file; empty where there is none.

    Raises ConfigurationError where it cannot be read, or holds what nothing reads.
    """
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as fault:
        raise ConfigurationError(f"{file.name} cannot be read: {fault}") from fault
    for name, value in found.items():
        if not isinstance(value, MEMBERS.get(name, ())):
            raise ConfigurationError(
                f"{file.name}: {name} is nothing that is read, or is of the wrong type; "
                f"there are {', '.join(MEMBERS)}"
            )
    return found


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Numbers and truths as CloudFormation and environments write them; lists by comma.

    Raises ConfigurationError for a table.
    """
    for name, value in values.items():
        if isinstance(value, dict):
            raise ConfigurationError(f"{FILE.name}: {name} is a table in place of a value")
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
