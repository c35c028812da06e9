"""The model revision to serve: one parameter, so that promoting and rolling back need no redeploy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from growfolio.aws.parameters import SsmParameter, value_of
from growfolio.errors import (
    MissingParameter,
    ParameterError,
    PermanentModelError,
    TemporaryModelError,
    TemporaryParameterError,
)
from growfolio.settings import STARTER

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class RevisionSource(Protocol):
    @property
    def name(self) -> str:
        """Where a person sets it, for messages."""

    def current(self) -> str:
        """The revision as it was set, not yet checked. Raises ModelError."""


@dataclass(frozen=True, slots=True)
class FixedRevision:
    """A revision set in the environment; it changes with a new process."""

    revision: str
    name: str = "GROWFOLIO_MODEL_REVISION"

    def current(self) -> str:
        return self.revision.strip()


class ParameterValue:
    """An SSM parameter that a model repository needs: the revision, or a token."""

    def __init__(self, parameter: SsmParameter, absent: str | None = None) -> None:
        """absent is the value of a parameter that nobody has set; without it, that is an error."""
        self.name = parameter.name
        self._parameter = parameter
        self._absent = absent

    def current(self) -> str:
        """The value. Raises ModelError."""
        try:
            return self._parameter.current()
        except TemporaryParameterError as fault:
            raise TemporaryModelError(str(fault)) from fault
        except MissingParameter as fault:
            if self._absent is None:
                raise PermanentModelError(str(fault)) from fault
            return self._absent
        except ParameterError as fault:
            raise PermanentModelError(str(fault)) from fault


def parameter_of(stage: str) -> str:
    """The name of the parameter for a stage. No template owns it, so that no deploy resets it."""
    return f"/growfolio/{stage}/served-revision"


def promote(
    ssm: SSMClient, parameter: str, revision: str, prepare: Callable[[], object] = lambda: None
) -> tuple[str, str]:
    """Serve a revision from now on; returns the revision served until now, and the new one.

    prepare is called before it is served, once it is known to be one; what it raises stops the promotion.
    A refresh takes up the new value within five minutes. Raises ValueError for anything but a full
    commit hash (branches and tags move) or `starter`, and TemporaryParameterError for a cut answer.
    """
    if not re.fullmatch(rf"[0-9a-f]{{40}}|{STARTER}", revision):
        raise ValueError(f"REVISION={revision!r}: give the 40 hex digits of a commit, or {STARTER!r}")
    prepare()
    try:
        before = value_of(ssm.get_parameter(Name=parameter), parameter)
    except ssm.exceptions.ParameterNotFound:
        before = STARTER
    if before != revision:
        ssm.put_parameter(Name=parameter, Value=revision, Type="String", Overwrite=True)
    return before, revision


def rollback(ssm: SSMClient, parameter: str) -> tuple[str, str]:
    """Serve the revision before the current one; a second call goes forward again.

    Before the first promotion the starter models served. Raises ValueError where there was no other.
    """
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=parameter)
    try:
        values = [STARTER, *(version["Value"] for page in pages for version in page["Parameters"])]
    except ssm.exceptions.ParameterNotFound:
        values = [STARTER]
    others = [value for value in values if value != values[-1]]
    if not others:
        raise ValueError(f"{parameter} has never been anything but {values[-1]}")
    return promote(ssm, parameter, others[-1])
