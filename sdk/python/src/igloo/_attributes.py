# Generated from `model/components.toml` and `model/attributes.toml` by `cargo xtask generate`; change those.
"""The attributes that devices, entities and components may have, as keyword arguments. None leaves one out.

Only type checkers and readers need them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class DeviceAttributes(TypedDict, total=False):
    """What a device may be told to be."""

    manufacturer: str | None
    """Who made it."""
    model: str | None
    """The maker's name or number for it."""
    serial_number: str | None
    """The maker's serial number."""
    firmware: str | None
    """The version of its firmware."""
    hardware: str | None
    """The version of its hardware."""
    suggested_group: str | None
    """Where the device probably is, such as `Kitchen`. Only a suggestion: the owner decides."""
    via_device: str | None
    """The provider's identifier of the device that this one is reached through, such as a bridge."""
    icon: str | None
    """An icon's name, such as `mdi:lightbulb`."""


class EntityAttributes(TypedDict, total=False):
    """What an entity may be told to be."""

    category: str | None
    """`primary` (default), `config` or `diagnostic`: how prominently to show it."""
    icon: str | None
    """An icon's name, such as `mdi:lightbulb`."""
    device_class: str | None
    """A finer word for what it is, such as `garage` for a cover."""


class ComponentAttributes(TypedDict, total=False):
    """What a component may be told to be."""

    unit: str | None
    """The unit to show, where it is not the kind's canonical one; for generic kinds, the value's unit."""
    minimum: float | None
    """The smallest value, in the canonical unit. Commands below it are refused."""
    maximum: float | None
    """The largest value, in the canonical unit. Commands above it are refused."""
    step: float | None
    """The distance between settable values, in the canonical unit."""
    precision: int | None
    """Digits after the decimal point worth showing."""
    options: Sequence[str] | None
    """The texts that a text takes, or the events that an event emits. Commands with another text are refused."""
    total: str | None
    """For sums: `increasing` (a meter's counter, may restart at 0) or `net` (may fall)."""
