"""What every test may ask for."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.real import candles_folder

settings.register_profile("any machine", deadline=None)
"""hypothesis fails an example that took longer than 200 ms, which a busy machine decides."""
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def real_candles() -> Path:
    """A folder of real 5-minute candles: GROWFOLIO_CANDLES, or shared/candles beside the checkout."""
    folder = candles_folder()
    if folder is None:
        pytest.skip("no real candles: set GROWFOLIO_CANDLES to a folder of <ID>_5m.parquet files")
    return folder


@pytest.fixture(scope="session")
def real_history(real_candles: Path) -> Path:
    """Older real candles of the same kind: history beside the folder of real_candles."""
    folder = real_candles.parent / "history"
    if not folder.is_dir():
        pytest.skip(f"no older real candles: there is no {folder.name} beside {real_candles.name}")
    return folder
