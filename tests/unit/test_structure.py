"""Tests lie where what they test lies."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    folder.name: folder
    for parent in (ROOT, ROOT / "layers/core/growfolio", ROOT / "training")
    for folder in parent.iterdir()
    if folder.is_dir()
}
NAMED_OTHERWISE = {"api": ROOT / "functions/api"}


@pytest.mark.parametrize("kind", ["unit", "integration", "training"])
def test_every_folder_of_tests_is_named_after_a_package(kind: str) -> None:
    for folder in (ROOT / "tests" / kind).iterdir():
        if folder.is_dir() and any(folder.glob("test_*.py")):
            package = NAMED_OTHERWISE.get(folder.name) or PACKAGES.get(folder.name)
            assert package, f"tests/{kind}/{folder.name}: there is no package {folder.name}"
            assert any(package.rglob("*.py")), package
