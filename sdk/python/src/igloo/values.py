"""Values, as components hold them and commands carry them: Python's own types, and what travels for each.

Between the SDK and its hub a value is *tagged*: the name of its case in `wit/provider.wit` and a content of plain
numbers, texts, tuples and lists. Authors never meet one.

Promises: what is encoded is of the case that its type names; what cannot be is a `TypeError` or a `ValueError` that
says why. Limits and finiteness are the hub's to check.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Tagged = tuple[str, Any]
"""The case's name in WIT, and its content. The contents are:

| case | content |
|---|---|
| `unknown` | None |
| `boolean`, `integer`, `real`, `text` | bool, int, float, str |
| `choice` | the index, an int |
| `color` | (red, green, blue) |
| `date` | (year, month, day) |
| `time-of-day` | (hour, minute, second, nanosecond) |
| `timestamp`, `duration` | nanoseconds, an int |
| `booleans`, `integers`, … | a list of the same |
"""

UNKNOWN: Final[Tagged] = ("unknown", None)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Color:
    """Screen-like colour: sRGB, each channel 0 to 1."""

    red: float
    green: float
    blue: float


class Choice(int):
    """A case of an enumeration by its index, for kinds that this SDK does not know."""


class ValueType(Generic[T]):
    """How a type of Python travels as one case of the contract's values."""

    __slots__ = ("case", "decode", "encode", "options")

    def __init__(
        self, case: str, encode: Callable[[T], Any], decode: Callable[[Any], T], options: tuple[str, ...] = ()
    ) -> None:
        self.case: Final = case
        self.encode: Final = encode
        """To the case's content. Raises `TypeError` or `ValueError`."""
        self.decode: Final = decode
        """From the case's content. Raises `ValueError` for what Python has no value for, such as the year 12000."""
        self.options: Final = options
        """Of a choice: its cases, by index."""

    def __repr__(self) -> str:
        return f"ValueType({self.case})"


def _wrong(wanted: str, value: object) -> TypeError:
    return TypeError(f"wanted {wanted}, got {value!r}")


def _boolean(value: bool) -> bool:
    if value is True or value is False:
        return value
    raise _wrong("True or False", value)


def _integer(value: int) -> int:
    if isinstance(value, bool):
        raise _wrong("an integer", value)
    number = operator.index(value)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{number} does not fit into 64 bits")
    return number


def _real(value: float) -> float:
    if value.__class__ is float:
        return value
    if isinstance(value, (bool, str, bytes, bytearray)):
        raise _wrong("a number", value)
    return float(value)


def _text(value: str) -> str:
    if isinstance(value, str):
        return str(value)
    raise _wrong("a text", value)


def _color(value: Color) -> tuple[float, float, float]:
    if not isinstance(value, Color):
        raise _wrong("a Color", value)
    return _real(value.red), _real(value.green), _real(value.blue)


def _date(value: date) -> tuple[int, int, int]:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _wrong("a datetime.date", value)
    return value.year, value.month, value.day


def _time(value: time) -> tuple[int, int, int, int]:
    if not isinstance(value, time):
        raise _wrong("a datetime.time", value)
    if value.tzinfo is not None:
        raise ValueError(f"a time of day has no zone: {value!r}")
    return value.hour, value.minute, value.second, value.microsecond * 1000


