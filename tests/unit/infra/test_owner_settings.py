"""growfolio.toml: the owner's parameters for each stage, and what is refused in it."""

from pathlib import Path

import pytest
from growfolio.errors import ConfigurationError

from infra.owner_settings import parameter_overrides, run_environment


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "growfolio.toml"
    path.write_text(
        '[run]\nGROWFOLIO_EXCHANGES = ["kraken", "okx"]\n'
        '[deploy]\nAlarmEmail = "me@example.com"\nWithTraining = true\n'
        '[deploy.prod]\nAlarmEmail = "us@example.com"\nLogRetentionDays = 90\n'
    )
    return path


def test_without_a_file_a_stage_has_its_defaults(tmp_path: Path) -> None:
    assert parameter_overrides("dev", tmp_path / "none.toml") == {"LogRetentionDays": "7"}
    prod = parameter_overrides("prod", tmp_path / "none.toml")
    assert prod == {"DeletionProtection": "true", "LogRetentionDays": "30"}


def test_a_stage_of_its_own_holds_against_what_is_for_all(file: Path) -> None:
    assert parameter_overrides("dev", file)["AlarmEmail"] == "me@example.com"
    prod = parameter_overrides("prod", file)
    assert (prod["AlarmEmail"], prod["LogRetentionDays"]) == ("us@example.com", "90")
    assert prod["WithTraining"] == "true"


def test_the_local_run_has_an_environment_of_its_own(file: Path) -> None:
    assert run_environment(file) == {"GROWFOLIO_EXCHANGES": "kraken,okx"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[deploy]\nAlarmMail = "a"', "no parameter AlarmMail"),
        ('[deploy]\nStage = "prod"', "STAGE"),
        ("[deploy", "cannot be read"),
        ('deploy = "prod"', "deploy is nothing that is read, or is of the wrong type"),
        ("[[deploy]]\nA = 1", "of the wrong type"),
        ('[deplyo]\nAlarmEmail = "a"', "deplyo is nothing that is read"),
        ('[prod]\nAlarmEmail = "a"', "prod is nothing that is read"),
        ('[deploy.Prod]\nAllowedOrigins = "a"', "is no stage's"),
        ("[deploy]\nAlarmEmail = {a = 1}", "is no stage's"),
        ("[deploy.dev]\nAlarmEmail = {a = 1}", "a table in place of a value"),
        ('[deploy]\nAllowedOrigins = "https://a.org, https://b.org"', "AllowedOrigins holds a value"),
        ("[deploy]\nModelRepository = '\"a/b\"'", "ModelRepository holds a value"),
        ("[deploy]\nLogRetentionDays = 8", "LogRetentionDays holds a value"),
        ('[deploy]\nStockSources = "yahoo,iex"', "StockSources holds a value"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "growfolio.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=fault):
        parameter_overrides("dev", path)


def test_a_key_in_place_of_its_parameters_name_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "growfolio.toml"
    path.write_text('[deploy]\nQuoteKeyParameter = "c0ffee42secret"')
    with pytest.raises(ConfigurationError, match="QuoteKeyParameter holds a value") as refusal:
        parameter_overrides("dev", path)
    assert "c0ffee42secret" not in str(refusal.value)
