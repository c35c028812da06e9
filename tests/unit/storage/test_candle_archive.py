"""Kept candles come back bit by bit, and nothing damaged is believed."""

import io
from datetime import date

import numpy as np
import pytest
from growfolio.domain.assets import ASSETS, Asset, Market, assets_of, find_asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes, SessionCount
from growfolio.domain.times import DAY, day_of
from growfolio.errors import ArchiveError
from growfolio.storage.candle_archive import CandleArchive, KeptCandles, decode, encode
from growfolio.storage.objects import MemoryObjects
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import changed, moment, printed

NOW = moment("2024-09-05 18:00")
DAY_5 = date(2024, 9, 5)
AAPL, MSFT = find_asset("AAPL"), find_asset("MSFT")


def assert_same(one: Bars, other: Bars) -> None:
    for name in ("open_time", *PRICES):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.fixture
def archive() -> CandleArchive:
    return CandleArchive(MemoryObjects(), Market.STOCKS)


FINITE = st.floats(allow_nan=False)
ROWS = st.lists(st.tuples(st.integers(0, 2**40).map(float), *[FINITE] * 5), max_size=5)


@given(rows=st.dictionaries(st.sampled_from(ASSETS), ROWS, max_size=4))
def test_what_is_kept_comes_back_bit_by_bit(rows: dict[Asset, list[tuple[float, ...]]]) -> None:
    bars = {asset: Bars.of(own) for asset, own in rows.items()}
    kept = decode(encode(KeptCandles(bars, "yahoo", 7)), "x")
    assert (kept.source, kept.archived_until) == ("yahoo", 7)
    assert list(kept.bars) == list(bars)
    for asset, own in kept.bars.items():
        assert_same(own, bars[asset])


def test_the_window_of_a_market_is_a_quarter_of_a_megabyte() -> None:
    bars = {asset: printed(asset, NOW - 27 * DAY, NOW) for asset in assets_of(Market.STOCKS)}
    assert len(encode(KeptCandles(bars, "yahoo"))) < 600_000


def test_each_market_has_its_own_keys() -> None:
    objects = MemoryObjects()
    for market in Market:
        archive = CandleArchive(objects, market)
        own = assets_of(market)[0]
        kept = KeptCandles({own: printed(own, NOW - DAY, NOW)}, "x")
        archive.write_window(kept)
        archive.add_to_day(DAY_5, kept)
    assert objects.keys("") == [
        "archive/crypto/2024-09-05.npz",
        "archive/stocks/2024-09-05.npz",
        "window/crypto/x.npz",
        "window/stocks/x.npz",
    ]


def test_counts_of_sessions_come_back_with_the_window_and_impossible_ones_do_not(
    archive: CandleArchive,
) -> None:
    own = printed(AAPL, NOW - DAY, NOW)
    good = tuple(SessionCount(NOW - n * DAY, 78, n) for n in range(5, 1, -1))
    bad = (
        SessionCount(NOW + 1, 78, 3),
        SessionCount(NOW - DAY, 78, -1),
        SessionCount(NOW - DAY, 78, 79),
        SessionCount(NOW - DAY, 10**6, 0),
    )
    archive.write_window(KeptCandles({AAPL: own, MSFT: own}, "yahoo", 0, {AAPL: good, MSFT: bad}))
    kept = archive.read_window("yahoo", NOW)
    assert kept is not None
    assert kept.counts == {AAPL: good, MSFT: ()}


def test_a_window_of_before_there_were_counts_is_read() -> None:
    assert decode(altered(counts=None), "x").counts == {AAPL: ()}


def test_a_window_never_written_is_none(archive: CandleArchive) -> None:
    assert archive.read_window("yahoo", NOW) is None
    assert archive.read_day(DAY_5) is None
    assert archive.days() == []


def test_a_window_is_checked_like_a_providers_answer(archive: CandleArchive) -> None:
    good = printed(AAPL, NOW - DAY, NOW)
    spoiled = changed(changed(changed(good, 3, close=np.nan), 9, low=-1.0), 12, high=1e9)
    later = printed(AAPL, NOW, NOW + 3600)
    shifted = Bars(OpenTimes(good.open_time[:1] + 7), *(getattr(good, name)[:1] for name in PRICES))
    archive.write_window(KeptCandles({AAPL: spoiled.joined_with(later).joined_with(shifted)}, "yahoo"))
    kept = archive.read_window("yahoo", NOW)
    assert kept is not None
    assert_same(kept.bars[AAPL], good.where(~np.isin(np.arange(len(good)), [3, 9, 12])))


