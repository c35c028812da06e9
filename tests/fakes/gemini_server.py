"""Gemini on this machine: the part of its wire format that explanations use."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.json_service import JsonAnswer, JsonService, QuietServer

KEY = "gemini-key"
MODEL = "gemini-2.5-flash-lite"


@dataclass(frozen=True)
class Asked:
    """One request for an explanation."""

    instructions: str
    offer: str
    settings: dict[str, Any]


class FakeGemini(JsonService):
    """A context manager. Answers each request by `answer`, unless `body` says otherwise."""

    def __init__(self, answer: Callable[[str], str] | None = None) -> None:
        server = _Server(("127.0.0.1", 0), _Answer)
        server.gemini = self
        super().__init__(server)
        self.answer = answer or chosen
        """What it answers to an offer of statements."""
        self.status = 200
        self.body: bytes | None = None
        """Answer these bytes in place of anything else."""
        self.silent = False
        """Whether it never answers."""
        self.asked: list[Asked] = []

    def refuse(self, status: int, name: str, message: str) -> None:
        """From now on answer an error as Google writes them."""
        self.status = status
        self.body = _error(status, name, message)

    def finish(self, reason: str, text: str = "") -> None:
        """From now on end each answer for a reason other than that it is complete."""
        self.body = json.dumps(_answer_of(text, reason)).encode()

    def respond(self, model: str, key: str, sent: dict[str, Any]) -> tuple[int, bytes]:
        if self.silent:
            self.stopping.wait()
        offer = sent["contents"][0]["parts"][0]["text"]
        instructions = sent["systemInstruction"]["parts"][0]["text"]
        self.asked.append(Asked(instructions, offer, sent["generationConfig"]))
        if self.body is not None:
            return self.status, self.body
        if key != KEY:
            return 400, _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        if model != MODEL:
            message = f"models/{model} is not found for API version v1beta."
            return 404, _error(404, "NOT_FOUND", message)
        return 200, json.dumps(_answer_of(self.answer(offer), "STOP")).encode()


def chosen(offer: str) -> str:
    """A good answer, unlike the template's: the required statements, then the last ones on offer."""
    ids: list[str] = []
    for sentence in json.loads(offer):
        by_topic: dict[str, str] = {}
        for statement in sorted(sentence["statements"], key=lambda one: one["required"]):
            by_topic[statement["topic"]] = statement["id"]
        required = [one["id"] for one in sentence["statements"] if one["required"]]
        others = [id for id in reversed(by_topic.values()) if id not in required]
        ids += [*required, *others[: max(0, sentence["at_least"] - len(required))]]
    return json.dumps(ids)


def _answer_of(text: str, reason: str) -> dict[str, Any]:
    parts = [{"text": text}] if text else []
    return {
        "candidates": [
            {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0},
        ],
        "usageMetadata": {"promptTokenCount": 300, "candidatesTokenCount": 60, "totalTokenCount": 360},
        "modelVersion": MODEL,
    }


def _error(status: int, name: str, message: str) -> bytes:
    return json.dumps({"error": {"code": status, "message": message, "status": name}}).encode()


class _Server(QuietServer):
    gemini: FakeGemini


class _Answer(JsonAnswer):
    server: _Server

    def do_POST(self) -> None:  # noqa: N802  (http.server calls it so)
        gemini, path = self.server.gemini, urlsplit(self.path).path
        gemini.targets.append(self.path)
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = path.removeprefix("/v1beta/models/").removesuffix(":generateContent")
        self.send_json(*gemini.respond(model, self.headers.get("x-goog-api-key", ""), sent))
