"""What may replace what in the table, as DynamoDB conditions.

The grid bar orders everything, so that duplicates, retries, late and concurrent runs change nothing:
DynamoDB checks a condition and writes in one step, whoever else writes. NOT attribute_type also holds
where the attribute is missing or damaged, so that no broken item can block its successors.
In an expression #field is what is stored, :field what is about to be written.
"""

import re
from collections.abc import Mapping

from growfolio.storage.attributes import Item, Value, text

NEWER_SIGNAL = (
    "NOT attribute_type(#signal.#bar_close, :number) OR #signal.#bar_close < :bar_close"
    " OR (#signal.#bar_close = :bar_close AND #signal.#revision <> :revision"
    " AND #signal.#generated_at <= :generated_at)"
)
"""What is stored is of an older bar, or of the same bar from another model revision that decided no later.

So a slow run of the revision before cannot undo what the next one said of the same bar."""

NEWER_ATTEMPT = (
    "(NOT attribute_type(#attempt.#bar_close, :number) OR #attempt.#bar_close < :bar_close)"
    " AND (NOT attribute_type(#signal.#bar_close, :number) OR #signal.#bar_close < :bar_close)"
)
"""Neither an attempt nor a good signal of this or a newer bar is there."""

SHOWN_LATER = "NOT attribute_type(#signal.#generated_at, :number) OR #signal.#generated_at <= :generated_at"
"""History of a signal that readers were just given: it replaces what another revision said of its bar."""

ABSENT = "attribute_not_exists(#pk)"
"""History of a signal that came too late to be given to readers: it only fills a gap, so that no later
model can better the record of an earlier one."""

NEWER_MARKET = (
    "NOT attribute_type(#price.#time, :number) OR #price.#time < :time"
    " OR (#price.#time = :time AND #last_bar <= :last_bar)"
)

NEWER_HOURS = "NOT attribute_type(#first_open, :number) OR #first_open <= :first_open"

NEWER_EXPLANATION = (
    "NOT attribute_type(#bar_close, :number) OR #bar_close < :bar_close"
    " OR (#bar_close = :bar_close AND #written_at <= :written_at)"
)


NEWER_COMPLETION = "NOT attribute_type(#at, :number) OR #at <= :at"

NEWER_RECORD = "NOT attribute_type(#newest, :number) OR #newest <= :newest"

MORE_KNOWN = "NOT attribute_type(#known, :number) OR #known <= :known"
"""Outcomes are only ever completed: of two runs the one that knew less cannot undo the other."""

CALLS_LEFT = "attribute_not_exists(#calls) OR #calls < :limit"
"""Fewer calls than the limit were counted."""


def names_in(expression: str) -> dict[str, str]:
    """The names that an expression refers to as #field: some are DynamoDB's reserved words."""
    return {f"#{field}": field for field in re.findall(r"#(\w+)", expression)}


def values_in(expression: str, fields: Mapping[str, Value]) -> Item:
    """The values that an expression refers to as :field; :number is the type's name."""
    given = {"number": text("N"), **fields}
    return {f":{field}": given[field] for field in re.findall(r":(\w+)", expression)}
