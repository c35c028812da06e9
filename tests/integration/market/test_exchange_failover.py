"""Which exchange serves, when it is left for the next, and when it is asked again."""

import numpy as np
import pytest
from growfolio.errors import PermanentMarketError, TemporaryMarketError
from growfolio.market.failover import REST

from tests.bars import printed
from tests.fakes.candle_server import ANY, Fault
from tests.fakes.exchange import BinanceServer, KrakenServer
from tests.integration.market.answers import NOW, served
from tests.integration.market.exchanges import BLOCKED, COINS, DOGE, SINCE, fetch, source


@pytest.mark.parametrize(
    "fault",
    [BLOCKED, Fault(403), Fault(500), Fault(429), Fault(200, b"<html></html>")],
    ids=["451", "403", "500", "429", "HTML"],
)
def test_an_exchange_that_serves_nobody_is_left_for_the_next(
    binance: BinanceServer, kraken: KrakenServer, fault: Fault
) -> None:
    binance.meet(ANY, fault)
    one = source(binance, kraken)
    for asset, bars in served(fetch(one)).items():
        np.testing.assert_allclose(bars.close, 1.01 * printed(asset, SINCE, NOW).close)
    assert one.name == "kraken"


def test_an_exchange_that_does_not_answer_at_all_is_left(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    binance.silent.add(ANY)
    one = source(binance, kraken)
    assert set(served(fetch(one))) == set(COINS)
    assert one.name == "kraken"


def test_an_exchange_that_fails_after_a_good_start_is_left_too(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    one = source(binance, kraken)
    fetch(one)
    binance.meet(ANY, Fault(502))
    fetch(one, now=NOW + 10)
    assert one.name == "kraken"


def test_an_exchange_that_was_left_rests_and_is_then_preferred_again(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    binance.meet(ANY, BLOCKED)
    one = source(binance, kraken)
    fetch(one)
    binance.recover()
    asked = len(binance.requests)
    fetch(one, now=NOW + 10)
    assert (one.name, len(binance.requests)) == ("kraken", asked)
    fetch(one, now=NOW + REST)
    assert one.name == "binance"


def test_for_the_sake_of_one_late_coin_an_exchange_is_not_left(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    one = source(binance, kraken)
    fetch(one)
    binance.meet("DOGEUSDT", Fault(500))
    answers = one.fetch({DOGE: NOW - 900}, NOW)
    assert str(answers[DOGE]) == "binance answered 500"
    assert one.name == "binance"
    assert kraken.requests == []


def test_when_all_exchanges_fail_each_coin_has_the_reasons_of_all(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    binance.meet(ANY, BLOCKED)
    kraken.meet(ANY, Fault(503))
    answers = fetch(source(binance, kraken))
    blocked = "binance refuses to serve this address or account (451): set GROWFOLIO_EXCHANGES to others"
    reason = f"{blocked}; kraken answered 503"
    assert {(type(error), str(error)) for error in answers.values()} == {(TemporaryMarketError, reason)}
    kraken.meet(ANY, Fault(403))
    assert {type(error) for error in fetch(source(binance, kraken)).values()} == {PermanentMarketError}
