"""A language model in memory."""

import re

from growfolio.errors import ExplainError


class FixedWriter:
    """Answers the same text to everything, with the asset's symbol for {asset}; or raises its error."""

    name = "gemini"

    def __init__(self, answer: str | ExplainError) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def write(self, instructions: str, facts: str) -> str:
        self.asked.append(facts)
        if isinstance(self.answer, ExplainError):
            raise self.answer
        symbol = re.search(r"\((\w+)\)", facts)
        assert symbol is not None
        return self.answer.format(asset=symbol[1])
