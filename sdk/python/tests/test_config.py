from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

import pytest

from igloo import ConfigError
from igloo._config import fill, to_json


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass
class Lamp:
    host: ipaddress.IPv4Address
    port: int = 502


@dataclass
class Config:
    lamps: list[Lamp]
    unit_id: int = 1
    factor: float = 1.0
    mode: Mode = Mode.SLOW
    level: Literal["low", "high"] | None = None
    names: dict[str, str] = field(default_factory=dict)
    any: Any = None


def test_a_configuration_is_filled_with_its_types() -> None:
    value = {
        "lamps": [{"host": "10.0.0.7", "unknown": 1}],
        "unit-id": 3.0,
        "factor": 2,
        "mode": "fast",
        "level": "high",
        "names": {"a": "b"},
        "any": [1],
    }
    config = fill(Config, value)
    lamp = Lamp(ipaddress.IPv4Address("10.0.0.7"))
    assert config == Config([lamp], 3, 2.0, Mode.FAST, "high", {"a": "b"}, [1])
    assert type(config.unit_id) is int
    assert type(config.factor) is float


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "config.lamps is missing"),
        ({"lamps": [{"host": "x"}]}, "config.lamps[0].host: Expected 4 octets"),
        ({"lamps": [{"host": "1.2.3.4", "port": "x"}]}, "config.lamps[0].port: wanted an integer, got 'x'"),
        ({"lamps": [], "factor": True}, "config.factor: wanted a number, got True"),
        ({"lamps": [], "unit_id": 1.5}, "config.unit_id: wanted an integer, got 1.5"),
        ({"lamps": [], "mode": "other"}, "config.mode: wanted one of 'fast', 'slow', got 'other'"),
        ({"lamps": [], "level": "middle"}, "config.level: wanted one of 'low', 'high', got 'middle'"),
        ({"lamps": {}}, "config.lamps: wanted a list"),
        ([], "config: wanted an object"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(value: Any, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        fill(Config, value)
    assert str(error.value).startswith(text)


def test_answers_become_json() -> None:
    assert to_json(Lamp(ipaddress.IPv4Address("10.0.0.7"))) == {"host": "10.0.0.7", "port": 502}
    assert to_json({"mode": Mode.FAST, "all": (1, None)}) == {"mode": "fast", "all": [1, None]}
    with pytest.raises(TypeError):
        to_json(b"x")
