"""A browser extension without host permissions: what it may read is decided by the API's CORS alone."""

import hashlib
import json
import shutil
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Response
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.browser.conftest import FLAGS
from tests.browser.product import Product, product, serving
from tests.real import candles_folder

FOLDER = Path(__file__).parent / "extension"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text())

FOREIGN_PAGE = """<!doctype html><title>foreign</title><p id="state">asking</p><script>
fetch(new URLSearchParams(location.search).get("api") + "/v1/signals")
  .then((answer) => answer.json())
  .then((body) => { document.querySelector("#state").textContent = `read ${body.signals.length}`; })
  .catch((error) => { document.querySelector("#state").textContent = `refused: ${error.message}`; });
</script>"""


def extension_id(identity: bytes) -> str:
    """How Chromium names an extension: the first half of a SHA-256 in letters a to p. It is of the
    manifest's key, or of the folder's path where there is none."""
    return "".join(chr(ord("a") + int(digit, 16)) for digit in hashlib.sha256(identity).hexdigest()[:32])


ID = extension_id(b64decode(MANIFEST["key"]))


@pytest.fixture(scope="module")
def allowing() -> Iterator[Product]:
    """The product as it is configured for the extension."""
    with product(candles_folder(), f"chrome-extension://{ID}") as running:
        yield running


@contextmanager
def chromium_with(
    folder: Path, playwright: Playwright, chromium: str, profile: Path
) -> Iterator[BrowserContext]:
    """A browser in which the unpacked extension of this folder is installed."""
    loading = [f"--disable-extensions-except={folder}", f"--load-extension={folder}"]
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=chromium,
        headless=False,
        args=["--headless=new", "--disable-component-update", "--disable-sync", *FLAGS, *loading],
        ignore_default_args=["--disable-extensions"],
    )
    try:
        yield context
    finally:
        context.close()


def panel(context: BrowserContext, extension: str, api: str) -> Page:
    page = context.new_page()
    page.goto(f"chrome-extension://{extension}/panel.html?api={api}")
    expect(page.locator("#state")).not_to_have_text("asking")
    return page


def test_the_extension_asks_for_no_permission_that_would_go_around_cors() -> None:
    assert not {"host_permissions", "permissions", "optional_host_permissions", "content_scripts"} & set(
        MANIFEST
    )


def test_the_extension_reads_signals_predictions_and_explanations(
    allowing: Product, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    with chromium_with(FOLDER, playwright, chromium, tmp_path / "profile") as context:
        page = panel(context, ID, allowing.url)
        expect(page.locator("#state")).to_have_text("done")
        lines = page.locator("#signals li").all_inner_texts()
        signals = allowing.signals("15m").values()
        assert lines == [f"{one['symbol']} {one['action']} {one['status']}" for one in signals]
        assert page.locator("#again").inner_text() == "304", "it could read the tag, and send it"
        assert page.locator("#predictions li").count() == 5
        explained, _, _ = page.locator("#explanation").inner_text().partition(" No edge in direction")
        assert explained.count(". ") == 2


def test_another_extension_is_refused(
    allowing: Product, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    shutil.copytree(FOLDER, folder)
    (folder / "manifest.json").write_text(json.dumps({k: v for k, v in MANIFEST.items() if k != "key"}))
    other = extension_id(str(folder).encode())
    with chromium_with(folder, playwright, chromium, tmp_path / "profile") as context:
        page = panel(context, other, allowing.url)
        expect(page.locator("#state")).to_have_text("refused: Failed to fetch")
        assert page.locator("li").count() == 0


@contextmanager
def foreign_site() -> Iterator[str]:
    """A web page of somebody else's."""
    site = FastAPI()

    @site.get("/")
    async def show() -> Response:
        return Response(FOREIGN_PAGE, media_type="text/html")

    with serving(site) as url:
        yield url


def test_a_foreign_web_page_is_refused_unless_its_origin_is_allowed(
    allowing: Product, context: BrowserContext
) -> None:
    with foreign_site() as site, serving(allowing.application(site)) as open_to_it:
        state = context.new_page().locator("#state")
        state.page.goto(f"{site}/?api={allowing.url}")
        expect(state).to_have_text("refused: Failed to fetch")
        state.page.goto(f"{site}/?api={open_to_it}")
        expect(state).to_have_text("read 24")
