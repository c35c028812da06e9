"""The program that holds the record against training sees that they agree, and where they do not."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from growfolio.domain.assets import Market, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.times import DAY, HOUR
from growfolio.market.simulated import SimulatedSource
from growfolio.models import starter
from growfolio.settings import Settings

from infra.local.history import History
from infra.record import LOOK_BACK, compare, compared

STARTER = Path(starter.__path__[0])
END = 19_900 * DAY


@pytest.mark.slow
def test_record_and_training_agree_on_the_same_bars_and_on_others_they_do_not(tmp_path: Path) -> None:
    history = History(Settings(source="simulated", model_cache=str(tmp_path)))
    history.run(END - 2 * HOUR, END)
    made = SimulatedSource().fetch(dict.fromkeys(assets_of(Market.CRYPTO), END - LOOK_BACK), END)
    coins = {asset: own for asset, own in made.items() if isinstance(own, Bars)}
    ((line, same),) = compared(history, {Market.CRYPTO: coins, Market.STOCKS: {}}, STARTER)
    assert same, line
    others = {asset: replace(own, close=own.open) for asset, own in coins.items()}
    ((line, same),) = compared(history, {Market.CRYPTO: others, Market.STOCKS: {}}, STARTER)
    assert not same, line


@pytest.mark.slow
def test_two_days_of_three_real_assets_have_the_metrics_of_training(
    real_candles: Path, tmp_path: Path
) -> None:
    """To 1e-4, on every bar of each: compare ends with 1 otherwise, and where nothing could be compared."""
    for name in ("AAPL", "BTC_USDT", "ETH_USDT"):
        (tmp_path / f"{name}_5m.parquet").symlink_to(real_candles / f"{name}_5m.parquet")
    start = int(datetime(2024, 9, 3, 12, tzinfo=UTC).timestamp())
    assert compare(tmp_path, None, start, start + 2 * DAY) == 0
