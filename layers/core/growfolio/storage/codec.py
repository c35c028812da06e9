"""Dataclasses as attribute values and back, derived from their fields: a new field needs no code here.

    str, StrEnum   S        Decimal, int   N        bool   BOOL
    tuple          L of its values; a dataclass inside a tuple is the L of its fields' values
    dataclass      M of its fields; a flat one lies among the attributes of the record that holds it

A field that equals its default is not stored, and a missing attribute gives the default: so items that
were written before a field existed stay readable, and small.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from operator import attrgetter, itemgetter
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from growfolio.errors import BadItem
from growfolio.storage.attributes import Item, Value, flag, number, text

Record = TypeVar("Record")
Encode = Callable[[Any], Value]
Decode = Callable[[Any], Any]

DAMAGE = (LookupError, TypeError, ValueError, ArithmeticError)
"""What reading raises on an attribute that is missing, of another type, or not a number."""


def unreadable(what: str, fault: Exception) -> BadItem:
    """The error for an item that could not be read."""
    reason = f"no {fault}" if isinstance(fault, KeyError) else str(fault)[:100] or type(fault).__name__
    return BadItem(f"{what} cannot be read: {reason}")


class Codec(Generic[Record]):
    """Writes records of one dataclass as attributes, and reads them back."""

    def __init__(
        self,
        record: type[Record],
        *,
        key: Collection[str] = (),
        flat: Collection[str] = (),
        names: Mapping[str, str] | None = None,
    ) -> None:
        """key: the first fields, which the item's key holds. flat: fields whose own fields are attributes.

        names: the attribute of a field that has not its own name, e.g. of `price.time` of a flat field.
        Raises TypeError for a field whose type has no attribute value, and for two fields of one name.
        """
        self._record = record
        self._columns: list[_Column] = []
        own: list[_Column | tuple[type, list[_Column]]] = []
        for field, hint in _fields_of(record):
            if field.name in flat:
                inner = [
                    _column(part, kind, f"{field.name}.", names or {}) for part, kind in _fields_of(hint)
                ]
                self._columns += inner
                own.append((hint, inner))
            elif field.name not in key:
                column = _column(field, hint, "", names or {})
                self._columns.append(column)
                own.append(column)
        stored = [column.name for column in self._columns]
        if len(set(stored)) < len(stored):
            raise TypeError(f"two fields of {record.__name__} have one attribute: {sorted(stored)}")
        self._prepare_to_decode(own)

    def encode(self, record: Record) -> Item:
        """Raises TypeError and PermanentStoreError for values that must not go into the table."""
        values = ((column, column.value_of(record)) for column in self._columns)
        return {
            column.name: column.encode(value)
            for column, value in values
            if column.default is MISSING or value != column.default
        }

    def decode(self, stored: Mapping[str, Any], *key: Any) -> Record:
        """The record whose first fields are key. Raises one of DAMAGE for attributes that cannot be read."""
        # A reader's cold question decodes 24 signals: plain fields are read without a call for each.
        values: list[Any] = [Decimal(stored[name]["N"]) for name in self._decimals]
        values += [int(stored[name]["N"]) for name in self._integers]
        values += [stored[name]["S"] for name in self._texts]
        values += [decode(stored[name]) for name, decode in self._others]
        values += [
            decode(stored[name]) if name in stored else default for name, decode, default in self._optional
        ]
        for record, pick in self._inner:
            values.append(record(*pick(values)))
        return self._record(*key, *self._pick(values))

    def _prepare_to_decode(self, own: Sequence["_Column | tuple[type, list[_Column]]"]) -> None:
        """Where decode's list of values holds each attribute, and after those each flat field."""
        plain: dict[Any, list[_Column]] = {Decimal: [], int: [], str: []}
        others: list[_Column] = []
        optional = [column for column in self._columns if column.default is not MISSING]
        for column in self._columns:
            if column.default is MISSING:
                plain.get(column.kind, others).append(column)
        self._decimals, self._integers, self._texts = ([c.name for c in group] for group in plain.values())
        self._others = [(column.name, column.decode) for column in others]
        self._optional = [(column.name, column.decode, column.default) for column in optional]
        order = [column.name for group in (*plain.values(), others, optional) for column in group]
        place = {name: index for index, name in enumerate(order)}
        self._inner: list[tuple[type, Callable[[Sequence[Any]], Sequence[Any]]]] = []
        picked: list[int] = []
        for part in own:
            if isinstance(part, _Column):
                picked.append(place[part.name])
            else:
                record, columns = part
                picked.append(len(order) + len(self._inner))
                self._inner.append((record, _picker([place[column.name] for column in columns])))
        self._pick = _picker(picked)


