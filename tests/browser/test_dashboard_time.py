"""The dashboard as time passes: refreshed, stale, closed; and when the API or its table fails."""

import re
from dataclasses import replace
from datetime import datetime

import pytest
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.calendar import NEW_YORK
from growfolio.domain.signals import Action, ModelRef
from growfolio.storage.records import Explanation
from playwright.sync_api import BrowserContext, Page, Response, expect

from tests.browser.conftest import Visit
from tests.browser.product import NOW, Product, serving
from tests.samples import BAR

CLOSE = BAR + 2 * 3600
"""16:00 in New York."""
FAILED = "Failed to load resource"


@pytest.fixture
def timed(visit: Visit, served: Product) -> Page:
    """The dashboard with a clock of its own, that stands still unless it is told to run."""
    visit.page.clock.install()
    visit.page.goto(served.url)
    visit.page.locator(".card").first.wait_for()
    return visit.page


def statuses(page: Page, path: str) -> list[int]:
    """Of every answer to that path from now on."""
    seen: list[int] = []

    def note(response: Response) -> None:
        if path in response.url:
            seen.append(response.status)

    page.on("response", note)
    return seen


def test_the_page_asks_again_when_the_answer_may_have_changed_and_is_told_that_it_has_not(
    timed: Page, served: Product
) -> None:
    asked = statuses(timed, "/v1/overview")
    with timed.expect_response(lambda response: "/v1/overview" in response.url):
        timed.clock.fast_forward(330_000)
    assert asked == [304]


def test_a_new_bar_shows_without_a_reload(timed: Page, served: Product) -> None:
    expect(timed.locator('li[data-symbol="BTC"] footer')).to_contain_text("bar of 14:00")
    timed.locator('li[data-symbol="BTC"] button').focus()
    served.now += 300
    try:
        served.cloud.refresh()
        timed.clock.fast_forward(330_000)
        expect(timed.locator('li[data-symbol="BTC"] footer')).to_contain_text("bar of 14:05")
        expect(timed.locator("#updated")).to_contain_text("14:05")
        expect(timed.locator('li[data-symbol="BTC"] button')).to_be_focused()
    finally:
        served.now = NOW


def test_signals_past_their_expiry_are_shown_as_what_they_were(timed: Page, served: Product) -> None:
    with served.moved_on(1200):
        timed.clock.fast_forward(330_000)
        expect(timed.locator(".card.past .action", has_text="was ").first).to_be_visible()
        expect(timed.locator(".card.buy, .card.sell, .card.hold")).to_have_count(0)
        expect(timed.locator("#summary")).to_have_text("0 current: 0 buy, 0 sell, 0 hold; 24 not current.")
        expired = datetime.fromisoformat(served.signals()["BTC"]["expires_at"]).astimezone(NEW_YORK)
        told = timed.locator('li[data-symbol="BTC"] .status')
        expect(told).to_have_text(f"Not current since {expired:%H:%M}.")
        expect(timed.get_by_role("list", name="Markets")).to_contain_text("Crypto open · 0 % current")


def test_a_closed_market_says_when_it_opens(timed: Page, served: Product) -> None:
    with served.moved_on(CLOSE - NOW + 3600):
        timed.clock.fast_forward(330_000)
        expect(timed.get_by_role("list", name="Markets")).to_contain_text("Stocks closed, opens Fri 09:30")
        expect(timed.locator('li[data-symbol="AAPL"] .status')).to_have_text(
            "The market is closed: this is the last signal. It opens Fri 09:30."
        )


def test_while_the_table_fails_signals_that_hold_are_shown_and_said_to_be_of_then(
    timed: Page, served: Product
) -> None:
    notice = timed.locator("#notice")
    expect(notice).to_be_hidden()
    with served.without_table(), served.moved_on(330):
        timed.clock.fast_forward(330_000)
        expect(notice).to_contain_text("The table does not answer, this is as it was read at 2024-09-05T18:0")
        expect(timed.get_by_role("alert")).to_be_hidden()
        expect(timed.locator(".card.buy, .card.sell, .card.hold").first).to_be_visible()
    timed.clock.fast_forward(330_000)
    expect(notice).to_be_hidden()


def test_when_the_table_fails_the_page_says_so_keeps_what_it_knows_and_recovers(
    visit: Visit, timed: Page, served: Product
) -> None:
    visit.expected.add(f"{FAILED}: the server responded with a status of 503 (Service Unavailable)")
    trouble = timed.get_by_role("alert")
    with served.without_table(), served.moved_on(1200):
        timed.clock.fast_forward(330_000)
        expect(trouble).to_contain_text("The store of signals did not answer.")
        expect(trouble).to_contain_text("Shown is what was known at 14:00.")
        expect(timed.locator(".card")).to_have_count(24)
    timed.get_by_role("button", name="Try now").click()
    expect(trouble).to_be_hidden()


