"""Candles of the past from parquet files, as of a moment."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ConfigurationError, PermanentMarketError
from growfolio.market.replay import ReplaySource

from tests.bars import moment, printed

NOW = moment("2024-09-05 18:00")
AAPL, MSFT, BTC = (find_asset(name) for name in ("AAPL", "MSFT", "BTC"))


def write(folder: Path, asset: Asset, bars: Bars, unit: str = "us") -> None:
    opened = [
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second) for second in bars.open_time.tolist()
    ]
    columns = {"timestamp": pa.array(opened, pa.timestamp(unit, "UTC"))}
    columns |= {name: pa.array(getattr(bars, name)) for name in PRICES}
    pq.write_table(pa.table(columns), folder / f"{asset.id}_5m.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for asset in (AAPL, BTC):
        write(tmp_path, asset, printed(asset, NOW - 10 * DAY, NOW + 10 * DAY))
    return tmp_path


def served(folder: Path, asset: Asset, since: int, now: int) -> Bars:
    bars = ReplaySource(folder).fetch({asset: since}, now)[asset]
    assert isinstance(bars, Bars)
    return bars


@pytest.mark.parametrize("asset", [AAPL, BTC])
def test_the_past_is_served_as_it_was_printed(folder: Path, asset: Asset) -> None:
    bars, expected = served(folder, asset, NOW - 3 * DAY, NOW), printed(asset, NOW - 3 * DAY, NOW)
    for name in ("open_time", *PRICES):
        np.testing.assert_array_equal(getattr(bars, name), getattr(expected, name))


@pytest.mark.parametrize("second", [-1, 0, 1, 299])
def test_nothing_that_closes_after_the_moment_is_seen(folder: Path, second: int) -> None:
    bars = served(folder, BTC, NOW - DAY, NOW + second)
    assert bars.open_time[-1] + BAR <= NOW + second
    assert bars.open_time[-1] + BAR == (NOW if second >= 0 else NOW - BAR)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_are_read_in_any_unit(tmp_path: Path, unit: str) -> None:
    write(tmp_path, BTC, printed(BTC, NOW - DAY, NOW), unit)
    assert served(tmp_path, BTC, NOW - 3600, NOW).open_time.tolist() == list(range(NOW - 3600, NOW, BAR))


def test_an_asset_without_a_file_names_the_file_that_is_missing(folder: Path) -> None:
    answers = ReplaySource(folder).fetch(dict.fromkeys([AAPL, MSFT], NOW - DAY), NOW)
    assert isinstance(answers[AAPL], Bars)
    assert isinstance(answers[MSFT], PermanentMarketError)
    assert str(answers[MSFT]) == "no file MSFT_5m.parquet in the replayed folder"


def test_a_time_that_a_file_does_not_cover_is_said_so(folder: Path) -> None:
    answer = ReplaySource(folder).fetch({AAPL: NOW + 30 * DAY}, NOW + 31 * DAY)[AAPL]
    assert isinstance(answer, PermanentMarketError)
    assert str(answer) == "AAPL_5m.parquet has no candles of this time"


def test_a_file_that_is_no_parquet_or_lacks_a_column_is_that_assets_fault(folder: Path) -> None:
    (folder / "MSFT_5m.parquet").write_bytes(b"no parquet")
    pq.write_table(pa.table({"timestamp": [1]}), folder / "NVDA_5m.parquet")
    nvda = find_asset("NVDA")
    answers = ReplaySource(folder).fetch(dict.fromkeys([AAPL, MSFT, nvda], NOW - DAY), NOW)
    assert isinstance(answers[AAPL], Bars)
    for asset in (MSFT, nvda):
        assert isinstance(answers[asset], PermanentMarketError)
        assert str(answers[asset]).startswith(f"{asset.id}_5m.parquet cannot be read")


def test_a_folder_that_is_not_there_is_a_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"_5m\.parquet"):
        ReplaySource(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("market", "expected"),
    [
        (Market.STOCKS, {"AAPL", "AMZN", "GOOGL", "META", "MSFT"}),
        (Market.CRYPTO, {"BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "SHIB"}),
    ],
)
@pytest.mark.parametrize("timeframe", Timeframe)
def test_real_candles_of_twelve_assets_are_whole_on_a_day_of_2024(
    real_candles: Path, market: Market, expected: set[str], timeframe: Timeframe
) -> None:
    grid = last_slots(market, NOW, timeframe, 400)
    since = int(grid[0]) - timeframe.seconds
    answers = ReplaySource(real_candles).fetch(dict.fromkeys(assets_of(market), since), NOW)
    bars = {asset: own for asset, own in answers.items() if isinstance(own, Bars)}
    candles, refused = align(bars, grid, timeframe)
    assert {asset.symbol for asset in candles.assets} == expected
    assert refused == {}
    assert not candles.filled.any()
