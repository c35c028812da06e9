"""Stock candles from Yahoo Finance, by yfinance.

yfinance does what is hard about Yahoo: cookies, crumbs, consent. Yahoo serves charts without them to a client
that looks like a browser (curl_cffi), so yfinance is loaded when Yahoo refuses one: it brings pandas with it,
which takes a cold start 0.6 s. Its history() builds a pandas frame of every answer, 12 to 15 ms each, one by
one: 14 assets would come 200 ms after the slowest answer. So charts are read here, into arrays.

Prices are taken as they traded: Yahoo's 5m bars are adjusted for splits but not for dividends, which
move an open by well under one per cent. On the morning of a split Yahoo rewrites the past; the candle
window notices and asks for everything anew (refresh/candle_window.py), and until Yahoo has done it, the
night's jump makes the asset bad_data (domain/alignment.py).
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from curl_cffi.requests import Session
from curl_cffi.requests.exceptions import ConnectionError as CurlConnectionError
from curl_cffi.requests.exceptions import RequestException

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import PRICES, Bars, OpenTimes, Split
from growfolio.domain.times import DAY
from growfolio.errors import PermanentMarketError, TemporaryMarketError, WrongAnswer
from growfolio.market.fetching import fetch_checked, gather, raise_for_status, wrong_answers
from growfolio.market.ports import Fetched, Patience
from growfolio.market.verification import check_clock, check_sessions, check_spacing
from growfolio.settings import Settings

log = logging.getLogger(__name__)

CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"
CURRENCIES = ("USD",)
INSTRUMENTS = ("EQUITY", "ETF")
LONGEST_PAST = 59 * DAY
"""Yahoo refuses 5m bars older than 60 days."""
COOKIES_MAY_HELP = (401, 403, 429)
"""Refusals of a chart after which charts are asked for as a browser would that has been there before."""
CONSENT = "consent.yahoo"
"""In the address of the page to which Yahoo sends who has yet to consent."""
COOKIE_URL = "https://fc.yahoo.com"
"""yfinance, without its cache, asks here before every chart, one after the other: once is enough."""
COOKIE_SECONDS = 2.0
"""What a request for a cookie or crumb may take: charts are served without them too."""
COOKIE_REST = 300.0
"""Seconds without such requests after one failed: each asset would wait for its own, one after the other."""
NO_FOLDER = "/dev/null/yfinance"
"""No folder can be made here, so that yfinance keeps no cache: it would unpickle cookies from it."""


class YahooSession(Session[Any]):
    """The browser-like HTTP session that yfinance asks Yahoo with; refuses bad news as it arrives.

    yfinance meets any refusal with a round of cookie requests that holds up all other assets. So the
    refusal of a chart becomes our error before yfinance sees it; all but 401, after which yfinance
    rightly gets a new crumb.
    """

    def __init__(self, timeout: float, clock: Callable[[], float] = time.time) -> None:
        super().__init__(impersonate="chrome")
        self._clock = clock
        self._longest = timeout
        self.needs_cookies = False
        """Whether Yahoo has refused a chart that was asked for without cookies."""
        self._cookie_answer: Any = None
        self._cookies_again = 0.0

    def request(self, method: Any, url: str, **options: Any) -> Any:  # type: ignore[override]
        if url.startswith(CHART):
            answer = self.send(method, url, **options | {"timeout": self._longest})
            if answer.status_code in COOKIES_MAY_HELP or CONSENT in str(answer.url):
                self.needs_cookies = True
            if answer.status_code != 401:
                raise_for_status(answer.status_code, "yahoo")
                if answer.status_code >= 400:
                    _chart(answer)  # raises, with Yahoo's reason
                check_clock(answer.headers.get("Date"), "yahoo", self._clock)
            return answer
        if url == COOKIE_URL and self._cookie_answer is not None:
            return self._cookie_answer
        answer = self._ask_for_cookies(method, url, options)
        if url == COOKIE_URL:
            self._cookie_answer = answer
        return answer

    def _ask_for_cookies(self, method: str, url: str, options: dict[str, Any]) -> Any:
        if time.monotonic() < self._cookies_again:
            raise CurlConnectionError("cookies were out of reach a moment ago")
        try:
            return self.send(method, url, **options | {"timeout": min(COOKIE_SECONDS, self._longest)})
        except RequestException:
            self._cookies_again = time.monotonic() + COOKIE_REST
            raise

    def send(self, method: Any, url: str, **options: Any) -> Any:
        """To Yahoo, or wherever a subclass sends it."""
        return super().request(method, url, **options)


class YahooSource:
    """5-minute bars of stocks. Needs no key."""

    name = "yahoo"
    simulated = False
    live = True
    longest_past = LONGEST_PAST
    caveats = ()

    def __init__(
        self,
        patience: Patience | None = None,
        session: YahooSession | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._patience = patience or Patience()
        self._session = session or YahooSession(self._patience.request)
        self._wait = wait
        self._notes: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, _: Settings, patience: Patience) -> Self:
        return cls(patience)

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch. Bars older than 59 days are not asked for: Yahoo has none."""
        answers = fetch_checked(
            lambda since, now: self.fetch_once(since, now, self._patience),
            since,
            now,
            self._patience,
            self._wait,
        )
        self._notes = wrong_answers(answers)
        return answers

    def fetch_once(self, since: Mapping[Asset, int], now: int, patience: Patience) -> Fetched:
        """See failover.Provider."""
        return gather(since, lambda asset: self._bars(asset, since[asset], now), patience)

    def _bars(self, asset: Asset, since: int, now: int) -> Bars:
        wanted: dict[str, object] = {
            "period1": max(since, now - LONGEST_PAST),
            "period2": now,
            "interval": Timeframe.M5.value,
            "includePrePost": False,
            "events": "splits",
        }
        try:
            answer = self._ask(CHART + asset.symbol, wanted)
        except RequestException as fault:
            raise TemporaryMarketError(f"yahoo could not be reached: {type(fault).__name__}") from fault
        raise_for_status(answer.status_code, "yahoo")
        chart = _chart(answer)
        _check_meta(chart.get("meta"), asset)
        bars = _read(chart)
        check_spacing(bars, "yahoo")
        check_sessions(bars, asset.market, "yahoo")
        bars = bars.closed_by(now)
        if not len(bars):
            raise TemporaryMarketError("yahoo sent no candles of this time")
        return bars

    def _ask(self, url: str, wanted: dict[str, object]) -> Any:
        """Yahoo's answer, asked for without cookies for as long as that is enough."""
        if not self._session.needs_cookies:
            answer = self._session.request("GET", url, params=wanted)
            if answer.status_code != 401 and CONSENT not in str(answer.url):
                return answer
        return _ask_with_cookies(self._session, url, wanted, self._patience.request)


