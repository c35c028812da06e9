"""Yahoo with every stock's candles, and what is asked of it."""

from growfolio.domain.assets import Market, assets_of, find_asset
from growfolio.market.ports import Fetched, Patience
from growfolio.market.yahoo import YahooSource

from tests.bars import moment
from tests.fakes.yahoo import LocalYahooSession, YahooServer
from tests.integration.market.answers import NOW
from tests.patience import PATIENT, no_wait

STOCKS = assets_of(Market.STOCKS)
AAPL, MSFT = find_asset("AAPL"), find_asset("MSFT")


SINCE = moment("2024-09-04 13:30")


def source(server: YahooServer, patience: Patience = PATIENT) -> YahooSource:
    return YahooSource(patience, LocalYahooSession(server, patience.request), no_wait)


def fetch(server: YahooServer, since: int = SINCE, now: int = NOW) -> Fetched:
    answers = source(server).fetch(dict.fromkeys(STOCKS, since), now)
    assert list(answers) == list(STOCKS)
    return answers
