"""When the real yfinance asks for cookies and crumbs, and that charts come without."""

import pytest
from growfolio.market.yahoo import COOKIES_MAY_HELP, YahooSource
from yfinance.data import SingletonMeta

from tests.fakes.candle_server import Fault
from tests.fakes.yahoo import LocalYahooSession, YahooServer, refusal
from tests.integration.market.answers import NOW, served
from tests.integration.market.yahoo_stocks import SINCE, STOCKS, fetch
from tests.patience import PATIENT, no_wait


def test_no_cookie_is_asked_for_while_charts_come_without(yahoo: YahooServer) -> None:
    assert set(served(fetch(yahoo))) == set(STOCKS)
    assert not yahoo.requested("")


@pytest.mark.parametrize("status", COOKIES_MAY_HELP)
def test_after_a_refusal_charts_are_asked_for_with_cookies(yahoo: YahooServer, status: int) -> None:
    session = LocalYahooSession(yahoo, PATIENT.request)
    one = YahooSource(PATIENT, session, no_wait)
    yahoo.meet("MSFT", Fault(status, refusal("Unauthorized", "Invalid Cookie"), times=1))
    one.fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert session.needs_cookies
    assert set(served(one.fetch(dict.fromkeys(STOCKS, SINCE), NOW))) == set(STOCKS)


def with_cookies(server: YahooServer) -> YahooSource:
    """A source that Yahoo has refused a chart before. yfinance holds one crumb for the whole process."""
    SingletonMeta._instances.clear()
    session = LocalYahooSession(server, PATIENT.request)
    session.needs_cookies = True
    return YahooSource(PATIENT, session, no_wait)


def test_charts_come_without_a_word_though_cookies_and_crumbs_do_not(
    yahoo: YahooServer, caplog: pytest.LogCaptureFixture
) -> None:
    yahoo.silent.add("")
    answers = with_cookies(yahoo).fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert yahoo.requested("")
    assert set(served(answers)) == set(STOCKS)
    assert not caplog.records


def test_cookies_are_asked_for_once_and_not_before_every_chart(yahoo: YahooServer) -> None:
    one = with_cookies(yahoo)
    one.fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    asked = len(yahoo.requested(""))
    one.fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert 0 < asked == len(yahoo.requested("")) < len(STOCKS)


def test_an_expired_crumb_is_renewed(yahoo: YahooServer) -> None:
    yahoo.meet("MSFT", Fault(401, refusal("Unauthorized", "Invalid Crumb"), times=2))
    assert set(served(fetch(yahoo))) == set(STOCKS)
