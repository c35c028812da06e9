"""A folder that cannot be replayed is named in one line, with what was found and what is needed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from growfolio.domain.assets import ASSETS
from growfolio.domain.times import BAR, DAY, utc_text
from growfolio.errors import ConfigurationError

from infra.local.candle_folder import check_folder

START = 1_725_494_400
"""2024-09-05T00:00:00Z, when the first bar opens."""
BARS = 100
END = START + BARS * BAR


def write(folder: Path, name: str, **renamed: str) -> None:
    columns: dict[str, object] = {
        "timestamp": pa.array([START + BAR * n for n in range(BARS)], pa.timestamp("s", "UTC"))
    }
    columns |= {price: [1.0] * BARS for price in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({renamed.get(k, k): v for k, v in columns.items()}), folder / name)


def refused(folder: Path, at: int = END) -> str:
    with pytest.raises(ConfigurationError) as raised:
        check_folder(str(folder), at)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def test_a_folder_with_candles_around_the_moment_may_be_replayed(tmp_path: Path) -> None:
    write(tmp_path, f"{ASSETS[-1].id}_5m.parquet")
    check_folder(str(tmp_path), END)
    check_folder(str(tmp_path), END + 3 * DAY)


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    message = refused(tmp_path)
    assert "is empty; needed are <ID>_5m.parquet files" in message
    assert "timestamp, open, high, low, close, volume" in message


def test_csv_in_place_of_parquet_is_named(tmp_path: Path) -> None:
    for asset in ASSETS[:3]:
        (tmp_path / f"{asset.id}_5m.csv").write_text("timestamp,open\n")
    message = refused(tmp_path)
    assert "3 .csv" in message
    assert "needed are <ID>_5m.parquet" in message


def test_columns_of_other_names_are_named(tmp_path: Path) -> None:
    write(tmp_path, f"{ASSETS[0].id}_5m.parquet", timestamp="date", volume="vol")
    message = refused(tmp_path)
    assert "has the columns date, open, high, low, close, vol and lacks timestamp, volume" in message


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / f"{ASSETS[0].id}_5m.parquet").write_bytes(b"timestamp,open\n" * 9)
    assert f"{ASSETS[0].id}_5m.parquet cannot be read as Parquet" in refused(tmp_path)


def test_one_damaged_file_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / f"{ASSETS[0].id}_5m.parquet").write_bytes(b"")
    write(tmp_path, f"{ASSETS[1].id}_5m.parquet")
    check_folder(str(tmp_path), END)


@pytest.mark.parametrize(
    ("at", "side"), [(START, "before"), (START - DAY, "before"), (END + 5 * DAY, "after")]
)
def test_a_moment_outside_the_candles_is_answered_with_those_there_are(
    tmp_path: Path, at: int, side: str
) -> None:
    write(tmp_path, f"{ASSETS[0].id}_5m.parquet")
    message = refused(tmp_path, at)
    assert f"AT={utc_text(at)} lies {side} the candles" in message
    assert f"from {utc_text(START)} to {utc_text(END)}" in message
