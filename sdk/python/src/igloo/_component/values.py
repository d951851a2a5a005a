"""Values between the SDK's tagged form and the bindings' classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from wit_world.imports import igloo_provider_types as wit

from igloo.values import Tagged

_plain: Final[dict[str, Callable[[Any], Any]]] = {
    "boolean": wit.Value_Boolean,
    "integer": wit.Value_Integer,
    "real": wit.Value_Real,
    "text": wit.Value_Text,
    "choice": wit.Value_Choice,
    "timestamp": wit.Value_Timestamp,
    "duration": wit.Value_Duration,
    "booleans": wit.Value_Booleans,
    "integers": wit.Value_Integers,
    "reals": wit.Value_Reals,
    "texts": wit.Value_Texts,
}
_records: Final[dict[str, tuple[Any, Any]]] = {
    "color": (wit.Value_Color, wit.Color),
    "date": (wit.Value_Date, wit.Date),
    "time-of-day": (wit.Value_TimeOfDay, wit.TimeOfDay),
}
_lists: Final[dict[str, tuple[Any, Any]]] = {
    "colors": (wit.Value_Colors, wit.Color),
    "dates": (wit.Value_Dates, wit.Date),
    "times-of-day": (wit.Value_TimesOfDay, wit.TimeOfDay),
}
_unknown: Final = wit.Value_Unknown()


def to_wit(value: Tagged) -> Any:
    """A tagged value as the bindings have it."""
    case, content = value
    make = _plain.get(case)
    if make is not None:
        return make(content)
    if case == "unknown":
        return _unknown
    if case in _records:
        make, record = _records[case]
        return make(record(*content))
    make, record = _lists[case]
    return make([record(*item) for item in content])


def _fields(record: Any) -> tuple[Any, ...]:
    return tuple(record.__dict__.values())


_from: Final[dict[type, Callable[[Any], Tagged]]] = {wit.Value_Unknown: lambda _: ("unknown", None)}
for _case, _make in _plain.items():
    _from[_make] = lambda value, case=_case: (case, value.value)  # type: ignore[index,misc]
for _case, (_make, _) in _records.items():
    _from[_make] = lambda value, case=_case: (case, _fields(value.value))  # type: ignore[misc]
for _case, (_make, _) in _lists.items():
    _from[_make] = lambda value, case=_case: (case, [_fields(item) for item in value.value])  # type: ignore[misc]


def from_wit(value: Any) -> Tagged:
    """A value of the bindings, tagged."""
    return _from[type(value)](value)


def code(error: Any) -> tuple[str, str]:
    """An error's case as the contract spells it, and its text: `ErrorCode_NotFound` → `not-found`."""
    content = getattr(error, "value", None)
    name = type(error).__name__.partition("_")[2]
    if name == "Other" and isinstance(content, tuple):
        return str(content[0]), str(content[1])
    spelt = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
    return spelt, "" if content is None else str(content)
