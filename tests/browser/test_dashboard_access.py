"""The dashboard without a mouse, and without eyes."""

import re

from playwright.sync_api import Page, expect

from tests.browser.product import Product
from tests.browser.test_dashboard import percent


def test_all_can_be_done_by_keyboard(page: Page, served: Product) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the signals")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="5 min", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".card footer").first).to_contain_text("15 min")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="Crypto")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    first = page.locator(".card button").first
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.locator("svg.picture").wait_for()
    slider = page.get_by_role("slider", name="Bar")
    slider.focus()
    last = slider.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") not in (None, last)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(first).to_be_focused()
    expect(page).not_to_have_url(re.compile("asset="))


def test_focus_can_be_seen(page: Page) -> None:
    for _ in range(6):
        page.keyboard.press("Tab")
        outlined = page.evaluate(
            """() => {
              const e = document.activeElement;
              const styles = [e, e.nextElementSibling].filter(Boolean).map((one) => getComputedStyle(one));
              styles.push(getComputedStyle(e, "::after"));
              return styles.some(({ outlineStyle }) => outlineStyle !== "none");
            }"""
        )
        assert outlined, page.evaluate("document.activeElement.outerHTML")


def test_everything_to_act_on_has_a_name(page: Page) -> None:
    tree = page.locator("body").aria_snapshot()
    assert not re.findall(r"- (?:button|link|radio|slider|dialog)(?::|$)", tree, re.MULTILINE)
    for name in ("Timeframe", "Market", "Action"):
        expect(page.get_by_role("group", name=name)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_text("Growfolio Signals")


def test_a_card_reads_well_aloud(page: Page, served: Product) -> None:
    symbol, signal = next((s, one) for s, one in served.signals().items() if one["status"] == "ok")
    article = page.get_by_role("article", name=re.compile(rf"^{symbol} "))
    expect(article.get_by_role("heading", level=3)).to_be_visible()
    spoken = article.aria_snapshot()
    assert f"{percent(max(signal['probabilities'].values()))} confidence" in spoken
    assert "▲" not in spoken
    assert "▼" not in spoken


def test_how_many_signals_there_are_is_said_once_for_each_change(page: Page) -> None:
    status = page.get_by_role("status").first
    expect(status).to_contain_text("current:")
    page.evaluate(
        """() => {
          const summary = document.querySelector("#summary");
          window.said = [];
          new MutationObserver(() => window.said.push(summary.textContent))
            .observe(summary, { childList: true, characterData: true, subtree: true });
        }"""
    )
    before = status.inner_text()
    page.get_by_role("group", name="Market").get_by_text("Crypto").click()
    expect(status).not_to_have_text(before)
    # Whatever the click set off is drawn, and the observer has heard of it.
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    assert len(page.evaluate("window.said")) == 1


def test_the_picture_is_described_in_words(page: Page, served: Product) -> None:
    page.locator('#cards > li[data-symbol="BTC"] button').click()
    bars = served.get("/v1/markets/BTC")["bars"]
    picture = page.get_by_role("img", name=re.compile(f"^{len(bars)} bars of 5 minutes of Bitcoin"))
    expect(picture).to_be_visible()
