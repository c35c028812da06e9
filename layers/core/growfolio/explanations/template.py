"""An explanation without a language model: the choice that statements.py itself marks."""

from growfolio.domain.signals import Signal
from growfolio.explanations.statements import compose, offers


def from_template(signal: Signal) -> str:
    """Three sentences: what the signal says, what it stands on, and how far to trust it."""
    return compose([offer for offer in offers(signal) if offer.statement.in_template])
