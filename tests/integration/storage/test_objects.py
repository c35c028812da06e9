"""Kept candles in a folder and in S3 (the real boto3 against moto's server)."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from growfolio.domain.assets import Market, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ArchiveError, ObjectChanged
from growfolio.market.simulated import SimulatedSource
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.storage.candle_archive import CandleArchive, KeptCandles
from growfolio.storage.objects import MemoryObjects, ObjectStore, S3Objects
from moto.server import ThreadedMotoServer

from tests.bars import moment, printed
from tests.fakes.objects import FolderObjects
from tests.patience import HANG

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOW = moment("2024-09-05 20:00")
AAPL = find_asset("AAPL")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_client(endpoint: str) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(connect_timeout=HANG, read_timeout=HANG, retries={"total_max_attempts": 1}),
    )


def s3_objects(endpoint: str, bucket: str = "candles", *, exists: bool = True) -> S3Objects:
    client = s3_client(endpoint)
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


def test_only_the_version_that_was_read_is_written_over(objects: ObjectStore) -> None:
    key = "window/stocks/yahoo.npz"
    assert objects.read_tagged(key) is None
    first = objects.replace(key, b"first", None)
    with pytest.raises(ObjectChanged):
        objects.replace(key, b"another first", None)
    found = objects.read_tagged(key)
    assert found is not None
    assert (found.content, found.tag) == (b"first", first)
    second = objects.replace(key, b"second", first)
    with pytest.raises(ObjectChanged):
        objects.replace(key, b"another second", first)
    assert objects.read(key) == b"second"
    objects.replace(key, b"third", second)
    assert objects.read(key) == b"third"
    with pytest.raises(ObjectChanged):
        objects.replace("window/stocks/deleted.npz", b"", first)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("PreconditionFailed", 412, ObjectChanged),
        ("ConditionalRequestConflict", 409, ObjectChanged),
        ("NoSuchKey", 404, ObjectChanged),
        ("NoSuchBucket", 404, ArchiveError),
        ("AccessDenied", 403, ArchiveError),
        ("SlowDown", 503, ArchiveError),
    ],
)
def test_a_lost_race_is_told_from_a_bucket_out_of_reach(code: str, status: int, kind: type) -> None:
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    with Stubber(client) as stubber:
        stubber.add_client_error("put_object", code, http_status_code=status)
        with pytest.raises(ArchiveError) as caught:
            S3Objects("candles", client).replace("window/stocks/yahoo.npz", b"", "tag")
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "fault",
    [
        ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"),
        ConnectionResetError("reset"),
        KeyError("Body"),
        MemoryError(),
        RuntimeError("cannot schedule new futures after shutdown"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_whatever_a_request_raises_is_an_archive_error_and_costs_no_signal(s3: str, fault: Exception) -> None:
    client = s3_client(s3)

    def fail(**_: object) -> None:
        raise fault

    client.meta.events.register("before-call.s3", fail)
    objects = S3Objects("candles", client)
    for request in (
        lambda: objects.read("key"),
        lambda: objects.write("key", b""),
        lambda: objects.replace("key", b"", None),
        lambda: objects.keys("key"),
    ):
        with pytest.raises(ArchiveError):
            request()
    feed = WindowedFeed(SimulatedSource(3), CandleArchive(objects, Market.STOCKS), Market.STOCKS)
    assert all(isinstance(bars, Bars) for bars in feed.update([AAPL], NOW - DAY, NOW).values())
    (note,) = feed.save(NOW)
    assert note.startswith("candles were not kept: s3://candles/")


def test_two_runs_that_write_at_once_do_not_spoil_the_window(objects: ObjectStore) -> None:
    """Three warm functions, of which each has read what the others write over."""
    stocks = assets_of(Market.STOCKS)
    feeds = [
        WindowedFeed(SimulatedSource(3), CandleArchive(objects, Market.STOCKS), Market.STOCKS)
        for _ in range(3)
    ]
    for feed in feeds:
        feed.update(stocks, NOW - 7 * DAY, NOW - 3 * BAR)
    feeds[0].update(stocks, NOW - 7 * DAY, NOW - 2 * BAR)
    feeds[1].update(stocks, NOW - 7 * DAY, NOW - BAR)
    for order in ((1, 0, 2), (0, 2, 1), (2, 2, 0)):
        for number in order:
            assert feeds[number].save(NOW) == ()
        kept = CandleArchive(objects, Market.STOCKS).read_window("simulated", NOW)
        assert kept is not None
        assert {int(kept.bars[asset].open_time[-1]) for asset in stocks} == {NOW - 2 * BAR}


def test_two_runs_that_archive_a_day_at_once_lose_no_bar(objects: ObjectStore) -> None:
    day, whole = date(2024, 9, 5), printed(AAPL, NOW - DAY + BAR, NOW)
    early, late = whole.where(whole.open_time < NOW - 3600), whole.where(whole.open_time >= NOW - 7200)

    class Interrupted(type(objects)):  # type: ignore[misc]
        """Lets another run write between the read and the write of the first."""

        def __init__(self) -> None:
            self.__dict__ = dict(objects.__dict__)
            self.waiting = True

        def replace(self, key: str, content: bytes, tag: str | None) -> str:
            if self.waiting:
                self.waiting = False
                CandleArchive(objects, Market.STOCKS).add_to_day(day, KeptCandles({AAPL: early}, "yahoo"))
            return str(super().replace(key, content, tag))

    CandleArchive(Interrupted(), Market.STOCKS).add_to_day(day, KeptCandles({AAPL: late}, "yahoo"))
    kept = CandleArchive(objects, Market.STOCKS).read_day(day)
    assert kept is not None
    np.testing.assert_array_equal(kept.bars[AAPL].open_time, whole.open_time)


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
