"""What the README's deploy part names is there: parameters, outputs, functions, targets."""

import re

from infra.cost import ROOT
from infra.template import load

README = (ROOT / "README.md").read_text()
GUIDE = README.partition("\n## Deploy\n")[2].partition("\n## ")[0]
TEMPLATE = load(ROOT / "template.yaml")


def test_every_parameter_that_is_named_can_be_set() -> None:
    named = set(re.findall(r"`([A-Z][a-z][A-Za-z]*)=[^\s`]", GUIDE))
    assert len(named) > 8
    assert named <= set(TEMPLATE.body["Parameters"])


def test_every_output_that_is_read_is_given() -> None:
    read = set(re.findall(r"OutputKey=='(\w+)'", GUIDE))
    assert read == {"ApiUrl", "TrainingImage", "Bucket"}
    assert read <= set(TEMPLATE.body["Outputs"])


def test_what_is_called_by_name_has_that_name() -> None:
    named = {text["Fn::Sub"].replace("${Stage}", "dev") for text in _names()}
    assert {"growfolio-dev-train", "growfolio-dev-dead-letters"} <= named
    called = set(re.findall(r"--(?:function|queue)-name ([\w-]+)", GUIDE))
    assert called
    assert called <= named


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets |= set(re.findall(r"^([a-z-]+):", (ROOT / "infra/stack.mk").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)) <= targets


def _names() -> list[dict[str, str]]:
    every = (properties for properties in (r.get("Properties", {}) for r in TEMPLATE.resources.values()))
    return [p[key] for p in every for key in ("FunctionName", "QueueName") if key in p]
