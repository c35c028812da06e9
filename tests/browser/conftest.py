"""Headless Chromium, and the product that it looks at."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.product import Product, product
from tests.patience import HANG
from tests.real import candles_folder

expect.set_options(timeout=1000 * HANG)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
"""CI runs as root, where Chromium has no sandbox; and nothing but our own server is to be reached."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path: CHROMIUM, or Debian's."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.fail("no Chromium: `make browser` installs it, or set CHROMIUM to its path")
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Product]:
    """Real candles of 5 September 2024 where there are any, else simulated ones; 14:00:25 in New York."""
    with product(candles_folder()) as running:
        yield running


@dataclass
class Visit:
    """A page under watch: what it complains about fails the test, unless the test expects it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("console", lambda said: self._note(said.text if said.type == "error" else ""))

    def _note(self, complaint: str) -> None:
        if complaint and complaint not in self.expected:
            self.complaints.append(complaint)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    desktop: ViewportSize = {"width": 1280, "height": 900}
    made = browser.new_context(timezone_id="America/New_York", locale="en-GB", viewport=desktop)
    made.set_default_timeout(1000 * HANG)
    yield made
    made.close()


@pytest.fixture
def visit(context: BrowserContext) -> Iterator[Visit]:
    made = Visit(context.new_page())
    yield made
    assert made.complaints == [], "the page complained"


@pytest.fixture
def page(visit: Visit, served: Product) -> Page:
    """The dashboard with its signals loaded."""
    visit.page.goto(served.url)
    visit.page.locator(".card").first.wait_for()
    return visit.page
