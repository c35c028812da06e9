"""What a refresh keeps for the picture can always be stored."""

import numpy as np
import pytest
from growfolio.domain.assets import find_asset
from growfolio.domain.bars import Bars, OpenTimes
from growfolio.refresh.market_snapshot import PICTURE_BARS, market_record
from growfolio.storage import items

from tests.samples import BAR


@pytest.mark.parametrize("price", [3e-9, 0.0000134500, 9.999999, 64_123.45, 4e7])
@pytest.mark.parametrize("volume", [-0.0, 0.0, 1e-9, 123_456.789, 8e15])
def test_bars_of_any_size_go_into_the_table_and_come_back(price: float, volume: float) -> None:
    shib = find_asset("SHIB")
    opened = OpenTimes(BAR - 300 * np.arange(100, 0, -1))
    flat = np.full(100, price)
    record = market_record(
        shib, Bars(opened, flat, flat, flat, flat, np.full(100, volume)), "fake", None, BAR
    )
    assert items.market_record_from(shib, items.market_item(record)) == record
    assert len(record.bars) == PICTURE_BARS
    assert float(record.bars[-1][4]) == pytest.approx(price, rel=1e-5)
    assert float(record.bars[-1][5]) == pytest.approx(volume, rel=1e-5)
