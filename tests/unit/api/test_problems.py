"""What a reader is told when there is no answer: what is wrong, and what to do."""

import pytest
from growfolio.domain.assets import ASSETS, Timeframe
from growfolio.domain.signals import SignalRecord
from growfolio.errors import PermanentStoreError, TemporaryStoreError

from tests.fakes.memory_store import MemoryStore
from tests.unit.api.conftest import EXTENSION, Api


class BrokenStore(MemoryStore):
    """A store that raises whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        raise self.error


@pytest.mark.parametrize(
    "path", ["/v1/signals?symbols=BTC,gme", "/v1/signals/gme", "/v1/signals/gme/history"]
)
def test_an_unknown_symbol_is_not_found_and_the_known_ones_are_named(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["title"]) == (404, 404, "Not Found")
    assert problem["type"] == "urn:growfolio:unknown-symbol"
    assert problem["instance"] == path.partition("?")[0]
    assert problem["detail"].startswith(f"no asset 'gme'; there are {ASSETS[0].symbol}, {ASSETS[1].symbol}")
    assert problem["known"] == [asset.symbol for asset in ASSETS]


@pytest.mark.parametrize(
    ("query", "parameter", "advice"),
    [
        ("timeframe=1h", "timeframe", "'5m'"),
        ("timeframe=", "timeframe", "'5m'"),
        ("min_confidence=101", "min_confidence", "less than or equal to 100"),
        ("min_confidence=-1", "min_confidence", "greater than or equal to 0"),
        ("min_confidence=nan", "min_confidence", ""),
        ("min_confidence=high", "min_confidence", "valid number"),
        ("symbols=", "symbols", "separated by commas"),
        ("symbols=AAPL,,BTC", "symbols", "separated by commas"),
        ("symbols=" + ",".join(["BTC"] * (len(ASSETS) + 1)), "symbols", f"at most {len(ASSETS)}"),
        ("symbols=BTC&" * (len(ASSETS) + 1), "symbols", f"at most {len(ASSETS)}"),
        ("timefrme=15m", "timefrme", "no such parameter"),
    ],
)
def test_a_bad_parameter_is_named_with_what_it_should_be(
    api: Api, query: str, parameter: str, advice: str
) -> None:
    answer = api.get(f"/v1/signals?{query}")
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["parameter"] == parameter
    assert advice in fault["detail"]
    assert fault["detail"] in answer.json()["detail"]
    assert api.store.reads == []


def test_all_bad_parameters_are_told_at_once(api: Api) -> None:
    faults = api.get("/v1/signals?timeframe=1h&min_confidence=x").json()["errors"]
    assert [fault["parameter"] for fault in faults] == ["timeframe", "min_confidence"]


def test_what_a_reader_sent_is_repeated_only_in_part(api: Api) -> None:
    for query in (f"timeframe={'x' * 5000}", f"symbols={'y' * 5000}", f"{'z' * 5000}=1"):
        assert len(api.get(f"/v1/signals?{query}").text) < 1000


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_method_that_a_route_does_not_have_is_refused_with_those_it_has(api: Api, method: str) -> None:
    answer = api.client.request(method, "/v1/signals")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["type"] == "urn:growfolio:method-not-allowed"


@pytest.mark.parametrize("path", ["/v1", "/v1/signals/", "/v2/signals", "/v1/signals/AAPL/history/", "/docs"])
def test_where_there_is_nothing_the_reader_is_pointed_to_the_document(api: Api, path: str) -> None:
    answer = api.client.get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert "/openapi.json" in answer.json()["detail"]


def test_a_store_that_does_not_answer_is_worth_another_try() -> None:
    answer = Api(BrokenStore(TemporaryStoreError("Query: ThrottlingException"))).get("/v1/signals")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:growfolio:store-busy"
    assert "Throttling" not in answer.text


@pytest.mark.parametrize(
    "error", [PermanentStoreError("AccessDenied: arn:aws:iam::123456789012:role/api"), KeyError("secret")]
)
def test_our_own_failure_is_logged_and_tells_the_reader_nothing_of_our_insides(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    answer = Api(BrokenStore(error)).get("/v1/signals", origin=EXTENSION)
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:growfolio:unexpected"
    assert "arn:" not in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["access-control-allow-origin"] == EXTENSION, "or the extension could not read it"
    (logged,) = (record for record in caplog.records if record.name == "api")
    assert (logged.levelname, logged.exc_info and logged.exc_info[1]) == ("ERROR", error)
