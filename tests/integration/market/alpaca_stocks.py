"""Alpaca with every stock's candles, and what is asked of it."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from growfolio.domain.assets import Asset, Market, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.errors import MarketError
from growfolio.market.alpaca import AlpacaBars
from growfolio.market.ports import Fetched, Patience

from tests.bars import moment, printed
from tests.fakes.alpaca import KEYS, AlpacaServer, LocalAlpacaSession
from tests.patience import HANG

STOCKS = assets_of(Market.STOCKS)
AAPL, MSFT, TMO = (find_asset(name) for name in ("AAPL", "MSFT", "TMO"))
BERKSHIRE = Asset("BRK-B", Market.STOCKS, "Berkshire Hathaway")
SINCE = moment("2024-09-03 13:30")
NOW = moment("2024-09-05 18:00") + 4
PATIENCE = Patience(request=HANG, deadline=HANG, tries=1, publication=0.0)
WHERE = "the SSM parameters /alpaca/key and /alpaca/secret"


@cache
def candles() -> dict[str, Bars]:
    return {asset.symbol: printed(asset, SINCE, NOW) for asset in STOCKS}


def source(
    server: AlpacaServer, keys: Callable[[], tuple[str, str]] = lambda: KEYS, patience: Patience = PATIENCE
) -> AlpacaBars:
    return AlpacaBars(keys, WHERE, patience, LocalAlpacaSession(server))


def fetch(asked: AlpacaBars, assets: tuple[Asset, ...] = STOCKS, now: int = NOW) -> Fetched:
    return asked.fetch_once(dict.fromkeys(assets, SINCE), now, PATIENCE)


def the_only(answers: Fetched) -> MarketError:
    """The one error that all assets have."""
    (error,) = {str(answer): answer for answer in answers.values()}.values()
    assert isinstance(error, MarketError)
    return error


def an_answer(server: AlpacaServer) -> dict[str, Any]:
    """The body with the candles of all stocks."""
    fetch(source(server))
    answer: dict[str, Any] = json.loads(server.answer(server.requests.pop())[1])
    return answer
