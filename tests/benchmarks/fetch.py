"""A fetch of all assets: the real clients against providers of their wire format, in a process of their own.

Each answer takes its time, from FASTEST to SLOWEST. Fetched together, all must be there within ALLOWANCE
of the slowest. Answers that came in the same instant would queue for the processor, of which yfinance
needs about 10 ms for each. Simulated candles must be there within SIMULATED. Ends with 1 where a limit
does not hold.
"""

import multiprocessing
import statistics
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import SimpleNamespace

import numpy as np
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars, opens_of
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.grid import last_slots
from growfolio.market.exchange import ExchangeSource
from growfolio.market.ports import MarketSource
from growfolio.market.simulated import SimulatedSource
from growfolio.market.yahoo import YahooSource

from tests.fakes.candle_server import CandleServer
from tests.fakes.exchange import BinanceServer, LocalSession
from tests.fakes.yahoo import LocalYahooSession, YahooServer
from tests.synthetic import synthetic_candles

ALLOWANCE = 0.150
SIMULATED = 0.150
FASTEST, SLOWEST = 0.100, 0.400
REPETITIONS = 9
NOW = 1_725_559_200
"""2024-09-05 18:00 UTC: New York trades."""
WINDOWS = {"what is new": 1, "the whole window": 3 * BARS_NEEDED[Timeframe.M15]}
"""5m bars that are asked for."""


def bars_of(market: Market) -> dict[Asset, Bars]:
    grid = last_slots(market, NOW, Timeframe.M5, max(WINDOWS.values()))
    made = synthetic_candles(assets_of(market), len(grid))
    rows = zip(made.open, made.high, made.low, made.close, made.volume, strict=True)
    return {asset: Bars(opens_of(grid), *row) for asset, row in zip(made.assets, rows, strict=True)}


def serve(market: Market, pipe: Connection) -> None:
    """A provider until the pipe says otherwise; tells its address first."""
    kind: type[CandleServer] = YahooServer if market is Market.STOCKS else BinanceServer
    listed = {asset.pair.replace("/", ""): bars for asset, bars in bars_of(market).items()}
    with kind(listed) as server:
        server.delays = dict(zip(listed, np.linspace(FASTEST, SLOWEST, len(listed)).tolist(), strict=True))
        pipe.send(server.url)
        pipe.recv()


@contextmanager
def provider(market: Market) -> Iterator[MarketSource]:
    """The product's own source of a market, led to a provider on this machine."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(market, far), daemon=True)
    process.start()
    server = SimpleNamespace(url=near.recv(), host=BinanceServer.host)
    if market is Market.STOCKS:
        yield YahooSource(session=LocalYahooSession(server, timeout=5))  # type: ignore[arg-type]
    else:
        yield ExchangeSource(["binance"], session=lambda: LocalSession(server))  # type: ignore[arg-type]
    near.send("enough")
    process.join()


def seconds(source: MarketSource, bars: dict[Asset, Bars], wanted: int) -> float:
    """What one fetch took. Raises AssertionError unless it brought all that was served."""
    since = {asset: int(own.open_time[-wanted]) for asset, own in bars.items()}
    start = time.perf_counter()
    fetched = source.fetch(since, NOW)
    took = time.perf_counter() - start
    for asset, answer in fetched.items():
        assert isinstance(answer, Bars), answer
        np.testing.assert_array_equal(answer.close, bars[asset].close[-wanted:])
    return took


def simulated_seconds() -> float:
    """What the windows of all assets take of a core when their candles are made up."""
    source, assets = SimulatedSource(), {market: assets_of(market) for market in Market}
    start = time.process_time()
    for market, listed in assets.items():
        grid = last_slots(market, NOW, Timeframe.M5, max(WINDOWS.values()))
        source.fetch(dict.fromkeys(listed, int(grid[0])), NOW)
    return time.process_time() - start


def main() -> int:
    took = min(simulated_seconds() for _ in range(REPETITIONS))
    passed = took <= SIMULATED
    print(
        f"{'PASS' if passed else 'FAIL'}: the simulated window of all assets: {1000 * took:.0f} ms of a core"
    )
    for market in Market:
        bars = bars_of(market)
        one_by_one = len(bars) * (FASTEST + SLOWEST) / 2
        with provider(market) as source, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seconds(source, bars, 1)  # imports, cookies and the list of markets are of a cold start
            for name, wanted in WINDOWS.items():
                took = statistics.median(seconds(source, bars, wanted) for _ in range(REPETITIONS))
                held = took <= SLOWEST + ALLOWANCE
                passed = passed and held
                print(
                    f"{'PASS' if held else 'FAIL'}: {name} of {len(bars)} {market}: {1000 * took:.0f} ms, "
                    f"{1000 * (took - SLOWEST):.0f} after the slowest answer of {1000 * SLOWEST:.0f} "
                    f"(may be {1000 * ALLOWANCE:.0f}; one by one {1000 * one_by_one:.0f})"
                )
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
