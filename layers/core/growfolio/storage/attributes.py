"""Values as DynamoDB's attribute values, written and read by hand.

The low-level client takes them as they are: boto3's resource layer would add a tenth of a second to a
cold start and walk every answer once more.
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, DecimalException, Inexact, Overflow, Rounded, Subnormal
from typing import Any

from growfolio.errors import PermanentStoreError

Value = Mapping[str, Any]
"""One attribute value, e.g. {"N": "0.1"}."""
Item = dict[str, Any]
"""Attribute names, each with its Value."""

_LIMITS = Context(prec=38, Emin=-130, Emax=125, traps=[Inexact, Rounded, Overflow, Subnormal])
"""38 significant digits from 1E-130 to 9.99E+125, as DynamoDB holds a number."""


def number(value: Decimal | int) -> Value:
    """A number as its exact decimal text.

    Raises TypeError for a float, which has lost its exact value already, and PermanentStoreError for a
    number that DynamoDB cannot hold: more than 38 significant digits, too large, not finite.
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"{value!r} is {type(value).__name__}: only Decimal and int go into the table")
    try:
        exact = _LIMITS.create_decimal(value)
    except DecimalException:
        exact = Decimal("NaN")
    if not exact.is_finite():
        raise PermanentStoreError(f"{value} does not fit: 38 digits from 1E-130 to 9.9E+125") from None
    return {"N": str(value)}


def text(value: str) -> Value:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is {type(value).__name__}, not text")
    return {"S": value}


def binary(value: bytes) -> Value:
    return {"B": value}


def flag(value: bool) -> Value:
    return {"BOOL": bool(value)}


def numbers(values: Iterable[Decimal | int]) -> Value:
    return {"L": [number(value) for value in values]}


def texts(values: Iterable[str]) -> Value:
    return {"L": [text(value) for value in values]}


def fields(values: Mapping[str, Value]) -> Value:
    return {"M": values}
