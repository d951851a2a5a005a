"""What the model says of a component kind. The kinds themselves are generated: [`igloo.kinds`]."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Generic, TypeVar

from igloo.values import ValueType

T = TypeVar("T")


class Access(Enum):
    """Who may change a component."""

    READ = "read"
    """Only the provider writes it."""
    READ_WRITE = "read-write"
    """The provider writes it, and commands may ask to change it."""
    COMMAND = "command"
    """Commands may ask for it, and it has no state."""
    EVENT = "event"
    """It only happens, and has no state."""


class Kind(Generic[T]):
    """A component kind whose values are of the type `T`."""

    __slots__ = ("access", "name", "unit", "value")

    def __init__(
        self,
        name: str,
        value: ValueType[T],
        *,
        unit: str | None = None,
        access: Access = Access.READ,
    ) -> None:
        self.name: Final = name
        """Such as `target-temperature`."""
        self.value: Final = value
        """How its values travel."""
        self.unit: Final = unit
        """The one canonical unit of its values."""
        self.access: Final = access
        """What a component of it begins with."""

    @property
    def options(self) -> tuple[str, ...]:
        """The cases of a choice, by index."""
        return self.value.options

    def __repr__(self) -> str:
        return f"Kind({self.name})"


class Marker:
    """A kind that has no value: it says what an entity is, such as `light`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def __repr__(self) -> str:
        return f"Marker({self.name})"


class EventKind:
    """A kind that only happens, such as `button`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def __repr__(self) -> str:
        return f"EventKind({self.name})"


class TriggerKind:
    """A kind that can be asked for and has no value: `trigger`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def __repr__(self) -> str:
        return f"TriggerKind({self.name})"


AnyKind = Kind[Any] | Marker | EventKind | TriggerKind
