"""How layers are filled, and what keeps a build from being deployed."""

import json
import struct
from pathlib import Path

import pytest
from growfolio.domain.catalogue import parse

from infra.build_layer import ROOT, assets_json, keep_exchanges, prune, requirements, shipped
from infra.layers import LAYERS, Layer
from infra.sizes import MACHINES, MIB, BuiltFunction, faults, shipped_twice, table

LOCK = """\
one==1.0 \\
    --hash=sha256:a \\
    --hash=sha256:b
two==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:c
two==2.1 ; python_full_version >= '3.12' \\
    --hash=sha256:d
"""


def test_a_lock_is_read_with_all_its_versions_and_hashes() -> None:
    pins = requirements(LOCK)
    assert list(pins) == ["one", "two"]
    assert "sha256:a" in pins["one"]
    assert "sha256:b" in pins["one"]
    assert "two==2.0" in pins["two"]
    assert "two==2.1" in pins["two"]


@pytest.mark.parametrize("layer", LAYERS.values(), ids=str)
def test_nothing_is_shipped_that_a_layer_beside_it_has(layer: Layer) -> None:
    own = set(shipped(layer))
    for other in layer.beside:
        assert own.isdisjoint(shipped(LAYERS[other]))


def test_stocks_use_the_numpy_of_forecasts() -> None:
    assert "numpy" in shipped(LAYERS["forecast"])
    assert "numpy" not in shipped(LAYERS["stocks"])
    assert "pandas" in shipped(LAYERS["stocks"])


def test_what_a_layer_does_without_is_in_its_lock_and_not_shipped() -> None:
    for layer in LAYERS.values():
        lock = requirements((ROOT / "layers" / layer.name / "requirements.lock").read_text())
        assert set(layer.without) <= set(lock), f"{layer.name} no longer needs these exceptions"
        assert set(layer.without).isdisjoint(shipped(layer))


@pytest.fixture
def ccxt(tmp_path: Path) -> Path:
    """A package laid out as ccxt is: kraken, binance, and binanceus, which builds on binance."""
    package = tmp_path / "ccxt"
    (package / "abstract").mkdir(parents=True)
    names = ("binance", "binanceus", "kraken")
    for name in names:
        base = "ccxt.binance" if name == "binanceus" else "ccxt.base.exchange"
        (package / f"{name}.py").write_text(
            f"from {base} import X\nfrom ccxt.abstract.{name} import ImplicitAPI\n"
        )
        (package / "abstract" / f"{name}.py").write_text("")
    imports = "".join(f"from ccxt.{name} import {name}    # noqa: F401\n" for name in names)
    listed = "".join(f"    '{name}',\n" for name in names)
    (package / "__init__.py").write_text(f"from ccxt.base import errors\n{imports}exchanges = [\n{listed}]\n")
    return package


def test_exchanges_that_are_kept_are_imported_one_by_one_and_others_are_not_there(ccxt: Path) -> None:
    keep_exchanges(ccxt, ["kraken"])
    init = (ccxt / "__init__.py").read_text()
    assert init == ("from ccxt.base import errors\nexchanges = [\n]\n")
    assert sorted(path.name for path in ccxt.rglob("*.py")) == ["__init__.py", "kraken.py", "kraken.py"]


def test_an_exchange_keeps_the_one_it_builds_on(ccxt: Path) -> None:
    keep_exchanges(ccxt, ["binanceus"])
    assert {"binance.py", "binanceus.py"} <= {path.name for path in ccxt.glob("*.py")}
    assert not (ccxt / "kraken.py").exists()


def test_an_exchange_that_ccxt_does_not_have_stops_the_build(ccxt: Path) -> None:
    with pytest.raises(ValueError, match="no exchange 'mtgox'"):
        keep_exchanges(ccxt, ["mtgox"])


def test_what_is_never_read_is_not_shipped_and_licences_are(tmp_path: Path) -> None:
    for name in (
        "one/tests/test_a.py",
        "one/a.py",
        "one/a.pyi",
        "one-1.dist-info/RECORD",
        "one/data/big.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "one-1.dist-info" / "LICENSE").write_text("")
    prune(tmp_path, ["one/data/*"])
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"one/a.py", "one-1.dist-info/LICENSE"}


def a_layer(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / "python" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def elf(machine: int) -> bytes:
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine)


def a_function(tmp_path: Path, *layers: tuple[str, Path], code: bytes = b"") -> BuiltFunction:
    folder = tmp_path / "code"
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_bytes(code)
    return BuiltFunction("Function", folder, layers)


def test_a_function_within_its_budget_may_be_deployed(tmp_path: Path) -> None:
    function = a_function(tmp_path, ("A", a_layer(tmp_path / "a", {"one": bytes(1000)})))
    assert list(faults([function], {"Function": 1}, "arm64")) == []
    assert "Function" in table([function], {"Function": 1})


def test_a_function_over_its_budget_may_not(tmp_path: Path) -> None:
    function = a_function(tmp_path, ("A", a_layer(tmp_path / "a", {"one": bytes(MIB)})), code=b"x")
    assert list(faults([function], {"Function": 1}, "arm64")) == ["Function is 1.0 MiB, over its budget of 1"]


def test_a_function_without_a_budget_may_not(tmp_path: Path) -> None:
    assert list(faults([a_function(tmp_path)], {}, "arm64")) == ["Function has no budget"]


def test_a_sixth_layer_may_not(tmp_path: Path) -> None:
    six = [(str(n), a_layer(tmp_path / str(n), {f"file{n}": b""})) for n in range(6)]
    assert list(faults([a_function(tmp_path, *six)], {"Function": 1}, "arm64")) == [
        "Function has 6 layers; Lambda takes five"
    ]


def test_a_library_for_another_architecture_may_not(tmp_path: Path) -> None:
    layer = a_layer(tmp_path / "a", {"numpy/core.so": elf(MACHINES["x86_64"])})
    function = a_function(tmp_path, ("A", layer))
    assert list(faults([function], {"Function": 1}, "x86_64")) == []
    assert list(faults([function], {"Function": 1}, "arm64")) == ["python/numpy/core.so is not for arm64"]


def test_a_package_in_two_layers_may_not_but_a_namespace_may(tmp_path: Path) -> None:
    one = a_layer(tmp_path / "one", {"numpy/__init__.py": b"", "google/a.py": b""})
    two = a_layer(tmp_path / "two", {"numpy/__init__.py": b"", "google/b.py": b""})
    assert shipped_twice(a_function(tmp_path, ("One", one), ("Two", two))) == ["numpy is in One and in Two"]


@pytest.mark.parametrize("name", ["mine.json", "growfolio.toml"])
def test_the_core_layer_carries_the_owners_list_of_assets_and_nothing_else_of_the_file(
    tmp_path: Path, name: str
) -> None:
    texts = {
        "mine.json": '{"timeframes": ["5m"], "stocks": {}, "crypto": {"BTC": "Bitcoin"}, "other": 1}',
        "growfolio.toml": 'timeframes = ["5m"]\n[stocks]\n[crypto]\nBTC = "Bitcoin"\n[run]\nA = "b"\n',
    }
    (tmp_path / name).write_text(texts[name])
    listed = json.loads(assets_json(tmp_path / name))
    assert listed == {"timeframes": ["5m"], "stocks": {}, "crypto": {"BTC": "Bitcoin"}}
    assert parse((tmp_path / name).read_text(), name) == parse(json.dumps(listed), "in the layer")
