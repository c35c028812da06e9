"""The expanded templates hold in every kind of region, with and without training, by AWS's own schemas."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.stack.cloud import Json, Templates
from tests.stack.conftest import ROOT

WITHOUT_NEWER_GPUS = "ap-southeast-1"
REGIONS = ("us-east-1", "eu-central-1", "eu-west-1", "ap-northeast-1", WITHOUT_NEWER_GPUS)
NOT_OURS = ("W1020", "W1028", "W2001", "W3002")
"""What SAM writes itself; that a branch is dead where its parameter is fixed here; that SAM took a parameter
(test_template.py finds those that nobody takes); that nested templates are uploaded by a deploy."""
CFN_LINT = ROOT / ".venv-sam/bin/cfn-lint"
MACHINES = (
    "lib/python3*/site-packages/cfnlint/data/schemas/extensions/aws_ec2_instance/instancetype_enum.json"
)


def lint(folder: Path, templates: dict[str, Json]) -> list[str]:
    """What cfn-lint has to say of the templates in any of the regions."""
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    files = [str(folder / f"{name}.json") for name in templates]
    command = [str(CFN_LINT), "--format", "json", "--regions", *REGIONS]
    command += ["--ignore-checks", *NOT_OURS, "--template", *files]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(ran.stdout or "[]")
    assert found or ran.returncode == 0, ran.stderr
    return [f"{Path(one['Filename']).stem}: {one['Rule']['Id']} {one['Message']}" for one in found]


def chosen(templates: Templates, training: str) -> dict[str, Json]:
    """The stack as it is where WithTraining has this value, and the stacks that are then nested in it."""
    stack = json.loads(json.dumps(templates.stack))
    stack["Parameters"]["WithTraining"] |= {"Default": training, "AllowedValues": [training]}
    nested = {name: one for name, one in templates.nested.items() if training == "true" or name != "Training"}
    return {"stack": stack, **nested}


@pytest.mark.parametrize("training", ["true", "false"])
def test_the_linter_finds_nothing_in_any_region(templates: Templates, training: str, tmp_path: Path) -> None:
    assert lint(tmp_path, chosen(templates, training)) == []


def test_the_linter_would_find_what_a_schema_forbids(templates: Templates, tmp_path: Path) -> None:
    spoiled = json.loads(json.dumps(templates.nested["Training"]))
    spoiled["Resources"]["JobQueue"]["Properties"]["Priority"] = "first"
    assert lint(tmp_path, {"Training": spoiled}) == ["Training: E3012 'first' is not of type 'integer'"]


def offered(region: str) -> set[str]:
    """The types of machines of a region, by the data of cfn-lint."""
    [data] = (ROOT / ".venv-sam").glob(MACHINES)
    return set(json.loads(data.read_text())[region]["enum"])


@pytest.mark.parametrize("region", REGIONS)
def test_the_machines_that_training_asks_for_unasked_are_there_in_every_region(
    templates: Templates, region: str
) -> None:
    asked = templates.stack["Parameters"]["TrainingInstanceTypes"]["Default"].split(",")
    assert set(asked) <= offered(region)


def test_one_of_the_regions_has_no_newer_gpus() -> None:
    assert not {"g5.xlarge", "g6.xlarge"} & offered(WITHOUT_NEWER_GPUS)


def test_nothing_of_training_is_made_unless_it_is_asked_for(templates: Templates) -> None:
    assert templates.stack["Parameters"]["WithTraining"]["Default"] == "false"
    resources = templates.resources
    opted = {name for name, resource in resources.items() if resource.get("Condition") == "Trains"}
    assert {"Training", "TrainFunction", "TrainRole", "TrainLogs"} <= opted
    named = [name for name in resources if name.startswith("Train")]
    assert set(named) <= opted
    kinds = {resource["Type"].split("::")[1] for name, resource in resources.items() if name not in opted}
    assert not kinds & {"Batch", "EC2", "ECR"}


@pytest.mark.parametrize("nested", ["Schedules", "Monitoring"])
def test_what_speaks_of_training_in_other_stacks_is_made_with_it_alone(
    templates: Templates, nested: str
) -> None:
    resources = templates.nested[nested]["Resources"]
    named = {name for name, one in resources.items() if name.startswith("Train")}
    assert named
    assert {resources[name].get("Condition") for name in named} == {"Trains"}
