"""Made-up candles, for a first run without network or keys and for tests. Every answer says so.

Each bar is a function of (seed, asset, time) alone, whatever was asked before: random numbers come from
hashing the time, never from a generator's state. So windows merge, and a second run sees the same bars.

The model: the log price of a day's end is a sum of hashed daily moves that fades over months, so that it
wanders but stays near the asset's level. Within a session the path is a Brownian bridge from one end to
the next; its volatility is that of a stochastic volatility model (a fading sum of hashed shocks, by day
and by bar: volatile bars come in clusters) times a shape of the day, which volume follows as well.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import Bars, FloatArray, IntArray, OpenTimes
from growfolio.domain.calendar import Session, sessions_between
from growfolio.domain.times import BAR, DAY
from growfolio.market.ports import Fetched

LEVELS: Final = {
    "AAPL": 225.0, "MSFT": 420.0, "NVDA": 120.0, "TSLA": 240.0, "GOOGL": 165.0, "AMZN": 185.0, "META": 530.0,
    "AMD": 150.0, "INTC": 22.0, "LOW": 245.0, "TMO": 600.0, "MA": 480.0, "PEP": 172.0, "NFLX": 680.0,
    "BTC": 60_000.0, "ETH": 2_500.0, "BNB": 520.0, "ADA": 0.35, "SOL": 135.0, "XRP": 0.56, "DOGE": 0.1,
    "AVAX": 23.0, "DOT": 4.2, "SHIB": 1.35e-5,
}  # fmt: skip
"""Around what price each asset moves; 100 where none is given."""

DAILY_VOLATILITY: Final = {Market.STOCKS: 0.018, Market.CRYPTO: 0.035}
DAILY_TURNOVER: Final = {Market.STOCKS: 4e9, Market.CRYPTO: 8e8}
"""In dollars; volume is this by the price."""
OVERNIGHT_SHARE: Final = {Market.STOCKS: 0.3, Market.CRYPTO: 0.0}
"""Of the daily variance, what happens between two sessions."""

PRICE_MEMORY: Final = 0.99 ** np.arange(700)
DAY_MEMORY: Final = 0.2 * 0.9 ** np.arange(60)
BAR_MEMORY: Final = 0.16 * 0.95 ** np.arange(120)
"""How much of a shock is left after so many days or bars; the sums are log prices and log volatilities."""

UInts = npt.NDArray[np.uint64]


class SimulatedSource:
    """5-minute bars of any asset, at any time that the calendar covers."""

    name = "simulated"
    simulated = True
    live = False
    longest_past = None
    caveats = ()
    notes = ()

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    @classmethod
    def from_settings(cls, *_: object) -> Self:
        return cls()

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch."""
        return {asset: self._bars(asset, first, now) for asset, first in since.items()}

    def _bars(self, asset: Asset, since: int, now: int) -> Bars:
        sessions = sessions_between(asset.market, since, now)
        if not sessions:
            return Bars.of([])
        days = _Days(asset, self._seed, sessions)
        opens = OpenTimes(np.concatenate([np.arange(s.open, s.close, BAR) for s in sessions]))
        bars = days.bars(opens, self._clusters(asset, opens))
        return bars.where(bars.open_time >= since).closed_by(now)

    def _clusters(self, asset: Asset, opens: OpenTimes) -> FloatArray:
        """exp of a fading sum of shocks, one a bar of the clock: how wild each bar is, around 1."""
        first, last = int(opens[0]) // BAR, int(opens[-1]) // BAR
        clock = np.arange(first - len(BAR_MEMORY) + 1, last + 1)
        shocks = normals(self._seed, asset.id, "bar volatility", clock)
        log_volatility = np.convolve(shocks, BAR_MEMORY, mode="valid")[opens // BAR - first]
        return np.asarray(np.exp(log_volatility - (BAR_MEMORY**2).sum() / 2))


class _Days:
    """The prices of an asset's sessions at open and close, and how wild each session is."""

    def __init__(self, asset: Asset, seed: int, sessions: list[Session]) -> None:
        self._asset, self._seed = asset, seed
        self._lengths = np.array([(s.close - s.open) // BAR for s in sessions])
        number = np.array([s.open // DAY for s in sessions])
        first = int(number[0]) - 1
        past = np.arange(first - len(PRICE_MEMORY) + 1, int(number[-1]) + 1)
        volatility = self._volatility(past)
        trading = np.ones(len(past)) if asset.market is Market.CRYPTO else (past + 3) % 7 < 5
        overnight = OVERNIGHT_SHARE[asset.market]
        gaps = np.sqrt(overnight) * volatility * self._normals("gap", past)
        moves = trading * (gaps + np.sqrt(1 - overnight) * volatility * self._normals("day", past))
        ends = np.log(LEVELS.get(asset.symbol, 100.0)) + np.convolve(moves, PRICE_MEMORY, mode="valid")
        at = number - first
        self._opens = ends[at - 1] + gaps[-len(ends) :][at]
        self._closes = ends[at]
        self._volatilities = np.sqrt(1 - overnight) * volatility[-len(ends) :][at]

    def bars(self, opens: OpenTimes, clusters: FloatArray) -> Bars:
        """The bars of all sessions; opens are their opening times, clusters how wild each of them is."""
        shape = np.concatenate([_shape_of_day(self._asset.market, int(n)) for n in self._lengths])
        scale = self._scale(shape * clusters)
        steps = self._steps(opens, scale)
        close = self._each_bar(self._opens) + self._running_total(steps)
        opened = close - steps
        wick, tail = (scale / 2 * np.abs(self._normals(what, opens // BAR)) for what in ("high", "low"))
        busy = shape * np.sqrt(clusters) * (0.6 + 0.5 * np.abs(steps / scale))
        return Bars(
            opens,
            open=self._price(opened),
            high=self._price(np.maximum(opened, close) + wick),
            low=self._price(np.minimum(opened, close) - tail),
            close=self._price(close),
            volume=self._volume(opens, close, busy),
        )

    def _scale(self, wildness: FloatArray) -> FloatArray:
        """The standard deviation of each bar's step: those of a session make its volatility."""
        session = np.sqrt(np.add.reduceat(wildness**2, self._starts))
        return wildness * self._each_bar(self._volatilities / session)

    def _steps(self, opens: OpenTimes, scale: FloatArray) -> FloatArray:
        """Log returns, bar by bar. What they miss of their session's move is spread over it by variance."""
        steps = scale * self._normals("step", opens // BAR)
        missing = self._closes - self._opens - np.add.reduceat(steps, self._starts)
        bridge = missing / np.add.reduceat(scale**2, self._starts)
        return steps + self._each_bar(bridge) * scale**2

    def _running_total(self, steps: FloatArray) -> FloatArray:
        """The sum of steps since the session's open, each bar's own included."""
        # Session by session: a sum from the first bar on would differ in its last bit with where that is.
        return np.concatenate([np.cumsum(session) for session in np.split(steps, self._starts[1:])])

    def _price(self, log: FloatArray) -> FloatArray:
        """As exchanges print it: stocks in cents, coins in six significant digits."""
        price: FloatArray = np.exp(log)
        if self._asset.market is Market.STOCKS:
            return np.maximum(np.round(price, 2), 0.01)
        return _significant(price)

    def _volume(self, opens: OpenTimes, close: FloatArray, busy: FloatArray) -> FloatArray:
        noise = np.exp(0.35 * self._normals("volume", opens // BAR))
        average = (
            DAILY_TURNOVER[self._asset.market]
            / np.exp(close)
            / self._each_bar(self._lengths.astype(np.float64))
        )
        return _significant(average * busy * noise)

    def _volatility(self, days: IntArray) -> FloatArray:
        clock = np.arange(days[0] - len(DAY_MEMORY) + 1, days[-1] + 1)
        memory = np.convolve(self._normals("day volatility", clock), DAY_MEMORY, mode="valid")
        return np.asarray(DAILY_VOLATILITY[self._asset.market] * np.exp(memory - (DAY_MEMORY**2).sum()))

    @property
    def _starts(self) -> IntArray:
        starts: IntArray = np.cumsum(self._lengths) - self._lengths
        return starts

    def _each_bar(self, of_session: FloatArray) -> FloatArray:
        return np.repeat(of_session, self._lengths)

    def _normals(self, what: str, index: IntArray) -> FloatArray:
        return normals(self._seed, self._asset.id, what, index)


def normals(seed: int, asset: str, what: str, index: IntArray) -> FloatArray:
    """Standard normal numbers, one for each index, that depend on nothing but these arguments."""
    key = np.uint64(int.from_bytes(blake2b(f"{seed}/{asset}/{what}".encode(), digest_size=8).digest()))
    with np.errstate(over="ignore"):  # hashes wrap around
        first = _mixed(_mixed(index.astype(np.uint64)) + key)
        second = _mixed(first + np.uint64(0x9E37_79B9_7F4A_7C15))
    # Box and Muller (1958): two uniform numbers make a normal one. 53 bits, never 0.
    radius = np.sqrt(-2 * np.log(((first >> np.uint64(11)) + 1) * 2.0**-53))
    return np.asarray(radius * np.cos(2 * np.pi * (second >> np.uint64(11)) * 2.0**-53))


def _mixed(x: UInts) -> UInts:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return x ^ (x >> np.uint64(31))


def _significant(values: FloatArray) -> FloatArray:
    """Rounded to six significant digits."""
    scale = 10.0 ** (5 - np.floor(np.log10(values)))
    return np.asarray(np.round(values * scale) / scale)


def _shape_of_day(market: Market, bars: int) -> FloatArray:
    """How busy each bar of a session is, 1 on average: a U for stocks, a swell at 15:00 UTC for crypto."""
    x = (np.arange(bars) + 0.5) / bars
    if market is Market.STOCKS:
        shape = 0.6 + 1.6 * (2 * x - 1) ** 4
    else:
        shape = 1 + 0.45 * np.cos(2 * np.pi * (x - 0.64))
    return np.asarray(shape / shape.mean())
