"""Whether an answer may stand beside a signal: a language model's text is checked, never trusted.

The checks err on the safe side. What they refuse costs nothing but style: the template explains instead.
"""

import re
from decimal import Decimal

from growfolio.domain.signals import Action, Signal
from growfolio.errors import BadExplanation
from growfolio.explanations.signal_text import IN_SAMPLE, SIMULATED, caveats, names, statements

SENTENCES = 3
SHORTEST, LONGEST = 80, 700
"""Characters of an explanation."""

_SAME = str.maketrans({"’": "'", "‘": "'", "–": "-", "—": "-", "‑": "-", "\u00a0": " ", "\u202f": " "})
"""Typographic characters, and the plain ones that say the same."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 .,;:'%()+-]")
"""Anything else is markup, a link, code, another script or a hidden character."""
_ADDRESS = re.compile(r"[A-Za-z]\.[A-Za-z]|\bwww\b|\bhttps?\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_NUMBER_WORDS = {
    "half": "0.5", "two": "2", "twice": "2", "double": "2", "three": "3", "triple": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11",
    "twelve": "12", "dozen": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40",
    "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "hundred": "100",
    "thousand": "1000", "million": "1000000", "billion": "1000000000",
}  # fmt: skip
"""Numbers that hide in letters. `one` is left out: it is a pronoun, and a bar is one."""
_PROMISES = re.compile(
    r"\b(will|shall|won't|guarantee\w*|promis\w+|certain|certainly|certainty|definite\w*|surely|sure to"
    r"|for sure|undoubted\w*|no doubt|always|never|cannot|can't|risk-free|riskless|no risk|safe"
    r"|you|your|should|must|recommend\w*|advi[cs]e\w*|profit\w*)\b",
    re.IGNORECASE,
)
"""Words of promise and of advice."""
_INVENTIONS = re.compile(
    r"\b(news|headlines?|earnings|analysts?|investors?|traders|announce\w*|report\w*|rumou?rs?|reuters"
    r"|bloomberg|fed|inflation|ceo|instructions?|prompt|system|ignore\w*)\b",
    re.IGNORECASE,
)
"""What no fact of a signal speaks of."""


def checked(answer: str, signal: Signal) -> str:
    """The answer on one line, in plain characters. Raises BadExplanation, saying what is wrong with it."""
    text = " ".join(answer.translate(_SAME).split())
    if not SHORTEST <= len(text) <= LONGEST:
        raise BadExplanation(f"{len(text)} characters, not {SHORTEST} to {LONGEST}")
    if _NOT_PLAIN.search(text) or _ADDRESS.search(text):
        raise BadExplanation("markup, a link or characters that plain English has no need of")
    _check_sentences(text)
    _check_subject(text, signal)
    _check_numbers(text, signal)
    for pattern, what in ((_PROMISES, "a promise or advice"), (_INVENTIONS, "something that was not given")):
        if found := pattern.search(text):
            raise BadExplanation(f"{what}: {found.group()!r}")
    return text


def _check_sentences(text: str) -> None:
    sentences = re.split(r"(?<=\.) ", text)
    if len(sentences) != SENTENCES:
        raise BadExplanation(f"{len(sentences)} sentences, not {SENTENCES}")
    for sentence in sentences:
        stops = re.findall(r"\.(?!\d)", sentence)
        if not sentence.endswith(".") or len(stops) != 1 or len(sentence.split()) < 4:
            raise BadExplanation("something that is no sentence")


def _check_subject(text: str, signal: Signal) -> None:
    """It names the asset and the signal, no other signal, and says what must not be kept silent about."""
    if not re.search(rf"\b({'|'.join(map(re.escape, names(signal.asset)))})\b", text):
        raise BadExplanation("it does not name the asset")
    if {Action(word) for word in re.findall(r"\b(?:BUY|SELL|HOLD)\b", text)} != {signal.action}:
        raise BadExplanation("it does not name the signal, or names another")
    if SIMULATED in caveats(signal) and "simulated" not in text:
        raise BadExplanation("it keeps silent about simulated prices")
    if IN_SAMPLE in caveats(signal) and "training" not in text:
        raise BadExplanation("it keeps silent about training")


def _check_numbers(text: str, signal: Signal) -> None:
    """Every number is one of the facts', or one of them rounded to as many decimals as the text shows."""
    given = [Decimal(number) for number in _NUMBER.findall(" ".join(statements(signal)))]
    digits = [number.replace(",", "") for number in _NUMBER.findall(text)]
    words = [_NUMBER_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _NUMBER_WORDS]
    for number in digits + words:
        half = Decimal(5).scaleb(-len(number.partition(".")[2]) - 1)
        if not any(abs(Decimal(number) - fact) <= half for fact in given):
            raise BadExplanation(f"a number that was not given: {number}")
