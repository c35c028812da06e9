"""The providers that the functions ask, as far as a good day goes: Binance, Yahoo, Finnhub, Gemini."""

import math
import time
from collections.abc import Mapping
from typing import Any

from growfolio.assets import ASSETS, Market, Timeframe, assets_of
from growfolio.grid import slots_between

BAR = Timeframe.M5.seconds


class Provider:
    """Counts what it was asked, by path."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        self.asked.append(path)
        return self.respond(path, query)

    def respond(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        raise NotImplementedError


def price(symbol: str, close_time: int) -> float:
    """A price that moves a little and never repeats soon, the same for whoever asks."""
    base = 10.0 + 7 * [asset.symbol for asset in ASSETS].index(symbol)
    return base * (1 + 0.01 * math.sin(close_time / 7000) + 0.002 * math.sin(close_time / 613))


def candle(symbol: str, close_time: int) -> tuple[float, float, float, float, float]:
    """Open, high, low, close, volume of the bar that closed then."""
    opened, closed = price(symbol, close_time - BAR), price(symbol, close_time)
    volume = 1000 + 900 * math.sin(close_time / 5000) ** 2
    return opened, max(opened, closed) * 1.0005, min(opened, closed) * 0.9995, closed, volume


class Binance(Provider):
    """Spot markets and 5-minute klines."""

    def respond(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        if path.endswith("/exchangeInfo"):
            return 200, {
                "timezone": "UTC",
                "serverTime": 0,
                "symbols": [_pair(a.symbol) for a in assets_of(Market.CRYPTO)],
            }
        if path.endswith("/klines"):
            return 200, _klines(query)
        if "/ticker" in path:
            symbols = [a.symbol for a in assets_of(Market.CRYPTO)]
            return 200, [
                {
                    "symbol": f"{s}USDT",
                    "lastPrice": f"{price(s, int(time.time())):.8f}",
                    "price": f"{price(s, int(time.time())):.8f}",
                    "closeTime": int(1000 * time.time()),
                }
                for s in symbols
            ]
        return 404, {"code": -1, "msg": "no such path"}


def _pair(symbol: str) -> dict[str, Any]:
    return {
        "symbol": f"{symbol}USDT",
        "status": "TRADING",
        "baseAsset": symbol,
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.00000001",
                "maxPrice": "1000000",
                "tickSize": "0.00000001",
            }
        ],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
    }


def _klines(query: Mapping[str, str]) -> list[list[Any]]:
    symbol = query["symbol"].removesuffix("USDT")
    first = -(-int(query.get("startTime", "0")) // (1000 * BAR)) * BAR
    now, limit = int(time.time()), int(query.get("limit", "500"))
    first = first or (now // BAR - limit + 1) * BAR
    opens = range(first, now + 1, BAR)[:limit]
    return [
        [
            1000 * at,
            *(f"{value:.8f}" for value in candle(symbol, at + BAR)),
            1000 * (at + BAR) - 1,
            "0",
            1,
            "0",
            "0",
            "0",
        ]
        for at in opens
    ]


class Yahoo(Provider):
    """Charts of 5-minute bars, and the crumb that yfinance asks for first."""

    def respond(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        if path.endswith("/getcrumb"):
            return 200, "crumb"
        if path.startswith("/v8/finance/chart/"):
            return 200, {"chart": {"result": [_chart(path.rpartition("/")[2], query)], "error": None}}
        return 200, ""


def _chart(symbol: str, query: Mapping[str, str]) -> dict[str, Any]:
    now = int(time.time())
    start, end = int(query["period1"]), min(int(query.get("period2", now)), now)
    closes = [int(close) for close in slots_between(Market.STOCKS, start, end, Timeframe.M5)]
    columns = list(zip(*(candle(symbol, close) for close in closes), strict=True)) or [()] * 5
    names = ("open", "high", "low", "close", "volume")
    period = {"timezone": "EST", "start": start, "end": end, "gmtoffset": -18000}
    meta = {
        "currency": "USD",
        "symbol": symbol,
        "exchangeName": "NMS",
        "instrumentType": "EQUITY",
        "firstTradeDate": 0,
        "regularMarketTime": now,
        "gmtoffset": -18000,
        "timezone": "EST",
        "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": price(symbol, now),
        "chartPreviousClose": price(symbol, start),
        "priceHint": 2,
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
        "tradingPeriods": [[period]],
        "dataGranularity": "5m",
        "range": "",
        "validRanges": ["1d", "5d"],
    }
    quote = {name: list(column) for name, column in zip(names, columns, strict=True)}
    return {
        "meta": meta,
        "timestamp": [close - BAR for close in closes],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
    }


class Finnhub(Provider):
    """Quotes."""

    def respond(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        now = int(time.time())
        latest = price(query.get("symbol", "AAPL"), now)
        return 200, {
            "c": latest,
            "h": latest,
            "l": latest,
            "o": latest,
            "pc": latest,
            "d": 0,
            "dp": 0,
            "t": now,
        }
