"""Kept candles in a folder and in S3 (the real boto3 against moto's server)."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import boto3
import numpy as np
import pytest
from botocore.config import Config
from growfolio.domain.assets import Market, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ArchiveError
from growfolio.market.simulated import SimulatedSource
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.storage.candle_archive import CandleArchive, KeptCandles
from growfolio.storage.objects import ObjectStore, S3Objects
from moto.server import ThreadedMotoServer

from tests.bars import moment, printed
from tests.fakes.objects import FolderObjects, MemoryObjects
from tests.patience import HANG

NOW = moment("2024-09-05 20:00")
AAPL = find_asset("AAPL")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_objects(endpoint: str, bucket: str = "candles", *, exists: bool = True) -> S3Objects:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(connect_timeout=HANG, read_timeout=HANG, retries={"total_max_attempts": 1}),
    )
    if exists:
        client.create_bucket(Bucket=bucket)
    return S3Objects(bucket, client)


@pytest.fixture(params=["memory", "folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "folder":
        return FolderObjects(tmp_path / "candles")
    return s3_objects(
        request.getfixturevalue("s3"), f"candles-{tmp_path.name}".replace("_", "-").lower()[:60]
    )


def test_what_is_written_is_read_and_listed(objects: ObjectStore) -> None:
    objects.write("archive/stocks/2024-09-05.npz", b"first")
    objects.write("archive/stocks/2024-09-05.npz", b"second")
    objects.write("archive/stocks/2024-09-04.npz", b"")
    objects.write("archive/crypto/2024-09-04.npz", b"other")
    assert objects.read("archive/stocks/2024-09-05.npz") == b"second"
    assert objects.read("archive/stocks/2024-09-04.npz") == b""
    assert objects.keys("archive/stocks/") == [
        "archive/stocks/2024-09-04.npz",
        "archive/stocks/2024-09-05.npz",
    ]


def test_an_object_that_was_never_written_is_none(objects: ObjectStore) -> None:
    assert objects.read("window/stocks/candles.npz") is None
    assert objects.keys("archive/") == []


def test_the_window_survives_the_function_and_the_days_stay(objects: ObjectStore) -> None:
    stocks = assets_of(Market.STOCKS)
    archive = CandleArchive(objects, Market.STOCKS)
    first = WindowedFeed(SimulatedSource(3), archive, Market.STOCKS)
    before = first.update(stocks, NOW - 7 * DAY, NOW)
    assert first.save(NOW) == ()
    after = WindowedFeed(SimulatedSource(3), archive, Market.STOCKS).update(stocks, NOW - 7 * DAY, NOW)
    for asset in stocks:
        old, new = before[asset], after[asset]
        assert isinstance(old, Bars)
        assert isinstance(new, Bars)
        np.testing.assert_array_equal(old.close, new.close)
    assert archive.days() == [date(2024, 9, 3), date(2024, 9, 4), date(2024, 9, 5)]


def test_a_day_written_twice_holds_the_same(objects: ObjectStore) -> None:
    archive = CandleArchive(objects, Market.STOCKS)
    kept = KeptCandles({AAPL: printed(AAPL, NOW - DAY + BAR, NOW)}, "yahoo")
    for _ in range(2):
        archive.add_to_day(date(2024, 9, 5), kept)
    day = archive.read_day(date(2024, 9, 5))
    assert day is not None
    np.testing.assert_array_equal(day.bars[AAPL].close, kept.bars[AAPL].close)


def test_a_bucket_that_is_not_there_or_out_of_reach_is_an_archive_error(s3: str) -> None:
    for objects in (s3_objects(s3, "none", exists=False), s3_objects("http://127.0.0.1:9", exists=False)):
        with pytest.raises(ArchiveError, match=r"s3://\S+ cannot be written"):
            objects.write("window/stocks/candles.npz", b"")
        with pytest.raises(ArchiveError, match=r"s3://\S+ cannot be listed"):
            objects.keys("archive/")
    with pytest.raises(ArchiveError, match=r"s3://\S+ cannot be read"):
        s3_objects("http://127.0.0.1:9", exists=False).read("window/stocks/candles.npz")


def test_a_folder_that_cannot_be_written_is_an_archive_error(tmp_path: Path) -> None:
    (tmp_path / "window").write_text("a file where a folder should be")
    with pytest.raises(ArchiveError, match="cannot be written"):
        FolderObjects(tmp_path).write("window/stocks/candles.npz", b"")
    with pytest.raises(ArchiveError, match="cannot be read"):
        FolderObjects(tmp_path).read("window/stocks/candles.npz")


def test_a_refresh_goes_on_without_its_bucket(s3: str) -> None:
    archive = CandleArchive(s3_objects(s3, "none", exists=False), Market.STOCKS)
    feed = WindowedFeed(SimulatedSource(3), archive, Market.STOCKS)
    assert all(isinstance(bars, Bars) for bars in feed.update([AAPL], NOW - DAY, NOW).values())
    (note,) = feed.save(NOW)
    assert note.startswith("candles were not kept: s3://none/")
