"""The template's rules: which parameters CloudFormation refuses before it makes anything."""

from typing import Any

import pytest

from infra.cost import ROOT
from infra.template import load

TEMPLATE = load(ROOT / "template.yaml").body


def value(expression: Any, given: dict[str, str]) -> Any:
    """What CloudFormation makes of a rule's expression. Raises ValueError for a function not known here."""
    if not isinstance(expression, dict):
        return expression
    [(function, argument)] = expression.items()
    if function == "Ref":
        return given[argument]
    arguments = [value(one, given) for one in argument]
    match function:
        case "Fn::Equals":
            return arguments[0] == arguments[1]
        case "Fn::Not":
            return not arguments[0]
        case "Fn::And":
            return all(arguments)
        case "Fn::Or":
            return any(arguments)
    raise ValueError(function)


def refusals(**chosen: str) -> list[str]:
    """The descriptions of the assertions that do not hold for these parameters, the others being defaults."""
    given = {name: one.get("Default", "") for name, one in TEMPLATE["Parameters"].items()} | chosen
    return [
        assertion["AssertDescription"]
        for rule in TEMPLATE["Rules"].values()
        if value(rule.get("RuleCondition", True), given)
        for assertion in rule["Assertions"]
        if not value(assertion["Assert"], given)
    ]


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"Stage": "staging"},
        {"Stage": "prod", "AlarmEmail": "you@example.com"},
        {"WeeklyTraining": "ENABLED", "WithTraining": "true"},
    ],
)
def test_what_can_be_deployed_is_not_refused(chosen: dict[str, str]) -> None:
    assert refusals(**chosen) == []


def test_production_without_an_address_is_refused() -> None:
    [why] = refusals(Stage="prod")
    assert "AlarmEmail" in why


def test_half_of_alpacas_keys_is_refused() -> None:
    [why] = refusals(AlpacaKeyParameter="/growfolio/dev/alpaca-key")
    assert "go together" in why


def test_weekly_training_without_training_is_refused() -> None:
    [why] = refusals(WeeklyTraining="ENABLED")
    assert "WithTraining=true" in why