def _ask_with_cookies(session: YahooSession, url: str, wanted: dict[str, object], timeout: float) -> Any:
    import yfinance
    from yfinance.data import YfData
    from yfinance.exceptions import YFException

    yfinance.set_tz_cache_location(NO_FOLDER)
    # It warns of every missing crumb, an asset at a time; what matters is raised.
    logging.getLogger("yfinance").setLevel(logging.ERROR)
    try:
        return YfData(session=session).get(url, params=wanted, timeout=timeout)
    except YFException as fault:
        raise TemporaryMarketError(f"yahoo: {fault}"[:200]) from fault


def _chart(answer: Any) -> dict[str, Any]:
    """The one chart of an answer. Raises MarketError with Yahoo's reason where there is none."""
    try:
        chart = answer.json()["chart"]
        if chart["error"]:
            raise PermanentMarketError(f"yahoo: {chart['error']['description']}"[:200])
        results: list[dict[str, Any]] = chart["result"] or []
    except ValueError:
        raise TemporaryMarketError("yahoo sent no JSON, or cut it short") from None
    except (KeyError, TypeError) as fault:
        raise PermanentMarketError("yahoo sent JSON that is no chart") from fault
    if not results:
        raise TemporaryMarketError("yahoo sent an empty chart")
    return results[0]


def _check_meta(meta: Any, asset: Asset) -> None:
    """Check what a chart says it is against what was asked for. Raises WrongAnswer."""
    expected = {
        "symbol": (asset.symbol,),
        "dataGranularity": (Timeframe.M5.value,),
        "currency": CURRENCIES,
        "instrumentType": INSTRUMENTS,
    }
    for name, values in expected.items():
        found = meta.get(name) if isinstance(meta, dict) else None
        if found is not None and found not in values:
            raise WrongAnswer(
                f"yahoo answered with {name} {str(found)[:20]} in place of {' or '.join(values)}"
            )


def _read(chart: dict[str, Any]) -> Bars:
    """The bars of a chart. A row without prices is a slot without trades, whatever its volume says.

    Without any bar, Yahoo leaves out the timestamps. The newest row with some of its values missing is
    published in part, and stays so; an older one without a volume had none.
    """
    try:
        columns = [
            chart.get("timestamp") or [],
            *(chart["indicators"]["quote"][0].get(name, []) for name in PRICES),
        ]
        table = np.array(columns, dtype=np.float64)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as fault:
        raise PermanentMarketError("yahoo sent a chart that is no list of candles") from fault
    table = table[:, ~np.isnan(table[1:5]).all(axis=0)]
    # Now and then the newest row comes twice; yfinance keeps the first too. An older one is a fault.
    if table.shape[1] > 1 and table[0, -1] == table[0, -2]:
        table = table[:, :-1]
    opened, high, low, close, volume = np.ascontiguousarray(table[1:])
    volume[:-1] = np.nan_to_num(volume[:-1], nan=0.0)
    return Bars(OpenTimes(table[0].astype(np.int64)), opened, high, low, close, volume, splits=_splits(chart))


def _splits(chart: dict[str, Any]) -> tuple[Split, ...]:
    """The split events of a chart that was asked for with events=splits, without those that have no ratio."""
    events = (chart.get("events") or {}).get("splits") or {}
    splits = set()
    for event in events.values():
        try:
            ratio = float(event["numerator"]) / float(event["denominator"])
            splits.add(Split(int(event["date"]), ratio))
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            log.warning("yahoo sent a split that is no ratio: %s", str(event)[:100])
    return tuple(sorted(split for split in splits if 0 < split.ratio < math.inf))
