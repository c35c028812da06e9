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
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "growfolio.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=fault):
        parameter_overrides("dev", path)
