"""The list of assets and timeframes: what a file may say, and what a slip in it is answered with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from growfolio.domain.assets import ASSETS, Market, Timeframe, find_asset
from growfolio.domain.catalogue import OWN, Catalogue, catalogue, parse
from growfolio.domain.timeframes import LENGTHS, check_timeframes
from growfolio.errors import ConfigurationError

SMALL: dict[str, Any] = {
    "timeframes": ["5m", "30m"],
    "stocks": {"BRK-B": "Berkshire"},
    "crypto": {"BTC": "Bitcoin"},
}


def test_the_assets_are_those_of_the_file_by_market_in_its_order() -> None:
    listed = json.loads(Path(os.environ.get("GROWFOLIO_ASSETS") or OWN).read_text())
    assert [asset.symbol for asset in ASSETS] == [*listed["stocks"], *listed["crypto"]]
    assert [timeframe.value for timeframe in Timeframe] == listed["timeframes"]


def test_a_setting_names_another_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(SMALL | {"market": "ignored"}))
    assert catalogue({"GROWFOLIO_ASSETS": str(path)}) == Catalogue(
        ("5m", "30m"), (("BRK-B", "stocks", "Berkshire"), ("BTC", "crypto", "Bitcoin"))
    )


def test_a_process_has_the_assets_and_timeframes_of_the_file_that_is_set(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(SMALL))
    code = (
        "from growfolio.domain.assets import ASSETS, Timeframe, find_asset\n"
        "print(*Timeframe, *(t.name for t in Timeframe), *(t.minutes for t in Timeframe))\n"
        "print(*(a.id for a in ASSETS), find_asset('brk-b').symbol, find_asset('BRK-B').pair)"
    )
    environ = os.environ | {"GROWFOLIO_ASSETS": str(path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines() == ["5m 30m M5 M30 5 30", "BRK-B BTC_USDT BRK-B BRK-B"]


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_divides_a_session_and_a_half_day(length: str) -> None:
    minutes = int(length.removesuffix("m"))
    assert minutes % 5 == 0
    assert 390 % minutes == 210 % minutes == 0


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"timeframes": ["15m"]}, "5m among them"),
        ({"timeframes": ["5m", "5m"]}, "each timeframe once"),
        ({"timeframes": ["5m", "20m"]}, "choose 5m, 10m, 15m, 30m"),
        ({"timeframes": ["5m", 15]}, "no timeframe '15'"),
        ({"timeframes": None}, 'needs "timeframes", a list'),
        ({"crypto": ["BTC"]}, 'needs "timeframes", a list'),
        ({"crypto": {"btc": "Bitcoin"}}, "'btc' in crypto is no symbol"),
        ({"crypto": {"BTC": ""}}, "BTC needs a name"),
        ({"stocks": {"BTC": "Bitcoin"}}, "BTC is in two markets"),
        ({"stocks": {}, "crypto": {}}, "lists no asset"),
    ],
)
def test_a_slip_is_named_with_the_file_and_what_to_write(change: dict[str, Any], advice: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        check_timeframes(parse(json.dumps(SMALL | change), "mine.json").timeframes, "mine.json")
    assert str(raised.value).startswith("mine.json")
    assert advice in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"stocks": {"A": "a", "A": "b"}}'])
def test_a_text_that_is_no_such_list_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^mine\.json"):
        parse(text, "mine.json")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        catalogue({"GROWFOLIO_ASSETS": str(tmp_path / "none.json")})


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.symbol)
def test_an_asset_is_found_by_symbol_id_and_pair_in_any_case(asset: Any) -> None:
    for name in (asset.symbol, asset.id, asset.pair, asset.symbol.lower(), f" {asset.pair.lower()} "):
        assert find_asset(name) is asset
    assert (asset.market is Market.CRYPTO) == asset.id.endswith("_USDT")
