"""Candles of one asset in several files: merged by one rule, or kept apart for a reason that is named."""

from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.times import DAY
from growfolio.errors import BadCandles, ConfigurationError
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import END, simulated, write_bars
from training.data.candle_files import CandleFiles, CandleFolders
from training.data.history import stretches
from training.data.merging import Piece, merged

AAPL, BTC = map(find_asset, ("AAPL", "BTC"))
WHOLE = simulated("BTC", 12)


def days(bars: Bars, first: float, last: float) -> Bars:
    """The bars from so many days before END to so many."""
    return bars.where((bars.open_time >= END - first * DAY) & (bars.open_time < END - last * DAY))


def times(bars: Bars, factor: float, *names: str) -> Bars:
    columns = {name: getattr(bars, name) * (factor if name in names else 1.0) for name in PRICES}
    return Bars(bars.open_time, *columns.values())


def assert_same(found: Bars, wanted: Bars) -> None:
    np.testing.assert_array_equal(found.open_time, wanted.open_time)
    for name in PRICES:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-12)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=5))
def test_whatever_the_ranges_of_agreeing_files_the_merged_candles_are_those_of_all(
    ranges: list[tuple[int, int]],
) -> None:
    pieces = [Piece(str(n), "x", days(WHOLE, max(r), min(r))) for n, r in enumerate(ranges)]
    found = merged(pieces)
    every = np.unique(np.concatenate([piece.bars.open_time for piece in pieces]))
    assert_same(found.bars, WHOLE.where(np.isin(WHOLE.open_time, every)))
    assert not found.notes
    assert found.shared == sum(len(piece.bars) for piece in pieces) - len(every)


def test_where_files_differ_the_later_one_holds_and_the_difference_is_said() -> None:
    older, newer = days(WHOLE, 9, 2), times(days(WHOLE, 4, 0), 1.01, "volume")
    found = merged([Piece("old/BTC", "", older), Piece("new/BTC", "", newer)])
    assert_same(found.bars, days(WHOLE, 9, 4).followed_by(newer))
    (note,) = found.notes
    assert note.startswith("576 of 576 bars that new/BTC shares with earlier files differ, by up to 0.00% in")
    assert "1% in volume, the first at 2025-06-" in note
    assert note.endswith("; those of new/BTC are taken")


def test_no_number_and_a_number_differ() -> None:
    holes = times(days(WHOLE, 4, 0), 1, *PRICES)
    holes.close[5:8] = np.nan
    (note,) = merged([Piece("old", "", days(WHOLE, 9, 2)), Piece("new", "", holes)]).notes
    assert "3 of 576 bars" in note
    assert "100.00% in price" in note
    assert not merged([Piece("old", "", holes), Piece("new", "", holes)]).notes


def test_a_split_that_only_the_later_file_knows_is_worked_into_the_earlier_one() -> None:
    before = times(times(days(WHOLE, 9, 2), 4, *PRICES[:4]), 0.25, "volume")
    found = merged([Piece("old", "", before), Piece("new", "", days(WHOLE, 4, 0))])
    assert_same(found.bars, days(WHOLE, 9, 0))
    assert not found.notes


def test_prices_that_jump_from_one_file_to_the_next_are_an_unadjusted_split() -> None:
    before = times(days(WHOLE, 9, 4), 10, *PRICES[:4])
    with pytest.raises(BadCandles, match=r"old ends at .* and new goes on at .* a split"):
        merged([Piece("old", "", before), Piece("new", "", days(WHOLE, 4, 0))])


def test_years_and_splits_between_files_are_a_cut_in_history() -> None:
    bars = simulated("BTC", 40)
    before = times(days(bars, 40, 30), 10, *PRICES[:4])
    found = merged([Piece("old", "binance", before), Piece("new", "kraken", days(bars, 8, 0))])
    first, second = stretches(BTC, found.bars, Timeframe.M5)
    np.testing.assert_array_equal(first.close[0], before.close)
    assert int(second.close_time[0]) > END - 8 * DAY


def test_neighbouring_candles_of_two_sources_are_not_joined() -> None:
    pieces = [Piece("old", "binance", days(WHOLE, 9, 4)), Piece("new", "kraken", days(WHOLE, 4, 0))]
    with pytest.raises(BadCandles, match="old holds candles of binance, whose volumes do not compare"):
        merged(pieces)


def test_a_file_named_by_a_year_is_an_older_part_of_its_assets_candles(tmp_path: Path) -> None:
    files = CandleFiles(tmp_path)
    write_bars(tmp_path, BTC, days(WHOLE, 3, 0))
    files.path(BTC).rename(tmp_path / "newest")
    write_bars(tmp_path, BTC, days(WHOLE, 9, 3))
    files.path(BTC).rename(tmp_path / "BTC_USDT_2025-1_5m.parquet")
    (tmp_path / "newest").rename(files.path(BTC))
    write_bars(tmp_path, AAPL, simulated("AAPL", 3))
    for name in ("AAPL_old_5m", "AAPL_2022_1m", "BTC_USDT_2022"):
        (tmp_path / f"{name}.parquet").write_bytes(b"no part of an asset")
    assert_same(files.read(BTC), days(WHOLE, 9, 0))
    assert_same(files.read(AAPL), simulated("AAPL", 3))
    # What grows is the asset's own file.
    assert files.add(BTC, days(WHOLE, 10, 9), "") == 288
    assert_same(CandleFolders((tmp_path,)).read(BTC).bars, days(WHOLE, 10, 0))


def test_several_folders_are_one_and_a_missing_one_is_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, bars in ((one, days(WHOLE, 9, 2)), (other, times(days(WHOLE, 4, 0), 1.1, "volume"))):
        folder.mkdir()
        write_bars(folder, BTC, bars)
    found = CandleFolders((one, other)).read(BTC)
    assert found.pieces == 2
    assert "that other/BTC_USDT_5m.parquet shares" in found.notes[0]
    assert CandleFolders((one, other)).read(AAPL).pieces == 0
    with pytest.raises(ConfigurationError, match=r"no folder .*nowhere"):
        CandleFolders((one, tmp_path / "nowhere")).check()
