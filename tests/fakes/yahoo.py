"""Yahoo Finance's chart API on this machine, and the session that leads yfinance there."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from growfolio.domain.assets import Market
from growfolio.domain.bars import Bars, FloatArray
from growfolio.domain.calendar import sessions_between
from growfolio.market.yahoo import YahooSession

from tests.fakes.candle_server import CandleServer, Request, patience_with

CHART = "/v8/finance/chart/"


class YahooServer(CandleServer):
    """Serves charts, crumbs and cookies. A NaN in the candles becomes the null that Yahoo sends."""

    def __init__(self, candles: Mapping[str, Bars] | None = None) -> None:
        super().__init__(candles)
        self.splits: dict[str, list[tuple[int, int, int]]] = {}
        """By symbol: the time of a split, new shares, old shares. Sent when events are asked for."""

        self.meta: dict[str, dict[str, Any]] = {}
        """By symbol: what its charts say of themselves in place of the truth."""

    def symbol_of(self, path: str, query: Mapping[str, str]) -> str:
        return path.removeprefix(CHART) if path.startswith(CHART) else ""

    def answer(self, request: Request) -> tuple[int, bytes]:
        if not request.symbol:
            return 200, b"a-crumb"
        bars = self.published(request.symbol)
        if bars is None:
            return 404, refusal("Not Found", "No data found, symbol may be delisted")
        wanted = bars.where(bars.open_time >= int(request.query["period1"]))
        splits = self.splits.get(request.symbol, []) if "split" in request.query.get("events", "") else []
        symbol = self.swapped.get(request.symbol, request.symbol)
        return 200, chart(symbol, wanted, splits, self.meta.get(request.symbol))


class LocalYahooSession(YahooSession):
    """What it asks of Yahoo's hosts goes to a server on this machine."""

    def __init__(self, server: CandleServer, timeout: float) -> None:
        super().__init__(timeout)
        self._server = server

    def send(self, method: str, url: str, **options: Any) -> Any:
        asked = urlsplit(url)
        options["timeout"] = patience_with(self._server, asked, options["timeout"])
        return super().send(method, self._server.url + asked.path, **options)


def refusal(code: str, description: str) -> bytes:
    """The body with which Yahoo refuses a chart."""
    return json.dumps(
        {"chart": {"result": None, "error": {"code": code, "description": description}}}
    ).encode()


def chart(
    symbol: str,
    bars: Bars,
    splits: Sequence[tuple[int, int, int]] = (),
    meta: Mapping[str, Any] | None = None,
) -> bytes:
    """The body with a chart of the bars. Without any bar Yahoo leaves out the timestamps."""
    quote = {name: _json(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")}
    result: dict[str, Any] = {
        "meta": _meta(symbol, bars) | dict(meta or {}),
        "indicators": {"quote": [quote if len(bars) else {}]},
    }
    if splits:
        result["events"] = {"splits": {str(date): _split(date, new, old) for date, new, old in splits}}
    if len(bars):
        result["timestamp"] = bars.open_time.tolist()
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def _split(date: int, new: int, old: int) -> dict[str, Any]:
    return {"date": date, "numerator": float(new), "denominator": float(old), "splitRatio": f"{new}:{old}"}


def _json(column: FloatArray) -> list[float | None]:
    return [None if math.isnan(value) else value for value in column.tolist()]


def _meta(symbol: str, bars: Bars) -> dict[str, Any]:
    first, last = (int(bars.open_time.min()), int(bars.open_time.max()) + 1) if len(bars) else (0, 0)
    sessions = sessions_between(Market.STOCKS, first, last) if len(bars) else []
    zone = {"timezone": "EST", "gmtoffset": -18000}
    return {
        "currency": "USD",
        "symbol": symbol,
        "exchangeName": "NMS",
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": "America/New_York",
        "priceHint": 2,
        "dataGranularity": "5m",
        "tradingPeriods": [[{**zone, "start": s.open, "end": s.close}] for s in sessions],
        "validRanges": ["1d", "5d", "1mo"],
    }
