"""What a person sees on the dashboard, beside what the API serves to anybody."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import pytest
from growfolio.domain.signals import in_ticks
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Visit
from tests.browser.product import NOW, Product, product
from tests.real import candles_folder

WORDS = {"BUY": "Buy", "SELL": "Sell", "HOLD": "Hold"}


def shown(page: Page) -> list[str]:
    """The symbols of the cards, in their order."""
    return [str(card.get_attribute("data-symbol")) for card in page.locator("#cards > li").all()]


def card(page: Page, symbol: str) -> str:
    return page.locator(f'#cards > li[data-symbol="{symbol}"]').inner_text()


def written(price: float, beside: float) -> str:
    """A price as the page writes it: with the decimals of the price beside it, and commas."""
    places = -int(in_ticks(beside).as_tuple().exponent)
    return f"{Decimal(repr(price)):,.{places}f}"


def percent(share: float) -> str:
    """Whole per cent, rounded once, as explanations have them too."""
    return f"{100 * Decimal(repr(share)):.0f} %"


def choose(page: Page, group: str, name: str) -> None:
    page.get_by_role("group", name=group).get_by_text(name, exact=True).click()


def test_every_asset_has_a_card_that_says_what_the_api_says(page: Page, served: Product) -> None:
    signals = served.signals()
    assert sorted(shown(page)) == sorted(signals)
    for symbol, signal in signals.items():
        text = card(page, symbol)
        if signal["price"] is None:
            assert "No signal" in text
            assert signal["reasons"][0] not in text
            continue
        assert WORDS[signal["action"]] in text
        assert percent(max(signal["probabilities"].values())) in text
        for number in ("price", "buy_target", "sell_target", "stop_loss"):
            assert written(signal[number], signal["price"]) in text
        assert "5 min bar of 14:00" in text


def test_current_signals_come_first_and_those_to_act_on_before_the_rest(page: Page, served: Product) -> None:
    signals = served.signals("15m")
    choose(page, "Timeframe", "15 min")
    expect(page.locator(".card footer").first).to_contain_text("15 min")
    ranks = [
        2 if signals[symbol]["status"] != "ok" else 1 if signals[symbol]["action"] == "HOLD" else 0
        for symbol in shown(page)
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) > 1, "otherwise this shows nothing"


@pytest.mark.parametrize(
    ("market", "action"),
    [("Stocks", "All"), ("Crypto", "All"), ("All", "Hold"), ("All", "Sell"), ("Crypto", "Buy")],
)
def test_filters_leave_the_cards_that_were_asked_for(
    page: Page, served: Product, market: str, action: str
) -> None:
    choose(page, "Timeframe", "15 min")
    choose(page, "Market", market)
    choose(page, "Action", action)
    expect(page.locator(".card footer", has_text="5 min bar").filter(has_not_text="15 min")).to_have_count(0)
    wanted = {
        symbol
        for symbol, signal in served.signals("15m").items()
        if market in ("All", signal["market"].capitalize())
        and (action == "All" or (signal["price"] is not None and signal["action"] == action.upper()))
    }
    assert set(shown(page)) == wanted
    assert page.locator("#nothing").is_visible() is (not wanted)
    if not wanted:
        page.get_by_role("button", name="Show all").click()
        assert len(shown(page)) == len(served.signals("15m"))


def test_the_actions_of_the_tests_moment_are_not_all_the_same(served: Product) -> None:
    """Or filters by action would be shown by nothing."""
    assert len({one["action"] for one in served.signals("15m").values() if one["status"] == "ok"}) > 1


def test_there_is_a_button_for_each_timeframe_that_the_api_has(
    visit: Visit, page: Page, served: Product
) -> None:
    refusal = f"422 ({HTTPStatus(422).phrase})"
    visit.expected.add(f"Failed to load resource: the server responded with a status of {refusal}")
    timeframes = served.get("/v1/assets")["timeframes"]
    buttons = page.get_by_role("group", name="Timeframe").locator("label")
    expect(buttons).to_have_text([f"{timeframe.removesuffix('m')} min" for timeframe in timeframes])
    expect(page.get_by_role("radio", name="5 min", exact=True)).to_be_checked()
    page.route("**/v1/assets", lambda route: route.fulfill(json={"assets": [], "timeframes": ["15m", "30m"]}))
    page.goto(f"{served.url}/?timeframe=30m")
    expect(buttons).to_have_text(["15 min", "30 min"])
    expect(page.get_by_role("radio", name="30 min")).to_be_checked()
    page.goto(f"{served.url}/?timeframe=7m")
    expect(page.get_by_role("radio", name="15 min")).to_be_checked()


def test_what_was_chosen_is_in_the_address_and_comes_back_with_it(page: Page) -> None:
    choose(page, "Market", "Crypto")
    choose(page, "Timeframe", "15 min")
    assert page.url.endswith("/?timeframe=15m&market=crypto")
    page.reload()
    expect(page.locator(".card footer").first).to_contain_text("15 min")
    expect(page.get_by_role("radio", name="Crypto")).to_be_checked()
    assert "AAPL" not in shown(page)


def test_prices_that_are_not_of_now_are_said_to_be_so(page: Page, served: Product) -> None:
    origin = page.locator("#origin")
    expect(origin).to_be_visible()
    expect(origin).to_contain_text("Replay of recorded candles" if served.replayed else "Simulated market")
    badges = page.locator(".card .badge", has_text="Simulated")
    assert badges.count() == (0 if served.replayed else 24)
    in_sample = sum(bool(signal["in_sample"]) for signal in served.signals().values())
    assert page.locator(".card .badge", has_text="Seen in training").count() == in_sample


def test_the_state_of_the_markets_is_told(page: Page, served: Product) -> None:
    markets = page.get_by_role("list", name="Markets")
    for state in served.get("/v1/markets")["markets"]:
        share = percent(state["fresh_share"])
        expect(markets).to_contain_text(f"{state['market'].capitalize()} open · {share} current")


def open_detail(page: Page, symbol: str) -> None:
    page.locator(f'#cards > li[data-symbol="{symbol}"] button').click()
    page.locator("dialog svg.picture").wait_for()


def given_once(served: Product, action: str) -> tuple[str, str] | None:
    """A timeframe and a symbol to which the action is given now, if there is one."""
    for timeframe in ("5m", "15m"):
        for symbol, signal in served.signals(timeframe).items():
            if (signal["status"], signal["action"]) == ("ok", action):
                return timeframe, symbol
    return None


@contextmanager
def when_given(action: str) -> Iterator[tuple[Product, str, str]]:
    """The product at a moment at which an asset is given the action; the asset's timeframe and symbol."""
    for quarters in range(12):
        with product(candles_folder(), now=NOW - 900 * quarters) as served:
            if found := given_once(served, action):
                yield served, *found
                return
    pytest.fail(f"nothing is a {action} in three hours: choose another day")


