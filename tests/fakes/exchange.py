"""Binance's and Kraken's public candles on this machine, and the session that leads ccxt there."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import requests
from growfolio.domain.bars import Bars

from tests.fakes.candle_server import CandleServer, Request, patience_with

INVALID_SYMBOL = b'{"code":-1121,"msg":"Invalid symbol."}'
KRAKEN_NAMES = {"BTC": "XBT", "DOGE": "XDG"}


class BinanceServer(CandleServer):
    """Symbols are BTCUSDT and so on. One answer holds 1000 candles at most."""

    host = "data-api.binance.vision"
    page = 1000

    def __init__(self, candles: Mapping[str, Bars] | None = None) -> None:
        super().__init__(candles)
        self.not_trading: set[str] = set()
        """Symbols in BREAK: left out of the list of those that trade, and no ticker is given with theirs."""
        self.lists_all = False
        """Whether the list of those that trade is not up to date."""

    def symbol_of(self, path: str, query: Mapping[str, str]) -> str:
        return query.get("symbol", "")

    def answer(self, request: Request) -> tuple[int, bytes]:
        if request.path.endswith("/exchangeInfo"):
            listed = [s for s in self.candles if self.lists_all or s not in self.not_trading]
            return 200, json.dumps(
                {"timezone": "UTC", "symbols": [_binance_market(s) for s in listed]}
            ).encode()
        bars = self.published(request.symbol)
        if bars is None:
            return 400, INVALID_SYMBOL
        start = int(request.query.get("startTime", 0)) // 1000
        limit = min(int(request.query.get("limit", 500)), self.page)
        return 200, json.dumps([_binance_row(row) for row in _rows(bars) if row[0] >= start][:limit]).encode()


class KrakenServer(CandleServer):
    """Symbols are BTCUSDT and so on, as at Binance. The last 720 candles are all that it serves."""

    host = "api.kraken.com"
    page = 720

    def symbol_of(self, path: str, query: Mapping[str, str]) -> str:
        names = {_kraken_pair(symbol): symbol for symbol in self.candles}
        return names.get(query.get("pair", ""), query.get("pair", ""))

    def answer(self, request: Request) -> tuple[int, bytes]:
        if request.path.endswith("/AssetPairs"):
            return 200, _kraken({_kraken_pair(symbol): _kraken_market(symbol) for symbol in self.candles})
        bars = self.published(request.symbol)
        if bars is None:
            return 200, json.dumps({"error": ["EQuery:Unknown asset pair"]}).encode()
        if request.query.get("interval") == "15":
            bars = quarters(bars)
        since = int(request.query.get("since", 0))
        rows = [row for row in _rows(bars) if row[0] > since][-self.page :]
        listed = [[int(row[0]), *(repr(price) for price in row[1:5]), "0", repr(row[5]), 9] for row in rows]
        return 200, _kraken({request.query["pair"]: listed, "last": listed[-1][0] if listed else since})


class LocalSession(requests.Session):
    """Requests to the hosts of some servers go to this machine; there are no other hosts."""

    def __init__(self, *servers: BinanceServer | KrakenServer) -> None:
        super().__init__()
        self._servers = {server.host: server for server in servers}

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        asked = urlsplit(url)
        server = self._servers.get(str(asked.hostname))
        if server is None:
            raise requests.ConnectionError(f"no host {asked.hostname}")
        query = f"?{asked.query}" if asked.query else ""
        options["timeout"] = patience_with(server, asked, options["timeout"])
        return super().request(method, server.url + asked.path + query, *args, **options)


def quarters(bars: Bars) -> Bars:
    """The 15-minute bars that whole quarters of an hour of 5-minute bars make."""
    opened = bars.open_time[bars.open_time % 900 == 0]
    rows = []
    for start in opened.tolist():
        own = bars.where((bars.open_time >= start) & (bars.open_time < start + 900))
        if len(own) == 3:
            rows.append((start, own.open[0], own.high.max(), own.low.min(), own.close[-1], own.volume.sum()))
    return Bars.of(rows)


def _rows(bars: Bars) -> list[list[float]]:
    """Rows of open time in seconds, open, high, low, close, volume; as they lie, ordered or not."""
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    table: list[list[float]] = np.column_stack(columns).tolist()
    return table


def _binance_row(row: list[float]) -> list[object]:
    opened = int(row[0]) * 1000
    return [opened, *(repr(value) for value in row[1:]), opened + 299_999, "0", 9, "0", "0", "0"]


def _binance_market(symbol: str) -> dict[str, object]:
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol.removesuffix("USDT"),
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.00000001",
                "maxPrice": "1000000",
                "tickSize": "0.00000001",
            },
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
        ],
        "permissions": [],
        "permissionSets": [],
    }


def _kraken(result: dict[str, object]) -> bytes:
    return json.dumps({"error": [], "result": result}).encode()


def _kraken_pair(symbol: str) -> str:
    base = symbol.removesuffix("USDT")
    return KRAKEN_NAMES.get(base, base) + "USDT"


def _kraken_market(symbol: str) -> dict[str, object]:
    base = symbol.removesuffix("USDT")
    name = KRAKEN_NAMES.get(base, base)
    return {
        "altname": f"{name}USDT",
        "wsname": f"{name}/USDT",
        "aclass_base": "currency",
        "base": f"X{name}" if base in KRAKEN_NAMES or base == "ETH" else name,
        "aclass_quote": "currency",
        "quote": "USDT",
        "lot": "unit",
        "pair_decimals": 8,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "fees": [[0, 0.26]],
        "fees_maker": [[0, 0.16]],
        "ordermin": "1",
        "tick_size": "0.00000001",
        "status": "online",
    }
