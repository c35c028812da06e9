"""Build one Lambda layer for the chosen architecture, with no container: `sam build` calls it.

Run by python3.13, whose byte code is shipped; needs nothing but uv.
"""

import argparse
import ast
import compileall
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from infra.layers import EXCHANGES, LAYERS, Layer

ROOT = Path(__file__).resolve().parent.parent
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
"""Lambda's name of an architecture, and uv's name of the wheels that run there."""

NEVER_READ = ("tests", "*.pyi", "*.pxd", "*.pxi", "*.pyx", "*.h", "*.c", "__pycache__", "RECORD", "INSTALLER")


def requirements(lock: str) -> dict[str, str]:
    """Each distribution of a lock file, with its lines (versions for several Pythons, hashes)."""
    found: dict[str, str] = {}
    for block in re.findall(r"^[A-Za-z0-9](?:.*\\\n)*.*", lock, re.MULTILINE):
        name = re.match(r"[A-Za-z0-9._-]+", block)
        assert name is not None  # noqa: S101  (the pattern above starts with one of these)
        found[name.group()] = found.get(name.group(), "") + block + "\n"
    return found


def shipped(layer: Layer) -> dict[str, str]:
    """What of a layer's lock is installed into it: what no layer beside it holds already.

    Raises ValueError where a layer beside it pins another version.
    """
    own = requirements((ROOT / "layers" / layer.name / "requirements.lock").read_text())
    for other in layer.beside:
        for name, pins in shipped(LAYERS[other]).items():
            if _versions(own.get(name, pins)) != _versions(pins):
                raise ValueError(
                    f"{name} differs between the locks of {layer.name} and {other}: run make lock"
                )
            own.pop(name, None)
    return {name: pins for name, pins in own.items() if name not in layer.without}


def _versions(pins: str) -> set[str]:
    return set(re.findall(r"==([^\s;\\]+)", pins))


def build(layer: Layer, architecture: str, into: Path, uv: Path) -> None:
    """Fill into with what the function finds under /opt/python."""
    install(shipped(layer), architecture, into, uv)
    if layer.name == "core":
        package = ROOT / "layers" / "core" / "growfolio"
        shutil.copytree(package, into / package.name, ignore=shutil.ignore_patterns("__pycache__"))
        if own_list := os.environ.get("GROWFOLIO_ASSETS"):
            listed = into / package.name / "domain" / "assets_and_timeframes.json"
            listed.write_text(assets_json(Path(own_list)))
    if (into / "ccxt").is_dir():
        keep_exchanges(into / "ccxt", EXCHANGES)
    prune(into, layer.prune)
    compile_all(into)


def assets_json(own_list: Path) -> str:
    """A list of assets and timeframes, in JSON or TOML, as the package carries it."""
    text = own_list.read_text("utf-8")
    listed = tomllib.loads(text) if own_list.suffix == ".toml" else json.loads(text)
    return json.dumps({name: listed[name] for name in ("timeframes", "stocks", "crypto")}, indent=1)


def install(pins: dict[str, str], architecture: str, into: Path, uv: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "requirements.lock"
        lock.write_text("".join(pins.values()))
        # fmt: off
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
             "--python", sys.executable, "--python-version", "3.13",
             "--python-platform", PLATFORMS[architecture], "--link-mode", "copy",
             "--target", into, "--requirements", lock],
            check=True,
        )
        # fmt: on


def keep_exchanges(ccxt: Path, kept: Iterable[str]) -> None:
    """Leave only these exchanges, and those they build on, in ccxt, and none in what its __init__ imports.

    So a function imports only those that it asks. Raises ValueError for a name that ccxt does not have.
    """
    wanted = _with_bases(ccxt, kept)
    every = {path.stem for path in (ccxt / "abstract").glob("*.py")} - {"__init__"}
    for name in every - wanted:
        (ccxt / "abstract" / f"{name}.py").unlink()
        (ccxt / f"{name}.py").unlink(missing_ok=True)
    init = ccxt / "__init__.py"
    init.write_text("".join(_without(init.read_text(), every)))


def _with_bases(ccxt: Path, names: Iterable[str]) -> set[str]:
    """The names and the exchanges that their classes derive from."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        source = ccxt / f"{name}.py"
        if not source.is_file():
            raise ValueError(f"ccxt has no exchange {name!r}")
        found.add(name)
        for node in ast.parse(source.read_text()).body:
            base = re.fullmatch(r"ccxt\.(\w+)", getattr(node, "module", None) or "")
            if base and (ccxt / f"{base[1]}.py").is_file() and base[1] not in found:
                todo.append(base[1])
    return found


def _without(init: str, dropped: set[str]) -> Iterator[str]:
    """An __init__'s lines, less the imports and list entries of the dropped exchanges."""
    for line in init.splitlines(keepends=True):
        named = re.match(r"from ccxt\.(\w+)\s+import|\s+'(\w+)',", line)
        if not (named and (named[1] or named[2]) in dropped):
            yield line


def prune(folder: Path, patterns: Iterable[str]) -> None:
    """Remove what the product never reads. Licences and package metadata stay."""
    doomed = [path for pattern in NEVER_READ for path in folder.rglob(pattern)]
    doomed += [path for pattern in patterns for path in folder.glob(pattern)]
    for path in [*doomed, folder / "bin", folder / ".lock"]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def compile_all(folder: Path) -> None:
    """Byte code that is loaded without a look at the source; tracebacks name /opt/python.

    Raises ValueError for a file that this Python cannot compile.
    """
    done = compileall.compile_dir(
        folder,
        quiet=1,
        workers=0,
        stripdir=str(folder),
        prependdir="/opt/python",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise ValueError(f"{folder} holds a file that does not compile")


def main() -> None:
    if sys.version_info[:2] != (3, 13):
        raise SystemExit("layers hold byte code of Python 3.13: run this with python3.13")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layer", choices=LAYERS)
    parser.add_argument("--architecture", choices=PLATFORMS, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--uv", type=Path, required=True)
    given = parser.parse_args()
    build(LAYERS[given.layer], given.architecture, given.into, given.uv)


if __name__ == "__main__":
    main()
