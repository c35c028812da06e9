"""`make run HOURS=…`: refreshes through a history, settles, and stands at its end."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.times import BAR, HOUR
from growfolio.settings import Settings
from signals_api import record_contract
from signals_api.application import create_app

from infra.local.cloud import LocalCloud
from infra.local.history import History, lines_of, record_table, settled
from tests.bars import moment

SATURDAY = moment("2024-09-07 02:00")
COINS = len(assets_of(Market.CRYPTO))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """An hour of a made-up market in which no stock trades."""
    cache: Path = tmp_path_factory.mktemp("models")
    history = History(Settings(source="simulated", model_cache=str(cache), table="unused"))
    notes = history.run(SATURDAY, SATURDAY + HOUR)
    assert notes == ["GROWFOLIO_MODEL_REPOSITORY is not set: the starter models serve"]
    return history


def test_every_signal_whose_horizon_has_closed_is_settled_and_counted_apart(history: History) -> None:
    records = history.records()
    assert settled(records) == COINS * (11 + 4)
    counted = {(one["market"], one["timeframe"], one["kind"]): one["scored"] for one in lines_of(records)}
    assert counted == {("crypto", "5m", "simulated"): 11 * COINS, ("crypto", "15m", "simulated"): 4 * COINS}


def test_the_record_is_printed_with_each_number_beside_the_one_that_needs_no_model(history: History) -> None:
    head, row, few = record_table(history.records()).splitlines()
    assert head.split()[:6] == ["market", "bars", "counted", "settled", "accuracy", "log-loss"]
    assert "110 of 110" in row
    assert "too few: 40 of 100 settled signals" in few


def test_the_api_serves_record_and_outcomes_and_the_clock_goes_on(history: History) -> None:
    now = SATURDAY + HOUR + BAR + 5
    cloud = LocalCloud(Settings(source="simulated", table="unused"), lambda: now, history)
    assert cloud.refresh()["written"] == COINS
    client = TestClient(create_app(cloud.store, cloud.clock, cloud.settings))
    record_contract.Record.model_validate_json(client.get("/v1/record").text)
    newest, before, *_ = client.get("/v1/signals/BTC/history").json()["signals"]
    assert newest["outcome"] is None
    assert before["outcome"]["status"] == "scored"
    assert len(cloud.signals()) == len(Timeframe) * (COINS + len(assets_of(Market.STOCKS)))
