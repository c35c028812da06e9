"""Exchanges with every coin's candles, and what is asked of them."""

from growfolio.domain.assets import Market, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.times import DAY
from growfolio.market.exchange import ExchangeSource
from growfolio.market.ports import Fetched, Patience

from tests.bars import printed
from tests.fakes.candle_server import Fault
from tests.fakes.exchange import BinanceServer, KrakenServer, LocalSession
from tests.integration.market.answers import NOW
from tests.patience import PATIENT, no_wait

COINS = assets_of(Market.CRYPTO)
BTC, DOGE, SHIB = (find_asset(name) for name in ("BTC", "DOGE", "SHIB"))


SINCE = NOW - 4 - DAY
BLOCKED = Fault(451, b'{"code": 0, "msg": "Service unavailable from a restricted location"}')


def candles(until: int = NOW + 3600) -> dict[str, Bars]:
    return {f"{asset.symbol}USDT": printed(asset, SINCE - 6 * DAY, until) for asset in COINS}


def source(*servers: BinanceServer | KrakenServer, patience: Patience = PATIENT) -> ExchangeSource:
    names = ["binance" if isinstance(server, BinanceServer) else "kraken" for server in servers]
    return ExchangeSource(names, patience, lambda: LocalSession(*servers), no_wait)


def fetch(one: ExchangeSource, since: int = SINCE, now: int = NOW) -> Fetched:
    answers = one.fetch(dict.fromkeys(COINS, since), now)
    assert list(answers) == list(COINS)
    return answers
