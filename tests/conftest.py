"""What every test may ask for."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_candles() -> Path:
    """A folder of real 5-minute candles: GROWFOLIO_CANDLES, or shared/candles beside the checkout."""
    folder = Path(os.environ.get("GROWFOLIO_CANDLES") or Path(__file__).parents[2] / "shared" / "candles")
    if not folder.is_dir():
        pytest.skip("no real candles: set GROWFOLIO_CANDLES to a folder of <ID>_5m.parquet files")
    return folder
