"""The sizes of what `sam build` left, held to each function's budget. Run by `make build`."""

import argparse
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.template import Template, load

MIB = 1024 * 1024
BUDGETS = {
    "RefreshStocksFunction": 240,
    "RefreshCryptoFunction": 240,
    "ExplainFunction": 240,
    "ApiFunction": 60,
    "TrainFunction": 60,
    "WatchFunction": 60,
}
"""MiB, unzipped, a function with its layers. Lambda's own limit is 250, and at most five layers."""
MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
"""The architecture's number in the header of an ELF file."""


@dataclass(frozen=True, slots=True)
class BuiltFunction:
    """A function's folder and its layers' folders, as they lie in the build."""

    name: str
    code: Path
    layers: tuple[tuple[str, Path], ...]

    @property
    def bytes(self) -> dict[str, int]:
        """The size of the code and of each layer."""
        return {"code": size(self.code)} | {layer: size(folder) for layer, folder in self.layers}


def built_functions(build: Path) -> list[BuiltFunction]:
    """What the built template in this folder says, with the folders it names."""
    template = load(build / "template.yaml")
    return [_built(build, template, name) for name in template.functions()]


def _built(build: Path, template: Template, name: str) -> BuiltFunction:
    layers = template.layers(name)
    return BuiltFunction(
        name,
        (build / template.properties(name)["CodeUri"]).resolve(),
        tuple((layer, (build / template.properties(layer)["ContentUri"]).resolve()) for layer in layers),
    )


def size(folder: Path) -> int:
    """Bytes unzipped, as Lambda counts them."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def faults(functions: list[BuiltFunction], budgets: Mapping[str, float], architecture: str) -> Iterator[str]:
    """Why this build must not be deployed; nothing if it may."""
    for function in functions:
        if function.name not in budgets:
            yield f"{function.name} has no budget"
            continue
        total, budget = sum(function.bytes.values()), budgets[function.name]
        if total > budget * MIB:
            yield f"{function.name} is {total / MIB:.1f} MiB, over its budget of {budget:g}"
        if len(function.layers) > 5:
            yield f"{function.name} has {len(function.layers)} layers; Lambda takes five"
        yield from (f"{function.name}: {twice}" for twice in shipped_twice(function))
    for folder in sorted({folder for function in functions for _, folder in function.layers}):
        yield from _foreign(folder, architecture)


def shipped_twice(function: BuiltFunction) -> list[str]:
    """Distributions and modules that two layers of one function hold; the second would hide the first."""
    seen: dict[str, str] = {}
    found = []
    for layer, folder in function.layers:
        for path in sorted(folder.glob("python/*")):
            name = re.sub(r"-[^-]+\.dist-info$", ".dist-info", path.name)
            namespace = path.is_dir() and not (path / "__init__.py").exists() and path.suffix != ".dist-info"
            if name in seen and not namespace and name != "__pycache__":
                found.append(f"{name} is in {seen[name]} and in {layer}")
            seen.setdefault(name, layer)
    return found


def _foreign(folder: Path, architecture: str) -> Iterator[str]:
    """Compiled files of another architecture: they would fail on their first import."""
    for path in sorted(folder.rglob("*.so*")):
        with path.open("rb") as file:
            header = file.read(20)
        if header[:4] == b"\x7fELF" and struct.unpack("<H", header[18:20])[0] != MACHINES[architecture]:
            yield f"{path.relative_to(folder)} is not for {architecture}"


def table(functions: list[BuiltFunction], budgets: Mapping[str, float]) -> str:
    """The sizes in MiB, a row for each function."""
    rows = [("function", "code and layers", "MiB", "budget")]
    for function in functions:
        parts = ", ".join(f"{part} {count / MIB:.1f}" for part, count in function.bytes.items())
        total = sum(function.bytes.values()) / MIB
        rows.append((function.name, parts, f"{total:.1f}", f"{budgets.get(function.name, 0):g}"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {parts:<{widths[1]}}  {total:>{widths[2]}}  {budget:>{widths[3]}}"
        for name, parts, total, budget in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--architecture", choices=MACHINES, required=True)
    given = parser.parse_args()
    functions = built_functions(given.build)
    print(table(functions, BUDGETS))
    found = list(faults(functions, BUDGETS, given.architecture))
    if found:
        raise SystemExit("\n".join(["", *found]))


if __name__ == "__main__":
    main()
