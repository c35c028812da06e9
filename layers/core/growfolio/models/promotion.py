"""Promoting and rolling back: which revision the parameter names. No deploy is needed.

A refresh takes up the new value within five minutes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from growfolio.settings import STARTER

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def parameter_of(stage: str) -> str:
    """The parameter that template.yaml makes."""
    return f"/growfolio/{stage}/model-revision"


def promote(ssm: SSMClient, parameter: str, revision: str) -> tuple[str, str]:
    """Serve a revision from now on; gives the one served until now, and the new one.

    Raises ValueError for anything but a full commit hash (branches and tags move) or `starter`.
    """
    if not re.fullmatch(rf"[0-9a-f]{{40}}|{STARTER}", revision):
        raise ValueError(f"REVISION={revision!r}: give the 40 hex digits of a commit, or {STARTER!r}")
    before = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    if before != revision:
        ssm.put_parameter(Name=parameter, Value=revision, Overwrite=True)
    return before, revision


def rollback(ssm: SSMClient, parameter: str) -> tuple[str, str]:
    """Serve what was served before the current revision; a second time goes forward again.

    Raises ValueError where there was nothing else.
    """
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=parameter)
    values = [version["Value"] for page in pages for version in page["Parameters"]]
    others = [value for value in values if value != values[-1]]
    if not others:
        raise ValueError(f"{parameter} has never been anything but {values[-1]}")
    return promote(ssm, parameter, others[-1])
