"""A CloudFormation template, read as data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FUNCTION = "AWS::Serverless::Function"


@dataclass(frozen=True, slots=True)
class Template:
    """One template, with the short forms (!Ref, !Sub, !GetAtt) written out."""

    body: dict[str, Any]

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        resources: dict[str, dict[str, Any]] = self.body["Resources"]
        return resources

    def properties(self, name: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def of_type(self, kind: str) -> list[str]:
        """The logical ids of the resources of a type."""
        return [name for name, resource in self.resources.items() if resource["Type"] == kind]

    def functions(self) -> list[str]:
        return self.of_type(FUNCTION)

    def layers(self, function: str) -> list[str]:
        """The logical ids of a function's layers, in their order."""
        return [layer["Ref"] for layer in self.properties(function).get("Layers", [])]


def load(path: Path) -> Template:
    return Template(yaml.load(path.read_text(), Loader=_Loader))  # noqa: S506  (a SafeLoader)


class _Loader(yaml.SafeLoader):
    """SafeLoader with CloudFormation's tags."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101  (there is no fourth kind)
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)
