"""What roles allow, against what is called: nothing forbidden is needed, and nothing allowed is unused."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.stack.cloud import Json
from tests.stack.recorder import Call

KNOWN = {"Sid", "Effect", "Action", "Resource", "Condition"}
"""Parts of a statement."""
PARTITIONS = "dynamodb:LeadingKeys"


@dataclass(frozen=True, order=True)
class Grant:
    """One action that a statement allows, on its resources; of a table, on the partitions of one pattern."""

    sid: str
    action: str
    resources: tuple[str, ...]
    partition: str = "*"

    def allows(self, call: Call) -> bool:
        return (
            _matches(self.action, call.action, re.IGNORECASE)
            and any(_matches(resource, call.resource) for resource in self.resources)
            and all(_matches(self.partition, partition) for partition in call.partitions)
        )


def grants(statements: Iterable[Json]) -> Iterator[Grant]:
    """Raises ValueError for a statement that this reading does not cover."""
    for statement in statements:
        if statement["Effect"] != "Allow" or set(statement) - KNOWN:
            raise ValueError(f"cannot judge {statement}")
        resources = tuple(map(_whole, _listed(statement["Resource"])))
        for action in _listed(statement["Action"]):
            for partition in _partitions(statement):
                yield Grant(statement.get("Sid", ""), action, resources, partition)


def forbidden(calls: Iterable[Call], allowed: Iterable[Grant]) -> list[Call]:
    """The calls that no grant allows."""
    known = list(allowed)
    return sorted(call for call in set(calls) if not any(grant.allows(call) for grant in known))


def unused(calls: Iterable[Call], allowed: Iterable[Grant]) -> list[Grant]:
    """The grants that no call needs."""
    made = set(calls)
    return sorted(grant for grant in allowed if not any(grant.allows(call) for call in made))


def _partitions(statement: Json) -> list[str]:
    """The patterns of partitions that a statement's condition names.

    AWS takes a call whose partitions each match some pattern; here each call names one. A condition that
    holds where its key is absent takes nothing from our calls.
    """
    conditions = dict(statement.get("Condition", {}))
    conditions.pop("StringLikeIfExists", None)
    named = conditions.pop("ForAllValues:StringLike", {PARTITIONS: ["*"]})
    if conditions or set(named) != {PARTITIONS}:
        raise ValueError(f"cannot judge the condition of {statement}")
    return _listed(named[PARTITIONS])


def _whole(resource: str) -> str:
    """A log group's ARN as AWS gives it, which covers its streams; moto leaves the end away."""
    return resource + ":*" if re.fullmatch(r"arn:aws:logs:[^*]*", resource) else resource


def _listed(one_or_more: str | list[str]) -> list[str]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def _matches(pattern: str, text: str, flags: int = 0) -> bool:
    """IAM's wildcards: * for any run of characters, ? for one."""
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, text, flags) is not None
