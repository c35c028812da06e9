"""The tickers of exchanges on this machine, beside their candles."""

import json
from typing import Any

from growfolio.domain.times import DAY

from tests.fakes.candle_server import Request
from tests.fakes.exchange import INVALID_SYMBOL, BinanceServer, KrakenServer


class BinanceTickers(BinanceServer):
    """`last` holds the price of each symbol's last trade, as Binance writes it, and `moment` its time."""

    last: dict[str, Any]
    moment: int

    def answer(self, request: Request) -> tuple[int, bytes]:
        if not request.path.endswith("/ticker/24hr"):
            return super().answer(request)
        symbols = json.loads(request.query["symbols"])
        if self.not_trading & set(symbols):
            return 400, INVALID_SYMBOL
        return 200, json.dumps([self._ticker(s) for s in symbols]).encode()

    def _ticker(self, symbol: str) -> dict[str, object]:
        last, closed = self.last[symbol], self.moment * 1000 + 417
        return {
            "symbol": symbol,
            "priceChange": "1.00",
            "priceChangePercent": "0.1",
            "weightedAvgPrice": last,
            "prevClosePrice": last,
            "lastPrice": last,
            "lastQty": "0.1",
            "bidPrice": last,
            "bidQty": "1",
            "askPrice": last,
            "askQty": "1",
            "openPrice": last,
            "highPrice": last,
            "lowPrice": last,
            "volume": "100",
            "quoteVolume": "100",
            "openTime": closed - 1000 * DAY,
            "closeTime": closed,
            "firstId": 1,
            "lastId": 2,
            "count": 2,
        }


class KrakenTickers(KrakenServer):
    """As BinanceTickers; Kraken gives no time."""

    last: dict[str, Any]

    def answer(self, request: Request) -> tuple[int, bytes]:
        if not request.path.endswith("/Ticker"):
            return super().answer(request)
        tickers = {pair: self._ticker(pair) for pair in request.query["pair"].split(",")}
        return 200, json.dumps({"error": [], "result": tickers}).encode()

    def _ticker(self, pair: str) -> dict[str, object]:
        last = self.last[self.symbol_of("", {"pair": pair})]
        offer = [last, "1", "1.000"]
        ends = [last, last]
        return {
            "a": offer,
            "b": offer,
            "c": [last, "0.1"],
            "v": ends,
            "p": ends,
            "t": [9, 9],
            "l": ends,
            "h": ends,
            "o": last,
        }