@pytest.mark.parametrize("action", ["BUY", "SELL"])
def test_a_chosen_asset_shows_its_bars_with_the_signals_that_were_given_and_the_targets(
    visit: Visit, action: str
) -> None:
    with when_given(action) as (served, timeframe, symbol):
        shown_as_given(visit, served, timeframe, symbol, action)


def shown_as_given(visit: Visit, served: Product, timeframe: str, symbol: str, action: str) -> None:
    page = visit.page
    signal = served.signals(timeframe)[symbol]
    bars = served.get(f"/v1/markets/{symbol}")["bars"]
    past = served.get(f"/v1/signals/{symbol}/history?timeframe={timeframe}&limit=78")["signals"]
    page.goto(f"{served.url}/?timeframe={timeframe}&asset={symbol}")
    expect(page.locator("svg .candle")).to_have_count(len(bars))
    closes = {bar["close_time"] for bar in bars}
    for kind in ("buy", "sell"):
        given = [one for one in past if one["action"] == kind.upper() and one["bar_close"] in closes]
        assert page.locator(f"svg .marker.{kind}").count() == len(given)
    tags = page.locator("svg .tag text").all_text_contents()
    levels = (signal[name] for name in ("sell_target", "price", "buy_target", "stop_loss"))
    assert sorted(tags) == sorted(written(level, bars[-1]["close"]) for level in levels)
    rows = page.locator("dialog tbody tr")
    assert rows.count() == min(12, len(past))
    assert WORDS[action] in rows.first.inner_text()


def test_each_bar_can_be_read_by_pointer(page: Page, served: Product) -> None:
    open_detail(page, "BTC")
    bars = served.get("/v1/markets/BTC")["bars"]
    box = page.locator("svg.picture").bounding_box()
    assert box
    page.mouse.move(box["x"] + 12, box["y"] + 100)
    expect(page.locator(".reading")).to_contain_text(f"close {bars[0]['close']:,.2f}")


def test_an_address_with_an_asset_opens_it(visit: Visit, served: Product) -> None:
    visit.page.goto(f"{served.url}/?asset=BTC")
    expect(visit.page.get_by_role("dialog", name="BTC Bitcoin")).to_be_visible()
    visit.page.goto(f"{served.url}/?asset=NOPE")
    visit.page.locator(".card").first.wait_for()
    expect(visit.page.get_by_role("dialog")).to_have_count(0)


def test_changing_the_timeframe_changes_the_open_asset_too(visit: Visit, served: Product) -> None:
    visit.page.goto(f"{served.url}/?timeframe=15m&asset=BTC")
    signal = served.signals("15m")["BTC"]
    expect(visit.page.locator("dialog .why")).to_contain_text("on 15-minute bars")
    expect(visit.page.locator("dialog .action").first).to_contain_text(WORDS[signal["action"]])


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.parametrize("asset", ["", "?asset=SHIB"])
def test_nothing_is_wider_than_a_phone(
    context: BrowserContext, served: Product, width: int, asset: str
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{served.url}/{asset}")
    page.locator("svg.picture" if asset else ".card").first.wait_for()
    wider = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((e) => e.checkVisibility() && !e.closest(".hidden, legend, .skip, input"))
            .filter((e) => e.getBoundingClientRect().right > innerWidth + 1
                || (e.clientWidth && e.scrollWidth > e.clientWidth + 1))
            .map((e) => e.tagName + "." + e.getAttribute("class"))"""
    )
    assert wider == []


CONTRAST = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility() && !e.closest("svg, noscript, .hidden"))
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .map((e) => {
      const [a, b] = [luminance(channels(getComputedStyle(e).color)), luminance(behind(e))];
      return [e.tagName + "." + e.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
}"""
"""WCAG 2.2's contrast ratio of every text with what is behind it."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("asset", ["", "?asset=BTC"])
def test_all_text_can_be_read_in_light_and_in_dark(
    context: BrowserContext, served: Product, scheme: Any, asset: str
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{served.url}/{asset}")
    page.locator("svg.picture" if asset else ".card").first.wait_for()
    found = page.evaluate(CONTRAST)
    assert len(found) > 50
    assert [entry for entry in found if entry[1] < 4.5] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)))
    assert (brightness < 120) is (scheme == "dark")
