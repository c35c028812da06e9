"""The API over a store in memory, at a moment that the test chooses."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient
from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.calendar import market_hours
from growfolio.settings import Settings
from signals_api import contract, extension_contract, overview_contract, record_contract
from signals_api.application import create_app

from tests.fakes.memory_store import MemoryStore
from tests.samples import BAR, a_signal

EXTENSION = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"

Answer = Any
"""An HTTP answer of the test client."""


@dataclass
class Api:
    """The API as its readers meet it. Every answer is held to the schema that documents it."""

    store: MemoryStore = field(default_factory=MemoryStore)
    now: int = BAR + 30
    keeps: int = 0
    """For how many seconds it keeps what it read: nothing, unless a test is about that."""

    def __post_init__(self) -> None:
        settings = Settings(allowed_origins=(EXTENSION,), fresh_share=0.8, reader_cache_seconds=self.keeps)
        self.client = TestClient(create_app(self.store, lambda: self.now, settings))

    def get(self, path: str, **headers: str) -> Answer:
        answer = self.client.get(path, headers={name.replace("_", "-"): v for name, v in headers.items()})
        if answer.status_code == 200:
            _schema_of(path).model_validate_json(answer.text)
        elif answer.status_code != 304:
            contract.Problem.model_validate_json(answer.text)
        return answer

    def post(self, path: str, body: object) -> Answer:
        """What the extension does; its answers are held to their schemas too."""
        headers = {"Origin": EXTENSION, "Content-Type": "application/json"}
        answer = self.client.post(path, content=json.dumps(body), headers=headers)
        schemas: dict[str, type[contract.Answer]] = {
            "/analyze_trader_type": extension_contract.Analysis,
            "/recommend_stock": extension_contract.Recommendation,
        }
        schema = schemas[path] if answer.status_code == 200 else contract.Problem
        schema.model_validate_json(answer.text)
        return answer

    def signals(self, query: str = "") -> list[dict[str, Any]]:
        signals: list[dict[str, Any]] = self.get(f"/v1/signals{query}").json()["signals"]
        return signals

    def refresh(self, bar_close: int, *markets: Market) -> None:
        """What a refresh of these markets leaves behind, all of them unless named."""
        for market in markets or Market:
            self.store.put_hours(market_hours(market, bar_close))
            for asset in assets_of(market):
                for timeframe in Timeframe:
                    if bar_close % timeframe.seconds == 0:
                        self.store.put_signal(a_signal(asset.symbol, timeframe, bar_close=bar_close))


def documented_paths(api: Api, method: str = "get") -> list[str]:
    """The paths that the document lists for a method, of AAPL where one names an asset."""
    paths = api.client.get("/openapi.json").json()["paths"]
    return [path.replace("{symbol}", "AAPL") for path, item in paths.items() if method in item]


READ_PATHS = documented_paths(Api())
"""Everything that can be read, so that a new route is tested too."""


def _schema_of(path: str) -> type[contract.Answer]:
    schemas: dict[str, type[contract.Answer]] = {
        "/v1/signals": contract.Signals,
        "/v1/explanations": contract.Explanations,
        "/v1/markets": contract.Markets,
        "/v1/overview": overview_contract.Overview,
        "/v1/record": record_contract.Record,
        "/v1/assets": contract.Assets,
        "/v1/health": contract.Health,
    }
    route = path.partition("?")[0]
    if route.startswith("/v1/markets/"):
        return contract.MarketPicture
    return schemas.get(route, contract.History if route.endswith("/history") else contract.AssetSignals)


@pytest.fixture
def api() -> Api:
    """An API over an empty store, half a minute after the bar of the samples had closed."""
    return Api()
