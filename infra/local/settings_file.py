"""growfolio.toml and keys.env as `make setup` writes them and `make run` reads them.

growfolio.toml (infra/owner_settings.py) may hold a list of assets and timeframes too, in place of
assets_and_timeframes.json. Keys never stand in it: here they lie in keys.env, which only its owner may read,
and on AWS in SSM.
"""

import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from infra.owner_settings import FILE, list_of_assets, run_environment, settings


def settings_file(environ: Mapping[str, str]) -> Path:
    """The owner's file, or the one that SETTINGS names."""
    return Path(environ.get("SETTINGS") or FILE)


def keys_file(environ: Mapping[str, str]) -> Path:
    return settings_file(environ).with_name("keys.env")


def apply(environ: MutableMapping[str, str]) -> None:
    """Put the settings and keys into the environment; what is set there already keeps its value.

    Raises ConfigurationError for a file that cannot be read.
    """
    file = settings_file(environ)
    given = run_environment(file) | read_keys(environ) | list_of_assets(file)
    for name, value in given.items():
        if not environ.get(name):
            environ[name] = value


def read_keys(environ: Mapping[str, str]) -> dict[str, str]:
    path = keys_file(environ)
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


def write(changed: Mapping[str, Any], keys: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Both files. What growfolio.toml holds beside what changed stays, but for comments."""
    file = settings_file(environ)
    file.write_text(_toml({**settings(file), **changed}), "utf-8")
    path = keys_file(environ)
    path.unlink(missing_ok=True)
    if keys:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as lines:
            lines.writelines(f"{name}={value}\n" for name, value in keys.items())


def _toml(values: Mapping[str, Any], table: str = "") -> str:
    """Texts, numbers, truths and lists of them, in tables of tables. Each is written as in JSON."""
    plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    text = f"\n[{table}]\n" if table else ""
    text += "".join(
        f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in plain.items()
    )
    for name, value in values.items():
        if isinstance(value, Mapping):
            text += _toml(value, f"{table}.{_key(name)}" if table else _key(name))
    return text


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)
