"""Faults that pass are retried and then told as temporary; those that stay are told at once."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.errors import PermanentStoreError, TemporaryStoreError
from growfolio.limits import Deadline
from growfolio.storage.client import PATIENCE, RETRY_SECONDS
from growfolio.storage.dynamodb import DynamoStore

from tests.dynamodb import PATIENT, answering, client_of
from tests.fakes.dynamodb_faults import BROKEN, CUT, LOST, OVERLOADED, SLOW, faulty_dynamodb
from tests.samples import a_signal

M5 = Timeframe.M5
AAPL = find_asset("AAPL")
THROTTLED = ("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded")
TRIES = 4
HASTY = PATIENT.merge(Config(read_timeout=0.05))


def store_at(endpoint: str, config: Config = PATIENT) -> DynamoStore:
    return DynamoStore("growfolio", client_of(endpoint, config))


@pytest.mark.parametrize("fault", [*THROTTLED, BROKEN, OVERLOADED, LOST])
def test_a_read_that_fails_once_is_made_again(fault: str) -> None:
    with faulty_dynamodb(fault) as server:
        assert store_at(server.endpoint).signals(M5) == []
    assert server.requests == 2


@pytest.mark.parametrize("fault", ["ThrottlingException", BROKEN, LOST, SLOW])
def test_a_fault_that_lasts_is_a_temporary_error_after_four_tries(fault: str) -> None:
    with (
        faulty_dynamodb(*[fault] * 10) as server,
        pytest.raises(TemporaryStoreError, match="reading the table"),
    ):
        store_at(server.endpoint, HASTY if fault == SLOW else PATIENT).signals(M5)
    assert server.requests == TRIES


@pytest.mark.parametrize(("tries_with_time", "requests"), [(0, 1), (1, 2), (2, 3), (9, TRIES)])
def test_what_cannot_end_before_the_deadline_is_not_tried_again(tries_with_time: int, requests: int) -> None:
    with faulty_dynamodb(*[BROKEN] * 20) as server:
        store = store_at(server.endpoint)
        deadline = Deadline(
            lambda: RETRY_SECONDS if server.requests <= tries_with_time else RETRY_SECONDS - 0.1
        )
        with store.retrying_until(deadline), pytest.raises(TemporaryStoreError, match=BROKEN):
            store.put_history(a_signal())
        assert server.requests == requests
        with pytest.raises(TemporaryStoreError):
            store.put_history(a_signal())
        assert server.requests == requests + TRIES


def test_the_longest_try_fits_the_time_that_is_left_for_it() -> None:
    times: Any = PATIENCE
    longest_pause = 2 ** (times.retries["total_max_attempts"] - 2)
    assert longest_pause + times.connect_timeout + times.read_timeout <= RETRY_SECONDS


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.signals(M5),
        lambda store: store.history(AAPL, M5, 9),
        lambda store: store.completions(AAPL.market, M5, 9),
        lambda store: store.markets([AAPL]),
    ],
)
def test_an_answer_that_was_cut_short_is_a_temporary_error(read: Callable[[DynamoStore], object]) -> None:
    with faulty_dynamodb(CUT) as server, pytest.raises(TemporaryStoreError, match="cut short"):
        read(store_at(server.endpoint))


MALFORMED = [
    b"",
    b"null",
    b"[]",
    b'"Items"',
    b'{"Items": [{"pk":',
    b"<html>try again</html>",
    b'{"Items": null}',
    b'{"Items": [3]}',
    b'{"Items": [{}]}',
    b'{"Items": [{"pk": {"S": "SIGNAL#5m"}}]}',
    b'{"Items": [{"pk": {"S": "SIGNAL#15m"}, "sk": {"S": "AAPL"}}]}',
    b'{"Items": [{"pk": {"S": "SIGNAL#5m"}, "sk": {"N": "1"}}]}',
    b'{"Responses": []}',
    b'{"Responses": {"growfolio": [{}]}, "UnprocessedKeys": {}}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.signals(M5),
        lambda store: store.explanations(M5),
        lambda store: store.history(AAPL, M5, 9),
        lambda store: store.completions(AAPL.market, M5, 9),
        lambda store: store.markets([AAPL]),
    ],
)
def test_an_answer_that_is_no_answer_is_as_an_unreachable_table(
    read: Callable[[DynamoStore], object], body: bytes
) -> None:
    client = client_of("http://127.0.0.1:1", PATIENT.merge(Config(retries={"total_max_attempts": 1})))
    with answering(client, 200, body), pytest.raises(TemporaryStoreError):
        read(DynamoStore("growfolio", client))


def test_nobody_listening_is_a_temporary_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        store = store_at(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(TemporaryStoreError, match="writing to the table"):
            store.put_history(a_signal())


@pytest.mark.parametrize(
    "fault", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"]
)
def test_a_refusal_is_a_permanent_error_at_once(fault: str) -> None:
    with faulty_dynamodb(fault) as server, pytest.raises(PermanentStoreError, match=f"{fault}: said so"):
        store_at(server.endpoint).put_signal(a_signal())
    assert server.requests == 1


def test_a_condition_that_does_not_hold_is_an_answer_and_not_an_error() -> None:
    with faulty_dynamodb("ConditionalCheckFailedException") as server:
        assert store_at(server.endpoint).put_signal(a_signal()) is False