def test_an_asset_that_the_product_dropped_is_left_out() -> None:
    kept = KeptCandles({AAPL: printed(AAPL, NOW - DAY, NOW), MSFT: printed(MSFT, NOW - DAY, NOW)}, "yahoo")
    content = encode(kept)
    with np.load(io.BytesIO(content), allow_pickle=False) as columns:
        changed_columns = {name: columns[name] for name in columns.files}
    changed_columns["assets"] = np.array(["GONE", "MSFT"])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **changed_columns)
    left = decode(buffer.getvalue(), "x")
    assert list(left.bars) == [MSFT]
    assert_same(left.bars[MSFT], kept.bars[MSFT])


def altered(**columns: object) -> bytes:
    """A window's object with other columns; None leaves one out."""
    content = encode(KeptCandles({AAPL: printed(AAPL, NOW - DAY, NOW)}, "yahoo"))
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        table = {name: kept[name] for name in kept.files} | columns
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: column for name, column in table.items() if column is not None})
    return buffer.getvalue()


WHOLE = altered()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip at all",
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:300] + bytes(50) + WHOLE[350:],
        altered(format=np.array(99)),
        altered(prices=None),
        altered(lengths=np.array([5])),
        altered(lengths=np.array([-3, 57])),
        altered(prices=np.zeros((4, 54))),
        altered(prices=np.zeros((5, 2))),
        altered(source=np.array([{"a": "pickle"}], dtype=object)),
    ],
    ids=[
        "empty", "no zip", "cut", "overwritten", "format", "no prices", "lengths", "negative lengths",
        "four columns", "short columns", "pickled",
    ],
)  # fmt: skip
def test_damaged_objects_are_refused(content: bytes) -> None:
    with pytest.raises(ArchiveError, match="window"):
        decode(content, "window")


def test_adding_the_same_day_twice_changes_nothing(archive: CandleArchive) -> None:
    kept = KeptCandles({AAPL: printed(AAPL, NOW - DAY, NOW)}, "yahoo")
    archive.add_to_day(DAY_5, kept)
    archive.add_to_day(DAY_5, kept)
    day = archive.read_day(DAY_5)
    assert day is not None
    assert_same(day.bars[AAPL], kept.bars[AAPL])


def test_a_day_is_completed_by_what_comes_later_and_loses_nothing(archive: CandleArchive) -> None:
    bars = printed(AAPL, NOW - DAY, NOW)
    morning, rest = bars.where(bars.open_time < NOW - 7200), bars.where(bars.open_time >= NOW - 9000)
    revised = changed(rest, 0, volume=1.0)
    archive.add_to_day(DAY_5, KeptCandles({AAPL: morning, MSFT: printed(MSFT, NOW - DAY, NOW)}, "yahoo"))
    archive.add_to_day(DAY_5, KeptCandles({AAPL: revised}, "yahoo"))
    day = archive.read_day(DAY_5)
    assert day is not None
    assert set(day.bars) == {AAPL, MSFT}
    assert_same(day.bars[AAPL], morning.joined_with(revised))


def test_a_day_of_another_source_or_a_damaged_one_is_replaced() -> None:
    objects = MemoryObjects()
    archive = CandleArchive(objects, Market.STOCKS)
    bars = {AAPL: printed(AAPL, NOW - DAY, NOW)}
    archive.add_to_day(DAY_5, KeptCandles({MSFT: printed(MSFT, NOW - DAY, NOW)}, "simulated"))
    archive.add_to_day(DAY_5, KeptCandles(bars, "yahoo"))
    day = archive.read_day(DAY_5)
    assert day is not None
    assert (day.source, set(day.bars)) == ("yahoo", {AAPL})
    objects.write("archive/stocks/2024-09-05.npz", b"damaged")
    archive.add_to_day(DAY_5, KeptCandles(bars, "yahoo"))
    assert archive.read_day(DAY_5) is not None


def test_a_session_of_new_york_lies_in_one_utc_day() -> None:
    assert day_of(moment("2024-09-05 13:30")) == day_of(moment("2024-09-05 20:00")) == DAY_5
    assert day_of(moment("2024-12-12 14:30")) == day_of(moment("2024-12-12 21:00"))