def test_without_a_connection_no_signal_stays_current_past_its_time(
    visit: Visit, timed: Page, context: BrowserContext
) -> None:
    expect(timed.locator(".card.buy, .card.sell, .card.hold").first).to_be_visible()
    visit.expected.add(f"{FAILED}: net::ERR_INTERNET_DISCONNECTED")
    context.set_offline(True)
    timed.clock.fast_forward(330_000)
    expect(timed.get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(timed.locator(".card.buy, .card.sell, .card.hold").first).to_be_visible()
    timed.clock.fast_forward(1_000_000)
    expect(timed.locator(".card.buy, .card.sell, .card.hold")).to_have_count(0)
    context.set_offline(False)
    timed.clock.fast_forward(40_000)
    expect(timed.get_by_role("alert")).to_be_hidden()


def test_a_first_visit_without_an_api_says_so_and_tries_again(visit: Visit, served: Product) -> None:
    visit.expected.add(f"{FAILED}: net::ERR_FAILED")
    page = visit.page
    page.clock.install()
    page.route("**/v1/**", lambda route: route.abort())
    page.goto(served.url)
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile("The server cannot be reached, or too many ask it at once. Trying again in [345] seconds.")
    )
    expect(page.locator("#summary")).to_have_text("No signals yet.")
    page.unroute("**/v1/**")
    page.clock.fast_forward(6_000)
    expect(page.locator(".card")).to_have_count(24)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_text_from_outside_stays_text(visit: Visit, served: Product) -> None:
    signal = served.signals()["BTC"]
    hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    served.cloud.store.put_explanation(
        Explanation(
            find_asset("BTC"), Timeframe.M5, BAR, Action(signal["action"]), hostile, "gemini", NOW + 10
        )
    )
    with serving(served.application()) as started_since:
        visit.page.goto(f"{started_since}/?asset=BTC")
        expect(visit.page.locator("dialog .why")).to_have_text(hostile)
        assert visit.page.title() == "Growfolio Signals"
        assert visit.page.locator("main img, dialog img, main script, dialog script").count() == 0


def test_what_limits_a_signal_is_said_on_its_card_and_in_full(visit: Visit, served: Product) -> None:
    store = served.cloud.store
    (record,) = [one for one in store.signals(Timeframe.M5) if one.asset.symbol == "BTC"]
    assert record.signal
    limited = replace(record.signal, caveats=("its price is disputed",))
    other = replace(limited, model=ModelRef("other", "f" * 40), generated_at=limited.generated_at + 1)
    assert store.put_signal(other)
    with serving(served.application()) as started_since:
        visit.page.goto(f"{started_since}/?asset=BTC")
        expect(visit.page.locator('li[data-symbol="BTC"] .status')).to_have_text("Its price is disputed.")
        expect(visit.page.locator("dialog .status")).to_have_text("Its price is disputed.")


@pytest.mark.parametrize("path", ["explanations", "assets", "markets"])
def test_signals_show_when_another_part_does_not_answer(
    visit: Visit, context: BrowserContext, served: Product, path: str
) -> None:
    visit.expected.add(f"{FAILED}: the server responded with a status of 503 (Service Unavailable)")
    visit.page.route(f"**/v1/{path}**", lambda route: route.fulfill(status=503, json={"detail": "busy"}))
    visit.page.goto(f"{served.url}/?asset=BTC")
    expect(visit.page.locator(".card")).to_have_count(24)
    expect(visit.page.get_by_role("alert")).to_be_hidden()
    expect(visit.page.locator("dialog .verdict")).to_be_visible()


def test_a_request_that_hangs_ends_with_a_message_and_a_retry(visit: Visit, served: Product) -> None:
    page = visit.page
    page.clock.install()
    page.route("**/v1/overview", lambda route: None)
    with page.expect_request("**/v1/overview"):
        page.goto(served.url)
    page.clock.fast_forward(8_000)
    expect(page.get_by_role("alert")).to_contain_text("The server did not answer within 8 seconds.")
    page.unroute("**/v1/overview")
    page.get_by_role("button", name="Try now").click()
    expect(page.locator(".card")).to_have_count(24)
    expect(page.get_by_role("alert")).to_be_hidden()


def asked_for(page: Page) -> list[str]:
    """The addresses that the page asks the API for from now on."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if "/v1/" in request.url else None)
    return seen


def test_five_minutes_cost_at_most_four_rounds_of_one_request_though_nothing_ever_holds(
    timed: Page, served: Product
) -> None:
    timed.route(
        "**/v1/overview",
        lambda route: route.fulfill(
            json={"timeframe": "5m", "signals": [], "markets": []},
            headers={"Cache-Control": "max-age=5", "X-Now": "2024-09-05T18:00:25Z"},
        ),
    )
    timed.get_by_role("button", name="BTC").first.wait_for()
    asked = asked_for(timed)
    timed.clock.run_for(900_000)
    assert 4 <= len(asked) <= 12
    assert {address.rpartition("/")[2] for address in asked} == {"overview"}


def test_a_hidden_page_asks_nothing_and_asks_when_it_is_seen_again(timed: Page, served: Product) -> None:
    hide = "state => Object.defineProperty(document, 'visibilityState', {value: state, configurable: true})"
    timed.evaluate(hide, "hidden")
    asked = asked_for(timed)
    timed.clock.fast_forward(1_200_000)
    timed.evaluate("() => new Promise((done) => queueMicrotask(done))")
    assert asked == []
    timed.evaluate(hide, "visible")
    with timed.expect_request("**/v1/overview"):
        timed.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
