"""The page: what of it can be told without a browser."""

import re
from pathlib import Path

import pytest
import signals_api

from tests.unit.api.conftest import Api

FOLDER = Path(signals_api.__file__).parent / "page"
FILES = sorted(path.name for path in FOLDER.iterdir())
SCRIPTS = [name for name in FILES if name.endswith(".js")]


def served(api: Api, name: str) -> str:
    """The address of one of the page's files."""
    page = api.client.get("/").text
    found = re.search(r'href="(/static/\w+)/style.css"', page)
    assert found, page
    return f"{found[1]}/{name}"


def test_the_page_is_served_under_a_policy_that_lets_in_only_our_own(api: Api) -> None:
    answer = api.client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_everything_that_the_page_refers_to_is_there(api: Api) -> None:
    page = api.client.get("/").text
    referred = set(re.findall(r'(?:href|src)="(/static[^"]+)"', page))
    for script in SCRIPTS:
        imported = re.findall(r'from "\./([^"]+)"', (FOLDER / script).read_text())
        referred |= {served(api, name) for name in imported}
    assert {path.rpartition("/")[2] for path in referred} == set(FILES) - {"index.html"}
    for path in referred:
        answer = api.client.get(path)
        assert answer.status_code == 200
        kind = "text/javascript" if path.endswith(".js") else "text/css"
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    text = (FOLDER / name).read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"https?:|//\w+\.\w", text)
    assert "@import" not in text


@pytest.mark.parametrize("name", FILES)
def test_no_list_of_timeframes_or_assets_is_written_out(name: str) -> None:
    """The page asks the API which there are."""
    text = (FOLDER / name).read_text()
    assert re.findall(r"[\"'](?:5|15)m[\"']|AAPL|BTC", text) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_the_api_says_never_becomes_markup_or_code(name: str) -> None:
    ways = "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "Function("
    script = (FOLDER / name).read_text()
    assert [way for way in ways if way in script] == []


def test_the_page_itself_has_no_inline_script_or_style_that_the_policy_would_refuse() -> None:
    page = (FOLDER / "index.html").read_text()
    assert not re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|javascript:", page)


def test_a_reader_who_has_the_page_is_told_so(api: Api) -> None:
    tag = api.client.get("/").headers["etag"]
    again = api.client.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/static/0123456789abcdef/main.js", "{base}/secret.py", "{base}/..%2fapplication.py"]
)
def test_of_another_version_or_folder_nothing_is_served(api: Api, path: str) -> None:
    base = served(api, "").rstrip("/")
    answer = api.client.get(path.format(base=base))
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_costs_no_read_of_the_table(api: Api) -> None:
    api.client.get("/")
    api.client.get(served(api, "main.js"))
    assert api.store.reads == []
