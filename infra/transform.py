"""Expand a built SAM template into plain CloudFormation, as AWS would. Run by the SAM tools' own Python.

usage: python infra/transform.py .aws-sam/build/template.yaml [PARAMETER=VALUE ...] > expanded.json
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The roles of this stack name their grants themselves."""

    def load(self) -> dict[str, str]:
        return {}


def expand(text: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The template with every AWS::Serverless resource replaced; code lies in an invented bucket."""
    template = yaml_parse(text)
    for name, resource in template["Resources"].items():
        for folder in ("CodeUri", "ContentUri"):
            if folder in resource.get("Properties", {}):
                resource["Properties"][folder] = {"Bucket": "code", "Key": f"{name}.zip"}
    expanded: dict[str, Any] = transform(template, dict(parameters), NoManagedPolicies())
    return expanded


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    given = dict(argument.split("=", 1) for argument in sys.argv[2:])
    json.dump(expand(Path(sys.argv[1]).read_text(), given), sys.stdout, indent=1)
