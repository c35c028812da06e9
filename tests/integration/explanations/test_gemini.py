"""Gemini by the real google-generativeai, against a local server that speaks its wire format."""

import logging
from collections.abc import Iterator

import pytest
from growfolio.errors import BadExplanation, ExplainError, PermanentExplainError, TemporaryExplainError
from growfolio.errors import PermanentParameterError as NoKey
from growfolio.explanations.gemini import GeminiWriter
from growfolio.explanations.prompt import INSTRUCTIONS, offer_of

from tests.fakes.gemini_server import KEY, MODEL, FakeGemini
from tests.patience import HANG
from tests.samples import a_signal

ANSWER = '["verdict_move", "rsi", "trend_up", "lean_likely"]'
ARRAY, STRING = 5, 1
"""Types of JSON values as Google numbers them."""
OFFER = offer_of(a_signal())


@pytest.fixture
def gemini() -> Iterator[FakeGemini]:
    with FakeGemini(lambda offer: ANSWER) as server:
        yield server


def writer_for(gemini: FakeGemini, key: str = KEY, model: str = MODEL, timeout: float = HANG) -> GeminiWriter:
    return GeminiWriter(lambda: key, "the SSM parameter /explain-key", model, gemini.url, timeout)


def test_it_is_asked_with_the_instructions_and_the_offer_and_nothing_else(gemini: FakeGemini) -> None:
    assert writer_for(gemini).choose(INSTRUCTIONS, OFFER) == ANSWER
    (asked,) = gemini.asked
    assert (asked.instructions, asked.offer) == (INSTRUCTIONS, OFFER)
    assert asked.settings["candidateCount"] == 1
    assert asked.settings["maxOutputTokens"] <= 1_024
    assert asked.settings["responseMimeType"] == "application/json"
    assert asked.settings["responseSchema"] == {"type": ARRAY, "items": {"type": STRING}}


