"""What a person sets is read once, and a slip is named together with what to put instead."""

from pathlib import Path

import pytest
from growfolio.errors import ConfigurationError
from growfolio.settings import REQUIRED, Settings

from infra.template import load

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


def test_what_is_not_set_or_empty_has_its_default() -> None:
    assert Settings.from_environment({"GROWFOLIO_FRESH_SHARE": "", "HOME": "/"}) == Settings()


def test_numbers_and_lists_are_read_from_their_text() -> None:
    settings = Settings.from_environment(
        {
            "GROWFOLIO_FRESH_SHARE": "0.5",
            "GROWFOLIO_EXPLAIN_CALLS_PER_HOUR": "0",
            "GROWFOLIO_EXCHANGES": "kraken, binance,",
        }
    )
    assert (settings.fresh_share, settings.explain_calls_per_hour) == (0.5, 0)
    assert settings.exchanges == ("kraken", "binance")


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("GROWFOLIO_FRESH_SHARE", "lots", "is not a number"),
        ("GROWFOLIO_FRESH_SHARE", "80", "choose a number from 0 to 1"),
        ("GROWFOLIO_FRESH_SHARE", "nan", "choose a number from 0 to 1"),
        ("GROWFOLIO_EXPLAIN_CALLS_PER_HOUR", "-1", "choose a number from 0 to 10000"),
        ("GROWFOLIO_EXPLAIN_CALLS_PER_HOUR", "1.5", "is not a number"),
        ("GROWFOLIO_READER_CACHE_SECONDS", "-60", "choose a number from 0 to 86400"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, text: str, advice: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings.from_environment({name: text})
    assert str(raised.value).startswith(f"{name}={text!r}")
    assert advice in str(raised.value)


@pytest.mark.parametrize("function", REQUIRED)
def test_a_function_without_its_settings_ends_at_start_and_names_all_that_are_missing(function: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings.of_function(function, {"GROWFOLIO_STAGE": "dev"})
    needed = [f"GROWFOLIO_{name.upper()}" for name in REQUIRED[function]]
    assert str(raised.value) == f"the {function} function needs {' and '.join(needed)} to be set"
    given = Settings.of_function(function, dict.fromkeys(needed, "there"))
    assert {getattr(given, name) for name in REQUIRED[function]} == {"there"}


def test_the_template_gives_every_function_what_it_requires() -> None:
    template = load(TEMPLATE)
    given = {name: template.properties(name) for name in template.functions()}
    sources = {Path(properties["CodeUri"]).name for properties in given.values()}
    assert sources == set(REQUIRED)
    for properties in given.values():
        required = {f"GROWFOLIO_{name.upper()}" for name in REQUIRED[Path(properties["CodeUri"]).name]}
        assert required <= set(properties["Environment"]["Variables"])
