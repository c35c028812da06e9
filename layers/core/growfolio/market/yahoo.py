"""Stock candles from Yahoo Finance, by yfinance.

Prices are taken as they traded (auto_adjust off): Yahoo's 5m bars are adjusted for splits but not for
dividends, which move an open by well under one per cent. On the morning of a split Yahoo rewrites the
past; the candle window notices it and asks for everything anew (see window.py).

pandas comes with yfinance and stays in here.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import yfinance
from curl_cffi.requests import Session
from curl_cffi.requests.exceptions import ConnectionError as CurlConnectionError
from curl_cffi.requests.exceptions import RequestException
from yfinance.exceptions import YFException

from growfolio.assets import Asset, Timeframe
from growfolio.candles import PRICES, Bars
from growfolio.errors import PermanentMarketError, TemporaryMarketError
from growfolio.market.gathering import gather, refuse
from growfolio.market.source import Fetched, Patience
from growfolio.sessions import DAY

NEW_YORK = "America/New_York"
LONGEST_PAST = 59 * DAY
"""Yahoo refuses 5m bars older than 60 days."""
COOKIE_SECONDS = 2.0
"""What a request for a cookie or crumb may take: charts are served without them too."""
COOKIE_REST = 300.0
"""Seconds without such requests after one failed: each asset would wait for its own, one after the other."""
NO_FOLDER = "/dev/null/yfinance"
"""No folder can be made here, so yfinance keeps no cache: its cookie cache is pickled, and a cold start
would gain nothing from the time zones, which are all New York's."""


class YahooSession(Session[Any]):
    """The browser-like HTTP session that yfinance asks Yahoo with; it judges every answer as it arrives.

    yfinance hides the HTTP status behind an empty frame, and meets any refusal with a round of cookie
    requests that holds up all other assets. So a chart's refusal becomes our error before yfinance
    sees it; all but 401, after which yfinance rightly gets a new crumb.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(impersonate="chrome")
        self._longest = timeout
        self._cookies_again = 0.0

    def request(self, method: Any, url: str, **options: Any) -> Any:  # type: ignore[override]
        if urlsplit(url).path.startswith("/v8/finance/chart/"):
            answer = super().request(method, url, **options | {"timeout": self._longest})
            if answer.status_code != 401:
                _judge(answer.status_code, answer.content)
            return answer
        if time.monotonic() < self._cookies_again:
            raise CurlConnectionError("cookies were out of reach a moment ago")
        try:
            return super().request(method, url, **options | {"timeout": min(COOKIE_SECONDS, self._longest)})
        except RequestException:
            self._cookies_again = time.monotonic() + COOKIE_REST
            raise


class YahooSource:
    """5-minute bars of stocks. Needs no key."""

    name = "yahoo"
    simulated = False

    def __init__(self, patience: Patience | None = None, session: YahooSession | None = None) -> None:
        self._patience = patience or Patience()
        self._session = session or YahooSession(self._patience.request)
        yfinance.config.debug.hide_exceptions = False
        yfinance.set_tz_cache_location(NO_FOLDER)

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch. Bars older than 59 days are not asked for: Yahoo has none."""
        return gather(since, lambda asset: self._bars(asset, since[asset], now), self._patience)

    def _bars(self, asset: Asset, since: int, now: int) -> Bars:
        start = max(since, now - LONGEST_PAST)
        try:
            frame = _NewYorkTicker(asset.symbol, session=self._session).history(
                start=datetime.fromtimestamp(start, UTC),
                interval=Timeframe.M5.value,
                auto_adjust=False,
                actions=False,
                prepost=False,
            )
        except RequestException as fault:
            raise TemporaryMarketError(f"yahoo could not be reached: {type(fault).__name__}") from fault
        except YFException as fault:
            raise TemporaryMarketError(f"yahoo has no candles: {fault}"[:200]) from fault
        if frame.empty:
            raise TemporaryMarketError(f"yahoo sent no candles since {datetime.fromtimestamp(start, UTC)}")
        prices = (frame[name.capitalize()].to_numpy(dtype="float64") for name in PRICES)
        bars = Bars(frame.index.as_unit("s").asi8, *prices).closed_by(now)
        return bars.where(bars.open_time >= since)


class _NewYorkTicker(yfinance.Ticker):  # type: ignore[misc]
    """Knows its time zone, for which yfinance would send one more request an asset."""

    def _get_ticker_tz(self, timeout: float) -> str:  # noqa: ARG002
        return NEW_YORK


def _judge(status: int, content: bytes) -> None:
    """Raises MarketError for a chart answer that holds no candles."""
    refuse(status, "yahoo")
    try:
        answer = json.loads(content)
    except ValueError:
        raise TemporaryMarketError(f"yahoo sent no JSON, or cut it short ({len(content)} bytes)") from None
    try:
        chart = answer["chart"]
        if chart["error"]:
            raise PermanentMarketError(f"yahoo: {chart['error']['description']}"[:200])
        results = len(chart["result"] or ())
    except (KeyError, TypeError) as fault:
        raise PermanentMarketError("yahoo sent JSON that is no chart") from fault
    if not results:
        raise TemporaryMarketError("yahoo sent an empty chart")