def test_the_key_stands_in_no_url_and_no_log(gemini: FakeGemini, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    writer_for(gemini).choose(INSTRUCTIONS, OFFER)
    assert KEY not in gemini.targets[0]
    assert KEY not in caplog.text


def test_a_wrong_key_is_named_with_the_place_to_put_another(gemini: FakeGemini) -> None:
    with pytest.raises(PermanentExplainError) as fault:
        writer_for(gemini, key="wrong-key").choose(INSTRUCTIONS, OFFER)
    assert str(fault.value) == "Gemini refuses the key: put a valid one into the SSM parameter /explain-key"


def test_a_new_key_is_used_as_soon_as_it_is_read(gemini: FakeGemini) -> None:
    key = ["wrong-key"]
    writer = GeminiWriter(lambda: key[0], "", MODEL, gemini.url)
    with pytest.raises(PermanentExplainError):
        writer.choose(INSTRUCTIONS, OFFER)
    key[0] = KEY
    assert writer.choose(INSTRUCTIONS, OFFER) == ANSWER


def test_an_unknown_model_is_named_with_the_setting_to_change(gemini: FakeGemini) -> None:
    with pytest.raises(PermanentExplainError, match=r"no model gemini-9: set GROWFOLIO_EXPLAIN_MODEL"):
        writer_for(gemini, model="gemini-9").choose(INSTRUCTIONS, OFFER)


@pytest.mark.parametrize(
    ("status", "name", "message", "kind", "reason"),
    [
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", TemporaryExplainError, "answered 429"),
        (500, "INTERNAL", "An internal error", TemporaryExplainError, "answered 500"),
        (503, "UNAVAILABLE", "The model is overloaded", TemporaryExplainError, "answered 503"),
        (504, "DEADLINE_EXCEEDED", "too slow", TemporaryExplainError, "answered 504"),
        (401, "UNAUTHENTICATED", "no credentials", PermanentExplainError, "refuses the key"),
        (403, "PERMISSION_DENIED", "not yours", PermanentExplainError, "refuses the key"),
        (400, "INVALID_ARGUMENT", "a bad field", PermanentExplainError, "answered 400"),
        (
            400,
            "FAILED_PRECONDITION",
            "User location is not supported for the API use.",
            PermanentExplainError,
            "does not serve this region",
        ),
    ],
)
def test_what_google_refuses_is_worth_retrying_or_not(
    gemini: FakeGemini, status: int, name: str, message: str, kind: type[ExplainError], reason: str
) -> None:
    gemini.refuse(status, name, message)
    with pytest.raises(kind, match=reason) as fault:
        writer_for(gemini).choose(INSTRUCTIONS, OFFER)
    assert message not in str(fault.value)
    # google-auth renews its credentials after a 401, twice, though a key cannot be renewed.
    assert len(gemini.asked) == (3 if status == 401 else 1)


def test_silence_ends_with_the_time_out_and_is_not_met_twice(gemini: FakeGemini) -> None:
    gemini.silent = True
    with pytest.raises(TemporaryExplainError, match="could not be reached: ReadTimeout"):
        writer_for(gemini, timeout=0.05).choose(INSTRUCTIONS, OFFER)
    assert len(gemini.targets) <= 1


def test_a_server_that_is_gone_is_worth_asking_later() -> None:
    with FakeGemini() as gone:
        writer = writer_for(gone)
    with pytest.raises(TemporaryExplainError, match="could not be reached: ConnectionError"):
        writer.choose(INSTRUCTIONS, OFFER)


@pytest.mark.parametrize("body", [b"<html>", b'{"candidates": [{"content"'])
def test_an_answer_that_cannot_be_read_is_worth_asking_later(gemini: FakeGemini, body: bytes) -> None:
    gemini.body = body
    with pytest.raises(TemporaryExplainError, match="no answer"):
        writer_for(gemini).choose(INSTRUCTIONS, OFFER)


def test_an_answer_that_was_cut_off_or_stopped_is_a_bad_one(gemini: FakeGemini) -> None:
    for reason, text in (
        ("MAX_TOKENS", ANSWER[:20]),
        ("MAX_TOKENS", ""),
        ("SAFETY", ""),
        ("RECITATION", ANSWER),
    ):
        gemini.finish(reason, text)
        with pytest.raises(BadExplanation, match="did not finish"):
            writer_for(gemini).choose(INSTRUCTIONS, OFFER)


@pytest.mark.parametrize("body", [b'{"promptFeedback": {"blockReason": "SAFETY"}}', b"{}", b"[]"])
def test_a_request_that_was_blocked_gives_a_bad_answer(gemini: FakeGemini, body: bytes) -> None:
    gemini.body = body
    with pytest.raises(BadExplanation, match="answered with nothing"):
        writer_for(gemini).choose(INSTRUCTIONS, OFFER)


def test_a_key_that_cannot_be_read_or_is_empty_costs_no_request(
    gemini: FakeGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable() -> str:
        raise NoKey("there is no SSM parameter /explain-key: create it")

    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    with pytest.raises(PermanentExplainError, match="no Gemini key: there is no SSM parameter"):
        GeminiWriter(unreadable, "", MODEL, gemini.url).choose(INSTRUCTIONS, OFFER)
    with pytest.raises(PermanentExplainError, match="no Gemini key: put one into"):
        writer_for(gemini, key="").choose(INSTRUCTIONS, OFFER)
    assert gemini.asked == []


def test_a_connection_that_died_while_idle_is_replaced_at_once(gemini: FakeGemini) -> None:
    writer = writer_for(gemini)
    writer.choose(INSTRUCTIONS, OFFER)
    gemini.kill_idle_connections()
    assert writer.choose(INSTRUCTIONS, OFFER) == ANSWER
    assert len(gemini.asked) == 2


def test_a_server_that_closes_every_connection_is_worth_asking_later(gemini: FakeGemini) -> None:
    gemini.hang_up()
    with pytest.raises(TemporaryExplainError, match="could not be reached: ConnectionError"):
        writer_for(gemini).choose(INSTRUCTIONS, OFFER)
    assert gemini.asked == []
