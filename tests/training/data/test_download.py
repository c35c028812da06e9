"""History that grows: the real ccxt and yfinance against servers on this machine, and the candle archive."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, find_asset
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.times import DAY, day_of
from growfolio.errors import ArchiveError, BadCandles, MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.market.exchange import ExchangeSource
from growfolio.market.ports import Fetched, Patience
from growfolio.market.simulated import SimulatedSource
from growfolio.market.yahoo import LONGEST_PAST, YahooSource
from growfolio.storage.candle_archive import CandleArchive, KeptCandles
from growfolio.storage.objects import MemoryObjects

from tests.fakes.candle_server import ANY
from tests.fakes.exchange import BinanceServer, LocalSession
from tests.fakes.yahoo import LocalYahooSession, YahooServer
from tests.patience import HANG
from tests.training.conftest import END, simulated
from training.data.candle_files import CandleFiles
from training.data.download import Origin, Shortfall, download

AAPL, BTC, ETH = map(find_asset, ("AAPL", "BTC", "ETH"))
QUICK = Patience(request=HANG, deadline=HANG, tries=2, pause=0.01, publication=0.0)
START = END - 10 * DAY


class Recorded(SimulatedSource):
    """The simulated market, and what was asked of it; its faults are to be had for the asking."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.asked: list[tuple[str, int, int]] = []
        self.faults: dict[Asset, MarketError] = {}

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        self.asked += [(asset.id, first, now) for asset, first in since.items()]
        answers = super().fetch(since, now)
        return {asset: self.faults.get(asset, answer) for asset, answer in answers.items()}


def fill(
    files: CandleFiles, origin: Origin, *assets: Asset, start: int = START, now: int = END
) -> tuple[list[Shortfall], list[str]]:
    said: list[str] = []
    return download([origin], files, assets, start, now, lambda: 0.0, said.append), said


def assert_same(found: Bars, wanted: Bars) -> None:
    np.testing.assert_array_equal(found.open_time, wanted.open_time)
    for name in PRICES:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


@pytest.fixture
def files(tmp_path: Path) -> CandleFiles:
    return CandleFiles(tmp_path / "raw")


def test_an_exchange_is_paged_back_as_far_as_asked(files: CandleFiles) -> None:
    wanted = simulated("BTC", 40)
    with BinanceServer({"BTCUSDT": simulated("BTC", 50)}) as server:
        source = ExchangeSource(["binance"], QUICK, lambda: LocalSession(server))
        short, said = fill(files, Origin(Market.CRYPTO, source), BTC, start=END - 40 * DAY)
        assert len(server.requested("BTCUSDT")) >= 40 * 288 // BinanceServer.page
    assert not short
    assert_same(files.read(BTC), wanted)
    assert files.source(BTC) == "binance"
    assert [line[:6] for line in said] == ["[ 75%]", "[100%]"]


def test_yahoo_is_not_asked_for_more_than_it_has(files: CandleFiles) -> None:
    with YahooServer({"AAPL": simulated("AAPL", 90)}) as server:
        source = YahooSource(QUICK, LocalYahooSession(server, 2.0))
        short, _ = fill(files, Origin(Market.STOCKS, source, LONGEST_PAST), AAPL, start=END - 365 * DAY)
        asked = [int(request.query["period1"]) for request in server.requested("AAPL")]
    assert not short
    assert min(asked) >= END - LONGEST_PAST
    assert_same(files.read(AAPL), simulated("AAPL", 59))


def test_only_sessions_that_the_files_lack_are_asked_for(files: CandleFiles) -> None:
    source = Recorded()
    fill(files, Origin(Market.CRYPTO, source), BTC, now=END - 2 * DAY)
    source.asked.clear()
    fill(files, Origin(Market.CRYPTO, source), BTC, start=START - DAY)
    assert source.asked == [(BTC.id, END - 2 * DAY, END)] or {
        (first, until) for _, first, until in source.asked
    } == {(START - DAY, END)}
    source.asked.clear()
    fill(files, Origin(Market.CRYPTO, source), BTC, start=START - DAY)
    assert source.asked == []
    assert_same(files.read(BTC), simulated("BTC", 11))


def test_an_interrupted_download_goes_on_where_it_was(files: CandleFiles) -> None:
    source, start = Recorded(), END - 70 * DAY

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download([Origin(Market.CRYPTO, source)], files, (BTC,), start, END, lambda: 0.0, interrupt)
    assert_same(files.read(BTC), simulated("BTC", 30))
    source.asked.clear()
    fill(files, Origin(Market.CRYPTO, source), BTC, start=start)
    assert max(until for _, _, until in source.asked) == END - 30 * DAY
    assert_same(files.read(BTC), simulated("BTC", 70))


