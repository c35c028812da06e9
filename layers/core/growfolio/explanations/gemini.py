"""Gemini, by google-generativeai. The only module that knows the library, which its makers have retired.

Imports it with the first request: that takes seconds, and a function without a key never needs it. Silences
its warnings (retired; protobuf's old arguments), which no operator can act on.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Self

from growfolio.errors import (
    BadExplanation,
    ExplainError,
    ParameterError,
    PermanentExplainError,
    TemporaryExplainError,
    TemporaryParameterError,
)
from growfolio.settings import Settings

MODEL = "gemini-2.5-flash-lite"
"""Asked where the settings name no model."""
TIMEOUT = 8.0
"""Seconds for one answer."""
FINISHED = 1
"""FinishReason.STOP: the answer was not cut off."""
GENERATION = {
    "temperature": 0.2,
    "candidate_count": 1,
    "max_output_tokens": 1_024,
    "response_mime_type": "application/json",
    "response_schema": {"type": "ARRAY", "items": {"type": "STRING"}},
}
"""Tokens enough for a model that thinks before it answers; the answer is a JSON array of ids."""


class GeminiWriter:
    """See Writer."""

    name = "gemini"

    def __init__(
        self, key: Callable[[], str], key_name: str, model: str, url: str = "", timeout: float = TIMEOUT
    ) -> None:
        """key reads the API key and raises ParameterError; key_name says where a person sets it."""
        self._read_key = key
        self._key_name = key_name
        self._model = model
        self._url = url
        self._timeout = timeout
        self._key = ""

    @classmethod
    def from_settings(
        cls, settings: Settings, key: Callable[[], str], key_name: str, timeout: float | None = None
    ) -> Self:
        """See language_models.PROVIDERS."""
        model = settings.explain_model or MODEL
        return cls(key, key_name, model, settings.explain_url, timeout or TIMEOUT)

    def choose(self, instructions: str, offer: str) -> str:
        """See Writer. Raises BadExplanation for an answer that was blocked or cut off."""
        with _quiet():
            sdk = self._sdk()
            model = sdk.GenerativeModel(
                self._model, system_instruction=instructions, generation_config=GENERATION
            )
            # retry=None: left to itself it goes on for ten minutes.
            options = {"timeout": self._timeout, "retry": None}
            with self._translated():
                return _text(_answer(lambda: model.generate_content(offer, request_options=options)))

    def _sdk(self) -> Any:
        """The library, set up with the key of the moment; as HTTP, for gRPC is slow to start."""
        try:
            key = self._read_key()
        except TemporaryParameterError as fault:
            raise TemporaryExplainError(f"no Gemini key: {fault}") from fault
        except ParameterError as fault:
            raise PermanentExplainError(f"no Gemini key: {fault}") from fault
        if not key:
            # The library would look for one in the environment.
            raise PermanentExplainError(f"no Gemini key: put one into {self._key_name}")
        sdk: Any = import_module("google.generativeai")
        if key != self._key:
            options = {"api_endpoint": self._url} if self._url else None
            sdk.configure(api_key=key, transport="rest", client_options=options)
            self._key = key
        return sdk

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turns the library's errors into ours. Their text stays out: it is Google's, and quotes requests."""
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError
        from google.protobuf.json_format import ParseError
        from requests import RequestException

        try:
            yield
        except GoogleAPICallError as fault:
            raise self._meaning(fault) from fault
        except (RequestException, GoogleAuthError) as fault:
            raise TemporaryExplainError(f"Gemini could not be reached: {type(fault).__name__}") from fault
        except ParseError as fault:
            raise TemporaryExplainError("Gemini sent something that is no answer") from fault

    def _meaning(self, fault: Any) -> ExplainError:
        status, said = int(fault.code or 500), str(fault.message)
        if status in (401, 403) or "API key" in said:
            return PermanentExplainError(f"Gemini refuses the key: put a valid one into {self._key_name}")
        if status == 404:
            return PermanentExplainError(
                f"Gemini has no model {self._model}: set GROWFOLIO_EXPLAIN_MODEL to one"
            )
        if "location" in said:
            return PermanentExplainError("Gemini does not serve this region: run the function in another")
        if status == 429 or status >= 500:
            return TemporaryExplainError(f"Gemini answered {status}")
        return PermanentExplainError(f"Gemini answered {status}")


def _answer(ask: Callable[[], Any]) -> Any:
    """What ask returns; asks once more, at once, where the server closed the connection without an answer.

    It does so with a connection that was idle for long, which is no fault of the server's.
    """
    from requests import ConnectionError as RequestConnectionError
    from urllib3.exceptions import ProtocolError

    try:
        return ask()
    except RequestConnectionError as fault:
        if not any(isinstance(reason, ProtocolError) for reason in fault.args):
            raise
    return ask()


def _text(answer: Any) -> str:
    try:
        (candidate,) = answer.candidates
        text = "".join(part.text for part in candidate.content.parts)
    except ValueError as fault:
        raise BadExplanation("Gemini answered with nothing") from fault
    if candidate.finish_reason != FINISHED:
        raise BadExplanation("Gemini did not finish its answer")
    return text


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
