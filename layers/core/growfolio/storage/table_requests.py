"""The six requests that the store makes of its table, in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from growfolio.errors import TemporaryStoreError
from growfolio.limits import Backoff
from growfolio.storage.attributes import Item, Value, number, text
from growfolio.storage.client import store_errors
from growfolio.storage.conditions import names_in, values_in
from growfolio.storage.items import key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 100
"""Keys that DynamoDB takes in one BatchGetItem."""
BATCH_BACKOFF = Backoff(tries=6, pause=0.02)
"""How often the part that DynamoDB left unanswered is asked for before giving up."""


class TableRequests:
    """Requests of one table. They raise TemporaryStoreError or PermanentStoreError when it refuses."""

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def put(self, item: Item, condition: str, fields: Mapping[str, Value]) -> bool:
        """Write a whole item; False where the condition on what is there, given fields, does not hold."""
        return self._write(self._client.put_item, condition, condition, fields, Item=item)

    def set(
        self, item_key: Item, field: str, value: Value, condition: str, fields: Mapping[str, Value]
    ) -> bool:
        """Write one attribute of an item and leave the others; False where the condition does not hold."""
        change = f"SET #{field} = :{field}"
        return self._write(
            self._client.update_item,
            condition,
            f"{change} {condition}",
            {field: value, **fields},
            Key=item_key,
            UpdateExpression=change,
        )

    def count(self, item_key: Item, condition: str, fields: Mapping[str, Value]) -> bool:
        """Add one to an item's calls and set its ttl; False where the condition does not hold."""
        change = "ADD #calls :one SET #ttl = :ttl"
        return self._write(
            self._client.update_item,
            condition,
            f"{change} {condition}",
            {"one": number(1), **fields},
            Key=item_key,
            UpdateExpression=change,
        )

    def _write(
        self,
        operation: Callable[..., object],
        condition: str,
        expressions: str,
        fields: Mapping[str, Value],
        **arguments: Any,
    ) -> bool:
        # After an answer lost on its way, the client's retry finds its own write and the condition fails:
        # False is then said of a write that was made, which is what a duplicate hears anyway.
        values = values_in(expressions, fields)
        if values:  # DynamoDB refuses an empty mapping
            arguments["ExpressionAttributeValues"] = values
        with store_errors("writing to the table"):
            try:
                operation(
                    TableName=self._table,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names_in(expressions),
                    **arguments,
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def get(self, item_key: Item) -> Item | None:
        with store_errors("reading the table"):
            return self._client.get_item(TableName=self._table, Key=item_key).get("Item")

    def query(
        self,
        partition: str,
        *,
        before: str | None = None,
        between: tuple[str, str] | None = None,
        newest: int | None = None,
    ) -> Iterator[Item]:
        """The items of a partition, in order: one request, and one more for each megabyte of items.

        before: only those whose sort key lies before it. between: those from the first to the last. newest:
        from the end, so many in one request.
        """
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": text(partition)},
        }
        if before is not None:
            arguments["KeyConditionExpression"] += " AND sk < :before"
            arguments["ExpressionAttributeValues"][":before"] = text(before)
        if between is not None:
            arguments["KeyConditionExpression"] += " AND sk BETWEEN :first AND :last"
            arguments["ExpressionAttributeValues"] |= {":first": text(between[0]), ":last": text(between[1])}
        if newest is not None:
            arguments |= {"ScanIndexForward": False, "Limit": newest}
        while True:
            with store_errors("reading the table"):
                page = self._client.query(**arguments)
                found = _of(partition, page["Items"])
            yield from found
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def batch(self, partition: str, sorts: Sequence[str]) -> Iterator[Item]:
        """Those of the named items that exist, in no order. sorts must not repeat."""
        keys = [key(partition, sort) for sort in sorts]
        for start in range(0, len(keys), BATCH):
            yield from self._batch(partition, keys[start : start + BATCH])

    def _batch(self, partition: str, keys: list[Item]) -> Iterator[Item]:
        asked: Any = {self._table: {"Keys": keys}}
        for _ in BATCH_BACKOFF.attempts():
            with store_errors("reading the table"):
                answer = self._client.batch_get_item(RequestItems=asked)
                found = _of(partition, answer["Responses"].get(self._table, []))
                asked = answer["UnprocessedKeys"]
            yield from found
            if not asked:
                return
        raise TemporaryStoreError("reading the table: it kept leaving part of a batch unanswered")


def _of(partition: str, found: Iterable[Item]) -> list[Item]:
    """The items of an answer. Raises LookupError, TypeError or ValueError for one that is no item of it."""
    for item in found:
        if item["pk"]["S"] != partition or not isinstance(item["sk"]["S"], str):
            raise ValueError(f"an item of {str(item['pk'])[:40]} in place of {partition}")
    return list(found)