def test_a_hole_left_by_an_outage_is_filled_later(files: CandleFiles) -> None:
    bars = simulated("BTC", 10)
    outage = (bars.open_time >= END - 3 * DAY) & (bars.open_time < END - 3 * DAY + 3600)
    files.write(BTC, bars.where(~outage), "simulated")
    fill(files, Origin(Market.CRYPTO, SimulatedSource(seed=1)), BTC)
    assert_same(files.read(BTC), bars)


def test_the_archive_gives_what_the_source_no_longer_has(files: CandleFiles) -> None:
    archive = CandleArchive(MemoryObjects(), Market.STOCKS)
    bars = simulated("AAPL", 90)
    for day in sorted({day_of(int(opened)) for opened in bars.open_time}):
        of_day = bars.where(np.array([day_of(int(opened)) == day for opened in bars.open_time]))
        archive.add_to_day(day, KeptCandles({AAPL: of_day}, "simulated"))
    origin = Origin(Market.STOCKS, SimulatedSource(seed=1), LONGEST_PAST, archive)
    short, said = fill(files, origin, AAPL, start=END - 90 * DAY)
    assert not short
    assert said[0].startswith(f"archive: {len(bars):,} new bars of stocks")
    assert_same(files.read(AAPL), bars)


class OutOfReach(MemoryObjects):
    def keys(self, prefix: str) -> list[str]:
        raise ArchiveError("the bucket did not answer")


def test_without_its_archive_a_download_takes_what_the_source_has(files: CandleFiles) -> None:
    origin = Origin(Market.CRYPTO, SimulatedSource(seed=1), None, CandleArchive(OutOfReach(), Market.CRYPTO))
    (trouble,), _ = fill(files, origin, BTC)
    assert str(trouble) == "archive: the bucket did not answer"
    assert_same(files.read(BTC), simulated("BTC", 10))


def test_one_asset_in_trouble_is_named_and_the_others_are_downloaded(files: CandleFiles) -> None:
    source = Recorded()
    source.faults[ETH] = PermanentMarketError("binance does not trade this pair")
    (trouble,), _ = fill(files, Origin(Market.CRYPTO, source), BTC, ETH)
    assert trouble.asset is ETH
    assert "does not trade this pair" in str(trouble)
    assert_same(files.read(BTC), simulated("BTC", 10))
    assert not files.path(ETH).exists()


def test_another_exchanges_volumes_never_go_into_a_file(files: CandleFiles) -> None:
    files.write(BTC, simulated("BTC", 5), "kraken")
    (trouble,), _ = fill(files, Origin(Market.CRYPTO, SimulatedSource(seed=1)), BTC)
    assert isinstance(trouble.fault, BadCandles)
    assert "holds candles of kraken" in str(trouble)
    assert_same(files.read(BTC), simulated("BTC", 5))


def test_a_split_since_the_last_download_is_worked_into_the_kept_candles(files: CandleFiles) -> None:
    bars = simulated("AAPL", 30)
    before = bars.where(bars.open_time < END - 10 * DAY)
    opened, high, low, close = (4 * getattr(before, name) for name in PRICES[:4])
    unadjusted = Bars(before.open_time, opened, high, low, close, before.volume / 4)
    files.write(AAPL, unadjusted, "simulated")
    fill(files, Origin(Market.STOCKS, SimulatedSource(seed=1)), AAPL, start=END - 30 * DAY)
    found = files.read(AAPL)
    np.testing.assert_allclose(found.close, bars.close, rtol=1e-12)
    np.testing.assert_allclose(found.volume, bars.volume, rtol=1e-12)


def test_a_file_that_is_no_parquet_is_named(files: CandleFiles) -> None:
    files.folder.mkdir()
    files.path(BTC).write_bytes(b"not candles")
    with pytest.raises(BadCandles, match=r"BTC_USDT_5m\.parquet cannot be read"):
        fill(files, Origin(Market.CRYPTO, SimulatedSource(seed=1)), BTC)


def test_a_source_that_served_nobody_is_not_asked_for_what_is_older(files: CandleFiles) -> None:
    source = Recorded()
    source.faults = dict.fromkeys((BTC, ETH), TemporaryMarketError("could not be reached"))
    short, _ = fill(files, Origin(Market.CRYPTO, source), BTC, ETH, start=END - 365 * DAY)
    assert {until for _, _, until in source.asked} == {END}
    assert [trouble.asset for trouble in short] == [BTC, ETH]


def test_a_silent_provider_is_a_temporary_trouble(files: CandleFiles) -> None:
    with BinanceServer({}) as server:
        server.silent.add(ANY)
        source = ExchangeSource(["binance"], QUICK, lambda: LocalSession(server))
        (trouble,), _ = fill(files, Origin(Market.CRYPTO, source), BTC)
    assert isinstance(trouble.fault, TemporaryMarketError)
