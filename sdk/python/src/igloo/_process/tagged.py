"""Tagged values (see [`igloo.values`]) as messages have them, and what a write must keep to."""

from __future__ import annotations

import math
from typing import Any, Final

from igloo.values import UNKNOWN, Tagged

TEXT_BYTES: Final = 16 * 1024
"""Bytes of a text value, of all of a list's together (`wit/provider.wit`)."""
LIST_ITEMS: Final = 1024
"""Items of a list value (`wit/provider.wit`)."""

_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "color": ("red", "green", "blue"),
    "date": ("year", "month", "day"),
    "time-of-day": ("hour", "minute", "second", "nanosecond"),
}
_ITEMS: Final = {"colors": "color", "dates": "date", "times-of-day": "time-of-day"}


def to_message(tagged: Tagged) -> Any:
    """`("boolean", True)` → `{"boolean": true}`."""
    case, content = tagged
    if case == "unknown":
        return case
    if case in _FIELDS:
        content = dict(zip(_FIELDS[case], content, strict=True))
    elif case in _ITEMS:
        fields = _FIELDS[_ITEMS[case]]
        content = [dict(zip(fields, item, strict=True)) for item in content]
    return {case: content}


def from_message(message: Any) -> Tagged:
    """The inverse. Raises `ValueError` for what is no value."""
    if message == "unknown":
        return UNKNOWN
    if not isinstance(message, dict) or len(message) != 1:
        raise ValueError("no value")
    ((case, content),) = message.items()
    try:
        if case in _FIELDS:
            content = tuple(content[field] for field in _FIELDS[case])
        elif case in _ITEMS:
            content = [tuple(item[field] for field in _FIELDS[_ITEMS[case]]) for item in content]
    except (KeyError, TypeError, IndexError):
        raise ValueError(f"no {case}") from None
    return case, content


def check(tagged: Tagged) -> str | None:
    """Why a hub would refuse it: `wrong-type` if it is not finite, `limit`; else None."""
    case, content = tagged
    if case == "real":
        return None if math.isfinite(content) else "wrong-type"
    if case == "text":
        return "limit" if len(content) * 4 > TEXT_BYTES and len(content.encode()) > TEXT_BYTES else None
    if case == "color":
        return None if all(map(math.isfinite, content)) else "wrong-type"
    if not isinstance(content, list):
        return None
    if (case == "reals" and not all(map(math.isfinite, content))) or (
        case == "colors" and not all(math.isfinite(channel) for color in content for channel in color)
    ):
        return "wrong-type"
    if len(content) > LIST_ITEMS or (case == "texts" and sum(len(text.encode()) for text in content) > TEXT_BYTES):
        return "limit"
    return None
