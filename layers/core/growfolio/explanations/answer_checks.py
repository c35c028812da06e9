"""What a language model's answer becomes: statements that it chose, never text that it wrote."""

import json
from collections import Counter
from collections.abc import Sequence

from growfolio.domain.signals import Signal
from growfolio.errors import BadExplanation
from growfolio.explanations.statements import AT_LEAST, AT_MOST, Offer, Sentence, compose, offers


def explanation_from(answer: str, signal: Signal) -> str:
    """The explanation that an answer chose: a JSON array of ids of statements that were offered.

    Raises BadExplanation for anything else, for a statement or topic twice, for too few or too many
    statements in a sentence, and for an answer that leaves out a required one. No text of the answer
    gets into the explanation or into the error.
    """
    offered = {offer.statement.id: offer for offer in offers(signal)}
    chosen = _chosen(answer, offered)
    _check_topics(chosen)
    _check_numbers(chosen)
    missing = [id for id, offer in offered.items() if offer.statement.required and offer not in chosen]
    if missing:
        raise BadExplanation(f"it leaves out what must be said: {', '.join(missing)}")
    return compose(chosen)


def _chosen(answer: str, offered: dict[str, Offer]) -> list[Offer]:
    try:
        ids = json.loads(answer)
    except (ValueError, RecursionError):
        raise BadExplanation("the answer is no JSON array of statement ids") from None
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise BadExplanation("the answer is no JSON array of statement ids")
    if not offered.keys() >= set(ids):
        raise BadExplanation("it chooses a statement that was not offered")
    return [offered[id] for id in ids]


def _check_topics(chosen: Sequence[Offer]) -> None:
    topics = Counter(offer.statement.topic for offer in chosen)
    if twice := [topic for topic, count in topics.items() if count > 1]:
        raise BadExplanation(f"it says two things about one topic: {', '.join(twice)}")


def _check_numbers(chosen: Sequence[Offer]) -> None:
    for sentence in Sentence:
        count = sum(offer.statement.sentence is sentence for offer in chosen)
        if not AT_LEAST[sentence] <= count <= AT_MOST[sentence]:
            raise BadExplanation(
                f"{count} statements for sentence {sentence}, not {AT_LEAST[sentence]} to {AT_MOST[sentence]}"
            )