@dataclass(frozen=True, slots=True)
class _Column:
    """One attribute: the field that it holds, and how."""

    name: str
    kind: Any
    default: object
    value_of: Callable[[Any], Any]
    encode: Encode
    decode: Decode


def _column(field: Field[Any], hint: Any, parent: str, names: Mapping[str, str]) -> _Column:
    path = parent + field.name
    kind = _without_none(field, hint)
    name = names.get(path, field.name)
    return _Column(name, kind, field.default, attrgetter(path), *_coding(kind))


def _picker(places: list[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Takes the values at these places, in this order."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[place] for place in places]


def _fields_of(record: type) -> Iterator[tuple[Field[Any], Any]]:
    hints = get_type_hints(record)
    for field in fields(record):
        yield field, hints[field.name]


def _without_none(field: Field[Any], hint: Any) -> Any:
    """The type that is stored of an optional field: None must be its default, which is never stored."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    (stored,) = (part for part in get_args(hint) if part is not NoneType)
    if field.default is not None:
        raise TypeError(f"{field.name} may be None, which must then be its default")
    return stored


def _coding(hint: Any) -> tuple[Encode, Decode]:
    """How values of a type are written and read."""
    if get_origin(hint) is tuple:
        return _tuple_coding(get_args(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        codec = Codec(hint)
        return lambda value: {"M": codec.encode(value)}, lambda stored: codec.decode(stored["M"])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return text, _enum_reader(hint)
    plain: dict[Any, tuple[Encode, Decode]] = {
        str: (text, lambda stored: stored["S"]),
        bool: (flag, lambda stored: stored["BOOL"]),
        int: (number, lambda stored: int(stored["N"])),
        Decimal: (number, lambda stored: Decimal(stored["N"])),
    }
    if hint not in plain:
        raise TypeError(f"{hint} has no attribute value")
    return plain[hint]


def _enum_reader(kind: type[Enum]) -> Decode:
    members = {member.value: member for member in kind}  # calling the class takes four times as long

    def read(stored: Any) -> Enum:
        member = members.get(stored["S"])
        if member is None:
            raise ValueError(f"{stored['S']!r} is no {kind.__name__}")
        return member

    return read


def _tuple_coding(parts: tuple[Any, ...]) -> tuple[Encode, Decode]:
    """For tuple[X, ...], of any length, and for tuple[X, X, X], of as many values as it has parts."""
    some_length = parts[-1] is Ellipsis
    if not some_length and set(parts) != {parts[0]}:
        raise TypeError(f"a tuple of {parts} has no attribute value")
    in_list = isinstance(parts[0], type) and is_dataclass(parts[0])
    encode, decode = _list_coding(parts[0]) if in_list else _coding(parts[0])

    def read(stored: Any) -> tuple[Any, ...]:
        values = tuple([decode(value) for value in stored["L"]])
        if not some_length and len(values) != len(parts):
            raise ValueError(f"{len(values)} values in place of {len(parts)}")
        return values

    return lambda values: {"L": [encode(value) for value in values]}, read


def _list_coding(record: type) -> tuple[Encode, Decode]:
    """A dataclass as the list of its values, in order."""
    names = [field.name for field in fields(record)]
    codings = [_coding(hint) for _, hint in _fields_of(record)]

    def write(value: Any) -> Value:
        return {"L": [encode(getattr(value, name)) for name, (encode, _) in zip(names, codings, strict=True)]}

    def read(stored: Any) -> Any:
        return record(*[decode(part) for (_, decode), part in zip(codings, stored["L"], strict=True)])

    return write, read
