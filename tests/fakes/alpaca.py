"""Alpaca's multi-symbol bars on this machine, and the session that leads its requests there."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from growfolio.domain.bars import Bars
from requests import Response, Session

from tests.fakes.candle_server import CandleServer, Request, patience_with

BARS = "/v2/stocks/bars"
KEYS = ("AK7Q2M4Z90", "c4f9-of-alpaca-0451")


class AlpacaServer(CandleServer):
    """Serves pages of bars to who has the keys. `symbol` of a request is all its symbols, by comma."""

    def __init__(self, candles: Mapping[str, Bars] | None = None) -> None:
        super().__init__(candles)
        self.refused: set[str] = set()
        """Symbols for whose sake a whole request is refused."""
        self.page = 10_000
        """Bars in one answer at most."""
        self.said: dict[str, Any] = {}
        """What an answer says of itself in place of the truth."""

    def symbol_of(self, path: str, query: Mapping[str, str]) -> str:
        return query.get("symbols", "")

    def answer(self, request: Request) -> tuple[int, bytes]:
        keys = tuple(request.headers.get(f"apca-api-{name}", "") for name in ("key-id", "secret-key"))
        if keys != KEYS:
            return 403, json.dumps({"message": "forbidden."}).encode()
        asked = request.query["symbols"].split(",")
        if bad := self.refused.intersection(asked):
            return 400, json.dumps({"message": f"invalid symbol: {min(bad)}"}).encode()
        start = int(request.query.get("page_token", "0"))
        bars = [(symbol, bar) for symbol in sorted(asked) for bar in self._bars(symbol, request.query)]
        end = start + min(self.page, int(request.query["limit"]))
        page: dict[str, list[Any]] = {}
        for symbol, bar in bars[start:end]:
            page.setdefault(symbol, []).append(bar)
        token = str(end) if end < len(bars) else None
        return 200, json.dumps({"bars": page, "next_page_token": token} | self.said).encode()

    def _bars(self, symbol: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        bars = self.published(symbol.replace(".", "-"))
        if bars is None:
            return
        first, last = (datetime.fromisoformat(query[name]).timestamp() for name in ("start", "end"))
        wanted = bars.where((bars.open_time >= first) & (bars.open_time <= last))
        columns = [wanted.open, wanted.high, wanted.low, wanted.close, wanted.volume]
        for opened, *values in zip(wanted.open_time.tolist(), *(c.tolist() for c in columns), strict=True):
            numbers = [None if math.isnan(value) else value for value in values]
            time = datetime.fromtimestamp(opened, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield {"t": time, **dict(zip("ohlcv", numbers, strict=True)), "n": 9, "vw": numbers[3]}


class LocalAlpacaSession(Session):
    """What it asks of Alpaca's host goes to a server on this machine."""

    def __init__(self, server: CandleServer) -> None:
        super().__init__()
        self._server = server

    def request(self, method: Any, url: Any, **options: Any) -> Response:  # type: ignore[override]
        asked = urlsplit(f"{url}?{urlencode(options['params'])}")
        options["timeout"] = patience_with(self._server, asked, options["timeout"])
        return super().request(method, self._server.url + asked.path, **options)
