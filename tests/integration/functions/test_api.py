"""The API's function as AWS calls it: HTTP API events in, over a table that speaks DynamoDB's protocol."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from growfolio.domain.assets import ASSETS, Market, Timeframe, find_asset
from growfolio.domain.calendar import market_hours
from growfolio.settings import Settings
from growfolio.storage.client import READER_PATIENCE
from growfolio.storage.dynamodb import DynamoStore

from functions.api.app import Handler, make_handler
from infra.template import load
from tests.dynamodb import PATIENT, FreshTable, answering, client_of
from tests.http_api import LambdaContext, http_event
from tests.patience import HANG
from tests.samples import BAR, a_failure, a_market, a_signal

ROOT = Path(__file__).parents[3]
EXTENSION = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
NOW = BAR + 30

Ask = Callable[..., dict[str, Any]]
"""An event in, the answer to API Gateway out."""


def fill(store: DynamoStore, bar_close: int) -> None:
    """What refreshes of both markets leave behind."""
    for market in Market:
        store.put_hours(market_hours(market, bar_close))
    for asset in ASSETS[:-1]:
        store.put_signal(a_signal(asset.symbol, bar_close=bar_close))
    store.put_signal(a_signal("SHIB", bar_close=bar_close, price="0.0000134500"))
    store.note_attempt(find_asset("LOW"), Timeframe.M15, a_failure(bar_close))


@pytest.fixture
def table(moto_table: FreshTable) -> FreshTable:
    """A table that a refresh has just filled."""
    fill(moto_table.store, BAR)
    return moto_table


@pytest.fixture
def handler(table: FreshTable) -> Handler:
    return make_handler(table.store, lambda: NOW, Settings(stage="test", allowed_origins=(EXTENSION,)))


@pytest.fixture
def ask(handler: Handler) -> Ask:
    return lambda path, **request: handler(http_event(path, **request), LambdaContext())


def test_all_signals_of_a_timeframe_are_served_from_the_table(ask: Ask) -> None:
    answer = ask("/v1/signals?timeframe=5m")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["cache-control"] == "public, max-age=270"
    signals = json.loads(answer["body"])["signals"]
    assert [signal["symbol"] for signal in signals] == [asset.symbol for asset in ASSETS]
    assert {signal["status"] for signal in signals} == {"ok"}
    assert '"price":0.00001345,' in answer["body"]


def test_query_strings_arrive_as_they_were_sent(ask: Ask) -> None:
    answer = ask("/v1/signals?timeframe=15m&symbols=BTC%2FUSDT%2Clow&symbols=eth&min_confidence=0.0")
    signals = json.loads(answer["body"])["signals"]
    assert [(s["symbol"], s["timeframe"]) for s in signals] == [
        ("BTC", "15m"),
        ("LOW", "15m"),
        ("ETH", "15m"),
    ]
    assert signals[1]["reasons"] == ["yahoo did not answer"]


def test_an_escaped_path_names_its_asset(ask: Ask) -> None:
    answer = ask("/v1/signals/%62tc-usdt")
    assert [s["symbol"] for s in json.loads(answer["body"])["signals"]] == ["BTC", "BTC"]


def test_a_history_is_read_page_by_page(ask: Ask, table: FreshTable) -> None:
    for bars_ago in range(1, 5):
        table.store.put_history(a_signal(bar_close=BAR - 300 * bars_ago))
    first = json.loads(ask("/v1/signals/AAPL/history?limit=3")["body"])
    second = json.loads(ask(f"/v1/signals/AAPL/history?limit=3&cursor={first['next_cursor']}")["body"])
    closes = [signal["bar_close"] for signal in first["signals"] + second["signals"]]
    assert (len(closes), len(set(closes)), second["next_cursor"]) == (5, 5, None)


def test_a_reader_who_has_the_answer_is_told_so(ask: Ask) -> None:
    tag = ask("/v1/signals")["headers"]["etag"]
    again = ask("/v1/signals", headers={"if-none-match": tag})
    assert (again["statusCode"], again["body"], again["headers"]["etag"]) == (304, "", tag)


def test_the_unknown_is_a_problem_in_plain_text(ask: Ask) -> None:
    answer = ask("/v1/signals/GME")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (404, False)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"])["instance"] == "/v1/signals/GME"


def test_a_body_in_base64_does_not_confuse_the_routes(ask: Ask) -> None:
    answer = ask("/v1/signals", method="POST", body=b"\x00\xff{")
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "GET, HEAD")


def test_cors_is_the_applications_own(ask: Ask) -> None:
    request = {"origin": EXTENSION, "access-control-request-method": "GET"}
    assert ask("/v1/signals", method="OPTIONS", headers=request)["statusCode"] == 200
    assert ask("/v1/signals", headers=request)["headers"]["access-control-allow-origin"] == EXTENSION
    foreign = ask("/v1/signals", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign["headers"]


@pytest.mark.parametrize(("keeps", "costs"), [(3600, []), (0, ["Query"])])
def test_a_warm_reader_costs_no_request_and_without_keeping_anything_one_query(
    table: FreshTable, keeps: int, costs: list[str]
) -> None:
    handler = make_handler(table.store, lambda: NOW, Settings(stage="test", reader_cache_seconds=keeps))
    handler(http_event("/v1/signals"), LambdaContext())
    with table.requests() as sent:
        assert handler(http_event("/v1/signals"), LambdaContext())["statusCode"] == 200
    assert sent == costs


def test_the_picture_of_a_market_is_read_from_the_table(ask: Ask, table: FreshTable) -> None:
    table.store.put_market(a_market("SHIB", price="0.0000134500"))
    market = json.loads(ask("/v1/markets/shib")["body"])
    assert (market["price_source"], len(market["bars"])) == ("replay close", 3)


def test_the_page_and_its_files_go_out_as_text(ask: Ask) -> None:
    page = ask("/")
    assert (page["statusCode"], page["isBase64Encoded"]) == (200, False)
    assert page["headers"]["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page["body"])
    assert len(files) == 2
    assert [(ask(file)["statusCode"], ask(file)["isBase64Encoded"]) for file in files] == [(200, False)] * 2


def test_the_extension_posts_and_is_answered(ask: Ask) -> None:
    body = json.dumps({"trader_type": "day_trader", "timeframe": "5min", "user_profile": {}}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "origin": EXTENSION}
    answer = ask("/analyze_trader_type", method="POST", body=body, headers=headers)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["headers"]["access-control-allow-origin"] == EXTENSION
    assert len(json.loads(answer["body"])["analysis"]["predictions"]) == 5


def test_a_table_that_is_gone_is_our_failure_and_names_the_request(table: FreshTable) -> None:
    handler = make_handler(DynamoStore("no-such-table", table.client), lambda: NOW, Settings(stage="test"))
    answer = handler(http_event("/v1/signals"), LambdaContext())
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["request_id"]) == (500, "JKJaXmPLvHcESHA=")
    assert "no-such-table" not in answer["body"]


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b"{}"),
        (200, b""),
        (200, b'{"Items": [{"pk"'),
        (200, b'{"Count": 0}'),
        (200, b'{"Items": null}'),
        (200, b"<html>Bad Gateway</html>"),
        (503, b'{"__type": "ServiceUnavailable"}'),
        (400, b'{"__type": "ThrottlingException"}'),
        (500, b""),
    ],
)
def test_an_answer_cut_short_is_a_table_that_does_not_answer(
    table: FreshTable, status: int, content: bytes
) -> None:
    """botocore reads an answer that ended early as one without members."""
    client = client_of(table.endpoint, PATIENT.merge(Config(retries={"total_max_attempts": 1})))
    handler = make_handler(DynamoStore(table.name, client), lambda: NOW, Settings(reader_cache_seconds=0))
    with answering(client, status, content):
        for path in ("/v1/signals", "/v1/markets/AAPL", "/v1/signals/AAPL/history", "/v1/health"):
            answer = handler(http_event(path), LambdaContext())
            assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "5"), path
    assert handler(http_event("/v1/signals"), LambdaContext())["statusCode"] == 200
    with answering(client, status, content):
        answer = handler(http_event("/v1/signals"), LambdaContext())
    (why,) = {reason for one in json.loads(answer["body"])["signals"] for reason in one["reasons"]}
    assert why == "the table does not answer, this is as it was read at 2024-09-05T18:00:30Z"


def test_a_silent_table_is_given_up_in_half_of_what_lambda_gives_a_request() -> None:
    """One request waits once: each try may take as long as connecting and reading, with a wait between."""
    patience: Any = READER_PATIENCE
    tries = patience.retries["total_max_attempts"]
    waits = sum(min(20, 2**number) for number in range(tries - 1))
    longest = tries * (patience.connect_timeout + patience.read_timeout) + waits
    timeout = load(ROOT / "template.yaml").properties("ApiFunction")["Timeout"]
    assert longest <= 0.6 * timeout


LAMBDA = """
import json, sys
import app
events, context = json.load(sys.stdin)
context = type("Context", (), context)()
answers = [app.handler(event, context) for event in events]
heavy = {"numpy", "pandas", "torch", "matplotlib", "boto3", "ccxt", "onnxruntime"} & set(sys.modules)
code = [app.__file__, sys.modules["signals_api"].__file__]
json.dump({"answers": answers, "heavy": sorted(heavy), "code": code}, sys.stderr)
"""


def on_lambda(
    task_root: Path, table: FreshTable, *events: dict[str, Any], **settings: str
) -> tuple[dict[str, Any], list[str]]:
    """What a fresh process with the function's folder as its root answers, and the lines it logged."""
    shutil.copytree(ROOT / "functions" / "api", task_root, ignore=shutil.ignore_patterns("__pycache__"))
    context = {name: getattr(LambdaContext(), name) for name in LambdaContext.__slots__}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LAMBDA],
        input=json.dumps([events, context]),
        capture_output=True,
        text=True,
        cwd=task_root,
        timeout=HANG,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(task_root), str(ROOT / "layers" / "core"))),
            "AWS_LAMBDA_FUNCTION_NAME": "growfolio-test-api",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_DYNAMODB": table.endpoint,
            "GROWFOLIO_TABLE": table.name,
            "GROWFOLIO_STAGE": "test",
            **settings,
        },
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr), done.stdout.splitlines()


