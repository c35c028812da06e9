"""The training image, as far as it can be judged where there is no Docker."""

import json
import re
import subprocess

from tests.stack.cloud import Templates
from tests.stack.conftest import ROOT

DOCKERFILE = (ROOT / "training/Dockerfile").read_text()


def instructions(name: str) -> list[str]:
    return [
        line.removeprefix(name).strip() for line in DOCKERFILE.splitlines() if line.startswith(f"{name} ")
    ]


def test_the_linter_has_nothing_to_say() -> None:
    command = [str(ROOT / ".venv-policy/bin/hadolint"), "--failure-threshold", "info", "training/Dockerfile"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_base_brings_the_torch_that_training_is_tested_with() -> None:
    [base] = instructions("ARG")
    pinned = (ROOT / "training/torch.txt").read_text().strip().removeprefix("torch==")
    tag = rf"{re.escape(pinned)}-cuda[\d.]+-cudnn\d+-runtime"
    assert re.fullmatch(rf"BASE=pytorch/pytorch:{tag}@sha256:[0-9a-f]{{64}}", base), "a tag can be moved"


def test_the_image_installs_the_lock_that_training_is_tested_with() -> None:
    for made_from in (DOCKERFILE, (ROOT / "Makefile").read_text()):
        assert re.search(r"--require-hashes (-r|--requirement) training/requirements.lock", made_from)
        assert re.search(r"install (.* )?(-r|--requirement) training/torch.txt", made_from)


def test_the_job_is_run_by_nobody_in_particular() -> None:
    [user] = instructions("USER")
    assert int(user) > 1000
    assert DOCKERFILE.index("\nUSER ") > max(match.start() for match in re.finditer("\nRUN ", DOCKERFILE))


def test_batch_starts_what_the_image_runs(templates: Templates) -> None:
    [command] = instructions("CMD")
    [entry] = instructions("ENTRYPOINT")
    container = templates.of_type("AWS::Batch::JobDefinition")["JobDefinition"]["ContainerProperties"]
    assert container["Command"] == json.loads(command) == ["job"]
    assert json.loads(entry) == ["python3", "-m", "training"]


def test_the_context_holds_nothing_but_what_is_copied() -> None:
    lines = (ROOT / "training/Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "**"
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {path for line in instructions("COPY") for path in line.split()[:-1]}
    assert all(any(path == root or path.startswith(f"{root}/") for root in sent) for path in copied)
