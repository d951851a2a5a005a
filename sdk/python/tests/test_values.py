from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest

from igloo import Choice, Color, kinds, values
from igloo._kind import Kind


@pytest.mark.parametrize(
    ("kind", "value", "content"),
    [
        (values.BOOLEAN, True, True),
        (values.INTEGER, -5, -5),
        (values.REAL, 3, 3.0),
        (values.TEXT, "x", "x"),
        (values.COLOR, Color(1, 0.5, 0), (1.0, 0.5, 0.0)),
        (values.DATE, date(2026, 6, 1), (2026, 6, 1)),
        (values.TIME_OF_DAY, time(7, 30, 0, 5), (7, 30, 0, 5000)),
        (values.TIMESTAMP, datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0),
        (values.DURATION, timedelta(milliseconds=2), 2_000_000),
        (values.REALS, [1, 2.5], [1.0, 2.5]),
        (values.DATES, [date(1, 1, 1)], [(1, 1, 1)]),
        (kinds.CLIMATE_MODE.value, kinds.ClimateMode.HEAT, 2),
    ],
)
def test_what_travels_comes_back(kind: values.ValueType[Any], value: Any, content: Any) -> None:
    encoded = kind.encode(value)
    assert encoded == content
    assert type(encoded) is type(content)
    assert kind.decode(encoded) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.BOOLEAN, 1),
        (values.INTEGER, 1.0),
        (values.INTEGER, True),
        (values.INTEGER, 1 << 63),
        (values.REAL, "1"),
        (values.REAL, True),
        (values.TEXT, b"x"),
        (values.DATE, datetime(2026, 1, 1, tzinfo=UTC)),
        (values.TIMESTAMP, datetime(2026, 1, 1)),
        (values.TIME_OF_DAY, time(1, tzinfo=UTC)),
        (values.TEXTS, "text"),
        (kinds.LOCK_STATE.value, "half"),
    ],
)
def test_what_is_no_value_is_told(kind: values.ValueType[Any], value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        kind.encode(value)


def test_values_have_a_type_by_their_class() -> None:
    assert values.infer(True) == ("boolean", True)
    assert values.infer(Choice(2)) == ("choice", 2)
    assert values.infer([1, 2.5]) == ("reals", [1.0, 2.5])
    assert values.infer(("a", "b")) == ("texts", ["a", "b"])
    assert values.infer(kinds.LockState.LOCKED) == ("text", "locked")
    assert values.infer(None) == values.UNKNOWN
    with pytest.raises(TypeError):
        values.infer({"a": 1})
    assert values.plain(("choice", 3)) == Choice(3)
    assert values.plain(("of-the-future", 3)) is None


def test_kinds_are_those_of_the_model() -> None:
    power = kinds.KINDS["power"]
    assert isinstance(power, Kind)
    assert power.unit == "W"
    assert kinds.CLIMATE_MODE.options[4] == "heat-cool"
    with pytest.raises(ValueError, match="no case 1000"):
        kinds.CLIMATE_MODE.value.decode(1000)
