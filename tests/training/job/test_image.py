"""The image's entry point, run from an environment installed from the lock that the image installs."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from growfolio.training_jobs.request import TrainingRequest
from packaging.markers import Marker

from training.exit_codes import Outcome

ROOT = Path(__file__).parents[3]


def test_this_environment_is_what_the_image_installs() -> None:
    lock = (ROOT / "training/requirements.lock").read_text()
    checked = 0
    for name, pinned, marker in re.findall(r"^([\w.-]+)==([^\s;\\]+)(?: ; ([^\\\n]+))?", lock, re.MULTILINE):
        if not marker or Marker(marker.strip()).evaluate():
            assert version(name) == pinned
            checked += 1
    assert checked > 50


@pytest.mark.slow
def test_the_entry_point_takes_what_the_train_function_sends() -> None:
    dockerfile = (ROOT / "training/Dockerfile").read_text()
    [entry] = re.findall(r"^ENTRYPOINT (.*)$", dockerfile, re.MULTILINE)
    _, *module = json.loads(entry)
    event = {
        "symbols": ["AAPL", "BTC"],
        "timeframes": ["5m"],
        "network": "gru",
        "publish": True,
        "promote": True,
        "warm_start": "active",
    }
    arguments = TrainingRequest.from_event(event).arguments()
    ran = subprocess.run(
        [sys.executable, *module, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin"},
    )
    # It has read its arguments, and misses what the job definition sets.
    assert ran.returncode == Outcome.CONFIGURATION, ran.stderr
    assert "GROWFOLIO_BUCKET" in ran.stdout + ran.stderr