def nanoseconds(value: datetime) -> int:
    """Since 1970-01-01T00:00:00Z. Raises `ValueError` for one without a zone: nobody could tell which instant it is."""
    if not isinstance(value, datetime):
        raise _wrong("a datetime.datetime", value)
    if value.tzinfo is None:
        raise ValueError(f"an instant needs a zone, such as datetime.UTC: {value!r}")
    return _integer((value - _EPOCH) // _MICROSECOND * 1000)


def _duration(value: timedelta) -> int:
    if not isinstance(value, timedelta):
        raise _wrong("a datetime.timedelta", value)
    return _integer(value // _MICROSECOND * 1000)


def _from_color(content: Sequence[float]) -> Color:
    return Color(*content)


def _from_date(content: Sequence[int]) -> date:
    return date(*content)


def _from_time(content: Sequence[int]) -> time:
    hour, minute, second, nanosecond = content
    return time(hour, minute, second, nanosecond // 1000)


def _from_nanoseconds(content: int) -> datetime:
    return _EPOCH + timedelta(microseconds=content // 1000)


def _from_duration(content: int) -> timedelta:
    return timedelta(microseconds=content // 1000)


def _list_of(case: str, item: ValueType[T]) -> ValueType[list[T]]:
    def encode(values: Iterable[T]) -> list[Any]:
        if isinstance(values, (str, bytes)):
            raise _wrong("a list", values)
        return [item.encode(value) for value in values]

    return ValueType(case, encode, lambda content: [item.decode(value) for value in content])


BOOLEAN: Final = ValueType("boolean", _boolean, bool)
INTEGER: Final = ValueType("integer", _integer, int)
REAL: Final = ValueType("real", _real, float)
TEXT: Final = ValueType("text", _text, str)
COLOR: Final = ValueType("color", _color, _from_color)
DATE: Final = ValueType("date", _date, _from_date)
TIME_OF_DAY: Final = ValueType("time-of-day", _time, _from_time)
TIMESTAMP: Final = ValueType("timestamp", nanoseconds, _from_nanoseconds)
DURATION: Final = ValueType("duration", _duration, _from_duration)
BOOLEANS: Final = _list_of("booleans", BOOLEAN)
INTEGERS: Final = _list_of("integers", INTEGER)
REALS: Final = _list_of("reals", REAL)
TEXTS: Final = _list_of("texts", TEXT)
COLORS: Final = _list_of("colors", COLOR)
DATES: Final = _list_of("dates", DATE)
TIMES_OF_DAY: Final = _list_of("times-of-day", TIME_OF_DAY)
CHOICE: Final = ValueType("choice", int, Choice)

_BY_CASE: Final[dict[str, ValueType[Any]]] = {
    each.case: each
    for each in (
        *(BOOLEAN, INTEGER, REAL, TEXT, COLOR, DATE, TIME_OF_DAY, TIMESTAMP, DURATION, CHOICE),
        *(BOOLEANS, INTEGERS, REALS, TEXTS, COLORS, DATES, TIMES_OF_DAY),
    )
}

# The more particular class first: a bool is an int, a datetime is a date, a Choice is an int.
_BY_CLASS: Final[tuple[tuple[type, ValueType[Any], ValueType[Any] | None], ...]] = (
    (bool, BOOLEAN, BOOLEANS),
    (Choice, CHOICE, None),
    (int, INTEGER, INTEGERS),
    (float, REAL, REALS),
    (str, TEXT, TEXTS),
    (Color, COLOR, COLORS),
    (datetime, TIMESTAMP, None),
    (date, DATE, DATES),
    (time, TIME_OF_DAY, TIMES_OF_DAY),
    (timedelta, DURATION, None),
)


def choice(options: type[E]) -> ValueType[E]:
    """A choice: an enumeration of its options in the order of the model, which is their index."""
    members = tuple(options)
    indexes = {member: index for index, member in enumerate(members)}

    def encode(value: E) -> int:
        try:
            return indexes[value]
        except (KeyError, TypeError):
            raise _wrong(f"a {options.__name__}", value) from None

    def decode(index: int) -> E:
        if 0 <= index < len(members):
            return members[index]
        raise ValueError(f"{options.__name__} has no case {index}")

    return ValueType("choice", encode, decode, members)


def infer(value: object) -> Tagged:
    """Tags a value by its class alone: for attributes, event data, and kinds that this SDK does not know."""
    if value is None:
        return UNKNOWN
    for cls, scalar, _ in _BY_CLASS:
        if isinstance(value, cls):
            return scalar.case, scalar.encode(value)
    if isinstance(value, (list, tuple)):
        for cls, _, listed in _BY_CLASS:
            if listed is not None and value and all(isinstance(item, cls) for item in value):
                return listed.case, listed.encode(value)
        if not value:
            return "texts", []
        if all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in value):
            return REALS.case, REALS.encode([float(item) for item in value])
    raise _wrong("a value that a component can have", value)


def plain(tagged: Tagged) -> Any:
    """The inverse of [`infer`]: Python's value for a tagged one; None for `unknown`. Raises `ValueError`."""
    case, content = tagged
    known = _BY_CASE.get(case)
    return None if known is None else known.decode(content)
