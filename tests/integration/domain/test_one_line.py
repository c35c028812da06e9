"""README's promise: an asset is one line of one file, and so is a timeframe; the tests pass with both."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from growfolio.domain.catalogue import OWN

ROOT = Path(__file__).parents[3]
LINES = {
    '"15m"]': '"15m", "30m"]',
    '"AAPL": "Apple",': '"AAPL": "Apple",\n    "ORCL": "Oracle",',
    '"BTC": "Bitcoin",': '"BTC": "Bitcoin",\n    "LTC": "Litecoin",',
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_with_one_more_asset_of_each_market_and_one_more_timeframe_the_unit_tests_pass(
    tmp_path: Path,
) -> None:
    listed = OWN.read_text()
    for line, longer in LINES.items():
        assert listed.count(line) == 1
        listed = listed.replace(line, longer)
    longer_list = tmp_path / "assets_and_timeframes.json"
    longer_list.write_text(listed)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"]
    environ = os.environ | {"GROWFOLIO_ASSETS": str(longer_list)}
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-5000:]
