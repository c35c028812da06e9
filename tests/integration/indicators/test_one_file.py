"""A newcomer's file: found without a list, tried with all others, and served by its name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import HANG

SOUND = """
from growfolio.domain.rolling import moving_mean
from growfolio.indicators.registry import context_input, indicator
from growfolio.indicators.scene import moves


@indicator(name="upper_shadow", bars=1)
def upper_shadow(candles, known):
    return candles.high / candles.close - 1


@indicator(name="mean_shadow", bars=20)
def mean_shadow(candles, known):
    return moving_mean(candles.high / candles.close - 1, 20)


@context_input(name="last_move", bars=2)
def last_move(scene):
    return moves(scene.candles)[..., None]
"""
LEAKING = SOUND.replace("return candles.high / ", "return candles.close[:, ::-1] / ")

PROGRAM = """
import sys
import growfolio.indicators
growfolio.indicators.__path__.append(sys.argv[1])
from growfolio.domain.forecast import Inputs
from growfolio.domain.indicators import indicators
from growfolio.indicators.proofs import all_inputs, newcomers, prove
from growfolio.indicators.trials import ordinary_scenes
from growfolio.indicators.views import views_of
from growfolio.models.model_inputs import ModelInputs

own = Inputs(("upper_shadow", "mean_shadow"), ("last_move",))
assert set(own.sequence) < set(all_inputs().sequence), all_inputs()
candles = ordinary_scenes()[0].candles
views = views_of(candles, [0, 1], [99, 99], own, indicators(candles))
print(views.windows.shape, sorted(views.context), dict(views.broken), ModelInputs.of(own).lacking() or "all")
assert newcomers(Inputs(("open", *own.sequence), ("weekday", *own.context))) == own
prove(own)
print("sound")
"""


def run(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    (folder / "shadows.py").write_text(source)
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)


def test_a_file_in_the_package_is_found_tried_and_served(tmp_path: Path) -> None:
    ran = run(tmp_path, SOUND)
    assert ran.stdout == "(2, 60, 2) ['last_move'] {} all\nsound\n", ran.stderr


def test_a_leak_in_it_is_refused_with_its_name_and_bar(tmp_path: Path) -> None:
    ran = run(tmp_path, LEAKING)
    assert ran.returncode == 1
    assert "UnsoundInput: indicator upper_shadow at bar 0 (" in ran.stderr
    assert "changes when later bars do: it looks ahead" in ran.stderr


SERVING = """
import sys
import growfolio.indicators
growfolio.indicators.__path__.append(sys.argv[1])
from growfolio.domain.forecast import Inputs
from growfolio.indicators.proofs import prove
from growfolio.indicators.registry import all_indicators
from growfolio.models.model_inputs import STANDARD_INPUTS, InputRef, ModelInputs

print(STANDARD_INPUTS.lacking() or "sixteen")
print(ModelInputs((InputRef("upper_shadow"),)).lacking())
print(all_indicators()["rsi_14"].compute.__module__)
prove(Inputs(("rsi_14",)))
"""


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import talib_is_not_here\n" + SOUND, "ModuleNotFoundError: No module named 'talib_is_not_here'"),
        ("def broken(:\n", "SyntaxError: "),
        (SOUND.replace("upper_shadow", "rsi_14"), "ValueError: there are two inputs of the name 'rsi_14'"),
    ],
    ids=["a library that is missing", "no Python", "a name that is taken"],
)
def test_a_file_that_cannot_be_imported_is_named_and_costs_only_what_it_would_add(
    tmp_path: Path, source: str, why: str
) -> None:
    (tmp_path / "a_shadow.py").write_text(source)
    command = [sys.executable, "-W", "error", "-c", SERVING, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    standard, lacking, of_rsi = ran.stdout.splitlines()
    assert (standard, of_rsi) == ("sixteen", "growfolio.indicators.standard")
    assert lacking.startswith(f"indicator upper_shadow version 1 (a_shadow.py cannot be imported, {why}")
    assert f"UnsoundInput: growfolio/indicators/a_shadow.py cannot be imported: {why}" in ran.stderr


def test_the_readmes_example_is_sound(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?@indicator.*?)```", readme, re.DOTALL)
    (tmp_path / "shadows.py").write_text(example)
    program = """
import sys
import growfolio.indicators
growfolio.indicators.__path__.append(sys.argv[1])
from growfolio.domain.forecast import Inputs
from growfolio.indicators.proofs import prove
prove(Inputs(("upper_shadow",)))
"""
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert ran.returncode == 0, ran.stderr
