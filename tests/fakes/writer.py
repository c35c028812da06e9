"""A language model in memory."""

from collections.abc import Callable

from growfolio.errors import ExplainError


class FixedWriter:
    """Answers an offer by a function, or always with the same text; or raises its error."""

    name = "gemini"

    def __init__(self, answer: Callable[[str], str] | str | ExplainError) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def choose(self, instructions: str, offer: str) -> str:
        self.asked.append(offer)
        if isinstance(self.answer, ExplainError):
            raise self.answer
        return self.answer if isinstance(self.answer, str) else self.answer(offer)