def test_with_its_folder_as_root_the_function_serves_current_signals_and_logs_nothing(
    tmp_path: Path, moto_table: FreshTable
) -> None:
    """The machine's clock, the environment's settings, and nothing but the folder and the core layer."""
    fill(moto_table.store, int(time.time()) // 300 * 300)
    event = http_event("/v1/signals?symbols=BTC,SHIB")
    told, logged = on_lambda(tmp_path / "task", moto_table, event, event)
    assert all(path.startswith(str(tmp_path)) for path in told["code"])
    assert [answer["statusCode"] for answer in told["answers"]] == [200, 200]
    signals = json.loads(told["answers"][0]["body"])["signals"]
    assert [(signal["symbol"], signal["status"]) for signal in signals] == [("BTC", "ok"), ("SHIB", "ok")]
    assert told["heavy"] == [], "a reader must not wait for what it does not need"

    assert [line for line in logged if "_aws" in line] == [], "a custom metric is paid for while all is well"


def test_assets_and_timeframes_are_those_that_are_set_on_every_route(
    tmp_path: Path, moto_table: FreshTable
) -> None:
    """Another list, without 15m: nothing of the API or of its document names a timeframe by hand."""
    listed = {"timeframes": ["5m", "30m"], "stocks": {"IBM": "IBM"}, "crypto": {"BTC": "Bitcoin"}}
    catalogue = tmp_path / "assets_and_timeframes.json"
    catalogue.write_text(json.dumps(listed))
    headers = {"content-type": "text/plain;charset=UTF-8"}
    bodies = ({"trader_type": "day_trader", "timeframe": "30min"}, {"trader_type": "day_trader"})
    told, _ = on_lambda(
        tmp_path / "task",
        moto_table,
        *map(http_event, ("/v1/assets", "/v1/signals?timeframe=30m", "/v1/signals/ibm", "/openapi.json")),
        *(
            http_event("/analyze_trader_type", method="POST", headers=headers, body=json.dumps(body).encode())
            for body in bodies
        ),
        http_event("/v1/signals?timeframe=15m"),
        GROWFOLIO_ASSETS=str(catalogue),
    )
    assets, signals, asset, document, *analyses, unknown = told["answers"]
    assert json.loads(assets["body"])["timeframes"] == ["5m", "30m"]
    assert [signal["symbol"] for signal in json.loads(signals["body"])["signals"]] == ["IBM", "BTC"]
    assert [signal["timeframe"] for signal in json.loads(asset["body"])["signals"]] == ["5m", "30m"]
    assert [answer["statusCode"] for answer in analyses] == [200, 200]
    assert unknown["statusCode"] == 422
    assert "15m" not in document["body"]
    assert '"5min","30min"' in document["body"].replace(" ", "")
