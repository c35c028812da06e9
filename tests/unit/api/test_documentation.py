"""The OpenAPI document says what the API does."""

import re
from typing import Any

import pytest
from signals_api import contract, extension_contract, overview_contract, record_contract

from tests.unit.api.conftest import Api


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get("/openapi.json").json()
    return found


def test_every_route_is_documented_with_its_parameters(document: dict[str, Any]) -> None:
    parameters = {
        path: [parameter["name"] for parameter in item["get"].get("parameters", [])]
        for path, item in document["paths"].items()
        if "get" in item
    }
    assert parameters == {
        "/v1/signals": ["timeframe", "symbols", "min_confidence"],
        "/v1/signals/{symbol}": ["symbol", "timeframe"],
        "/v1/signals/{symbol}/history": ["symbol", "timeframe", "limit", "cursor"],
        "/v1/overview": ["timeframe"],
        "/v1/explanations": ["timeframe", "symbols"],
        "/v1/markets/{symbol}": ["symbol"],
        "/v1/markets": [],
        "/v1/record": ["timeframe", "market"],
        "/v1/assets": [],
        "/v1/health": [],
    }


def test_the_extensions_routes_are_documented_with_their_bodies(document: dict[str, Any]) -> None:
    posted = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    bodies = {
        path: route["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, route in posted.items()
    }
    assert bodies == {"/analyze_trader_type": "AnalyzeRequest", "/recommend_stock": "RecommendRequest"}
    assert set(document["components"]["schemas"]["AnalyzeRequest"]["properties"]) >= {"trader_type", "limit"}


def test_every_schema_that_is_referred_to_is_there(document: dict[str, Any]) -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert {"Signals", "AssetSignals", "History", "Assets", "Health", "Problem"} <= names
    assert names <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    "schema",
    [
        *contract.ANSWERS,
        *overview_contract.ANSWERS,
        *record_contract.ANSWERS,
        *extension_contract.ANSWERS,
    ],
    ids=lambda schema: schema.__name__,
)
def test_every_answer_has_an_example_that_fits_its_schema(
    document: dict[str, Any], schema: type[contract.Answer]
) -> None:
    (example,) = document["components"]["schemas"][schema.__name__]["examples"]
    schema.model_validate(example, strict=False)


def test_errors_are_documented_where_they_can_happen(document: dict[str, Any]) -> None:
    answers = {
        path: set(route["responses"]) for path, item in document["paths"].items() for route in item.values()
    }
    assert answers["/v1/signals"] == {"200", "404", "413", "422", "500", "503"}
    assert answers["/v1/assets"] == {"200", "413", "422", "500"}
    assert answers["/analyze_trader_type"] == {"200", "400", "404", "413", "415", "422", "500", "503"}
