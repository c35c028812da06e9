"""How providers are asked: all at once, again where that may help, never past the deadline."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from growfolio.domain.assets import Asset, find_asset
from growfolio.domain.bars import COLUMNS, Bars
from growfolio.domain.times import BAR, DAY
from growfolio.errors import MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.market.fetching import fetch_checked, gather, missing_quotes, raise_for_status
from growfolio.market.ports import Patience

from tests.bars import changed, moment, printed, scaled
from tests.fakes.sources import ScriptedSource
from tests.patience import HANG

QUICK = Patience(request=HANG, deadline=HANG, tries=3, pause=0.001)
NOW = moment("2024-09-05 18:00")
AAPL, MSFT, BTC = (find_asset(name) for name in ("AAPL", "MSFT", "BTC"))


def failing(times: int, fault: Exception, tries: Counter[str]) -> Callable[[str], str]:
    """Raises fault so many times for the key `bad`; counts the tries of each key."""

    def ask(key: str) -> str:
        tries[key] += 1
        if key == "bad" and tries[key] <= times:
            raise fault
        return key.upper()

    return ask


def test_all_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(14)

    def ask(key: int) -> int:
        together.wait(HANG)
        return key

    assert gather(range(14), ask, Patience()) == {key: key for key in range(14)}


def test_a_temporary_fault_is_tried_again_and_the_answer_counts() -> None:
    tries: Counter[str] = Counter()
    answers = gather(["bad", "good"], failing(2, TemporaryMarketError("429"), tries), QUICK)
    assert answers == {"bad": "BAD", "good": "GOOD"}
    assert tries == {"bad": 3, "good": 1}


def test_after_the_last_try_the_fault_is_the_answer_of_that_key_alone() -> None:
    tries: Counter[str] = Counter()
    answers = gather(["bad", "good"], failing(99, TemporaryMarketError("429"), tries), QUICK)
    assert answers["good"] == "GOOD"
    assert isinstance(answers["bad"], TemporaryMarketError)
    assert tries["bad"] == 3


def test_a_permanent_fault_is_not_tried_again() -> None:
    tries: Counter[str] = Counter()
    answers = gather(["bad", "good"], failing(99, PermanentMarketError("451"), tries), QUICK)
    assert str(answers["bad"]) == "451"
    assert tries == {"bad": 1, "good": 1}


def test_an_answer_that_a_library_cannot_parse_is_a_permanent_fault_of_its_key() -> None:
    tries: Counter[str] = Counter()
    answers = gather(["bad", "good"], failing(99, KeyError("chart"), tries), QUICK)
    assert isinstance(answers["bad"], PermanentMarketError)
    assert str(answers["bad"]) == "an unreadable answer: KeyError: 'chart'"
    assert answers["good"] == "GOOD"


def test_a_provider_that_never_answers_holds_up_nobody_past_the_deadline() -> None:
    released = threading.Event()
    # At the start, before the first answer (which is the good one), and long after it.
    moments = iter([0.0, 0.0, 2 * HANG])

    def ask(key: str) -> str:
        if key == "stuck":
            released.wait()
        return key

    answers = gather(["stuck", "good"], ask, Patience(deadline=HANG), lambda: next(moments))
    released.set()
    assert answers["good"] == "good"
    assert isinstance(answers["stuck"], TemporaryMarketError)
    assert str(answers["stuck"]) == f"no answer within {HANG:g} s"


def test_nothing_is_tried_again_when_the_pause_would_pass_the_deadline() -> None:
    tries: Counter[str] = Counter()
    ask = failing(99, TemporaryMarketError("503"), tries)
    answers = gather(["bad"], ask, Patience(deadline=HANG, pause=10 * HANG))
    assert str(answers["bad"]) == "503"
    assert tries["bad"] == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, TemporaryMarketError),
        (418, TemporaryMarketError),
        (500, TemporaryMarketError),
        (503, TemporaryMarketError),
        (401, PermanentMarketError),
        (403, PermanentMarketError),
        (451, PermanentMarketError),
    ],
)
def test_a_status_says_whether_to_try_again(status: int, kind: type[MarketError]) -> None:
    with pytest.raises(kind, match=str(status)):
        raise_for_status(status, "yahoo")


@pytest.mark.parametrize("status", [200, 404, 422])
def test_other_statuses_leave_the_verdict_to_the_answers_body(status: int) -> None:
    raise_for_status(status, "yahoo")


def unexpected(seconds: float) -> None:
    raise AssertionError(f"waited for {seconds} s")


def published(*assets: Asset) -> ScriptedSource:
    return ScriptedSource({asset: printed(asset, NOW - DAY, NOW + BAR) for asset in assets})


def since(*assets: Asset) -> dict[Asset, int]:
    return dict.fromkeys(assets, NOW - DAY)


def newest(bars: Bars | MarketError) -> int:
    assert isinstance(bars, Bars)
    return int(bars.open_time[-1]) + BAR


def test_a_bar_published_late_is_waited_for_and_only_late_assets_are_asked_again() -> None:
    source, waits = published(AAPL, MSFT), list[float]()
    source.late[MSFT] = 2
    answers = fetch_checked(source.fetch, since(AAPL, MSFT), NOW, Patience(), waits.append)
    assert {newest(bars) for bars in answers.values()} == {NOW}
    assert waits == [Patience().publication_step] * 2
    assert source.asked[1:] == [{MSFT: NOW - 2 * BAR}] * 2
    bars = answers[MSFT]
    assert isinstance(bars, Bars)
    assert bars.open_time.tolist() == printed(MSFT, NOW - DAY, NOW).open_time.tolist()


def test_punctual_bars_are_not_waited_for() -> None:
    source, waits = published(AAPL, BTC), list[float]()
    fetch_checked(source.fetch, since(AAPL, BTC), NOW, Patience(), waits.append)
    assert waits == []
    assert len(source.asked) == 1


def test_waiting_ends() -> None:
    source, waits = published(MSFT), list[float]()
    source.late[MSFT] = 99
    answers = fetch_checked(source.fetch, since(MSFT), NOW, Patience(), waits.append)
    assert sum(waits) <= Patience().publication
    assert newest(answers[MSFT]) == NOW - BAR


def test_waiting_also_ends_when_asking_takes_the_time() -> None:
    source, waits = published(MSFT), list[float]()
    source.late[MSFT] = 99
    patience = Patience(publication=5, publication_step=1)
    passed = 0.0

    def slowly(asked: Mapping[Asset, int], now: int) -> dict[Asset, Bars | MarketError]:
        nonlocal passed
        passed += 1.5
        return source.fetch(asked, now)

    fetch_checked(slowly, since(MSFT), NOW, patience, waits.append, lambda: passed)
    assert waits == [1.0] * 3


def test_waiting_lets_no_bar_in_that_had_not_closed_when_the_refresh_began() -> None:
    source = published(AAPL)
    source.late[AAPL] = 1
    answers = fetch_checked(source.fetch, since(AAPL), NOW, Patience(), lambda _: None)
    assert newest(answers[AAPL]) == NOW


def test_a_bar_published_in_part_is_waited_for_like_a_late_one() -> None:
    source, whole = published(AAPL), printed(AAPL, NOW - DAY, NOW)
    source.bars[AAPL] = changed(whole, -1, close=np.nan)
    waits: list[float] = []

    def complete(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            source.bars[AAPL] = whole

    bars = fetch_checked(source.fetch, since(AAPL), NOW, Patience(), complete)[AAPL]
    assert len(waits) == 2
    assert isinstance(bars, Bars)
    np.testing.assert_array_equal(bars.close, whole.close)


@pytest.mark.parametrize("column", ["high", "open", "close"])
def test_a_price_that_no_market_printed_is_asked_for_again_at_once(column: str) -> None:
    whole = printed(AAPL, NOW - DAY, NOW)
    wrong = changed(whole, -9, **{column: float(whole.close[-9]) * 6})
    answers = [wrong, whole]

    def fetch(asked: Mapping[Asset, int], now: int) -> dict[Asset, Bars | MarketError]:
        bars = answers.pop(0)
        return {asset: bars.where(bars.open_time >= first) for asset, first in asked.items()}

    bars = fetch_checked(fetch, since(AAPL), NOW, Patience(), unexpected)[AAPL]
    assert isinstance(bars, Bars)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(bars, name), getattr(whole, name))


def test_a_crash_that_a_second_answer_repeats_is_believed() -> None:
    """On 2025-10-10 coins lost up to 80 % within one bar."""
    whole = printed(BTC, NOW - DAY, NOW)
    fell = scaled(whole.where(whole.open_time >= whole.open_time[-3]), 0.25)
    source = ScriptedSource({BTC: whole.followed_by(fell)})
    bars = fetch_checked(source.fetch, since(BTC), NOW, Patience(), unexpected)[BTC]
    assert isinstance(bars, Bars)
    np.testing.assert_array_equal(bars.close[-3:], fell.close)
    assert source.asked[1:] == [{BTC: int(fell.open_time[0])}]


def test_what_an_asset_does_on_a_usual_day_is_not_asked_for_again() -> None:
    source = published(AAPL, BTC)
    fetch_checked(source.fetch, dict.fromkeys((AAPL, BTC), NOW - 5 * DAY), NOW, Patience(), unexpected)
    assert len(source.asked) == 1


def test_an_asset_that_fell_silent_is_not_waited_for() -> None:
    source, waits = published(AAPL), list[float]()
    bars = source.bars[AAPL]
    assert isinstance(bars, Bars)
    source.bars[AAPL] = bars.closed_by(NOW - 4 * BAR)
    fetch_checked(source.fetch, since(AAPL), NOW, Patience(), waits.append)
    assert waits == []


def test_an_asset_without_any_answer_is_not_waited_for() -> None:
    waits: list[float] = []
    source = ScriptedSource({AAPL: TemporaryMarketError("yahoo answered 500")})
    answers = fetch_checked(source.fetch, since(AAPL), NOW, Patience(), waits.append)
    assert waits == []
    assert str(answers[AAPL]) == "yahoo answered 500"


def test_when_asking_again_fails_what_was_there_stays() -> None:
    source = published(AAPL)
    source.late[AAPL] = 1

    def fail(_: float) -> None:
        source.bars[AAPL] = TemporaryMarketError("yahoo answered 500")

    answers = fetch_checked(source.fetch, since(AAPL), NOW, Patience(publication=3), fail)
    assert newest(answers[AAPL]) == NOW - BAR


def test_missing_prices_are_noted_once_for_each_reason() -> None:
    silent, refused = (
        TemporaryMarketError("no answer within 3 s"),
        PermanentMarketError("finnhub has no price"),
    )
    reasons = {find_asset("AAPL"): silent, find_asset("PEP"): refused, find_asset("AMD"): silent}
    assert missing_quotes(reasons) == (
        "no live price of AAPL, AMD: no answer within 3 s",
        "no live price of PEP: finnhub has no price",
    )
