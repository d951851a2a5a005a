"""The parts of an entity: components that hold values, events that happen, triggers that are asked for.

A part remembers the handle that the hub gave it when its device was described, so an author never sees one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from igloo import _host, values
from igloo._kind import Access
from igloo.errors import EmitError, Refusal, WriteError
from igloo.values import Tagged, ValueType

T = TypeVar("T")

UPDATES = 4096
"""Updates in one call of the contract (`wit/provider.wit`)."""

_REFUSALS = {
    "not-described": "its device is not described",
    "wrong-type": "the value's type is wrong or the value is not finite",
    "limit": "a limit is exceeded",
    "not-writable": "it has no state",
}


class Part:
    """What all parts are: one component of an entity, at most one of a kind."""

    __slots__ = ("_attributes", "access", "device", "entity", "handle", "kind")

    def __init__(self, device: str, entity: str, kind: str, access: Access) -> None:
        self.device = device
        self.entity = entity
        self.kind = kind
        """The kind's name, such as `switch`."""
        self.access = access
        self.handle: int | None = None
        """From the hub, once the device is described. Dies with the session."""
        self._attributes: dict[str, Tagged] = {}

    def attribute(self, key: str, value: object) -> None:
        """Sets an attribute by its key. Counts when the device is described next."""
        self._attributes[key] = values.infer(value)

    def __str__(self) -> str:
        return f"{self.device}/{self.entity}/{self.kind}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def describe(self) -> _host.ComponentDescription:
        """For the hub."""
        return _host.ComponentDescription(self.kind, self.access.value, tuple(self._attributes.items()))


class Component(Part, Generic[T]):
    """A component that holds a value of the type `T`: keep it to write its value."""

    __slots__ = ("_type",)

    def __init__(self, device: str, entity: str, kind: str, access: Access, value: ValueType[T]) -> None:
        super().__init__(device, entity, kind, access)
        self._type = value

    def write(self, value: T) -> None:
        """Reports its value now. Never waits; only the newest value counts. Raises [`WriteError`]; `TypeError` and
        `ValueError` for what is no value of its kind."""
        write((self.to(value),))

    def write_unknown(self) -> None:
        """Reports that its value is not known now. Not the same as a device that is unavailable."""
        write((self.to_unknown(),))

    def to(self, value: T, at: datetime | None = None) -> Update:
        """A new value for [`Home.write`], which takes many as one. `at` is the device's own time of the reading."""
        try:
            tagged = self.encode(value)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{self}: {error}") from None
        return Update(self, tagged, None if at is None else values.nanoseconds(at))

    def to_unknown(self, at: datetime | None = None) -> Update:
        """Like [`to`], for a value that is not known now."""
        return Update(self, values.UNKNOWN, None if at is None else values.nanoseconds(at))

    def encode(self, value: T) -> Tagged:
        """To what travels."""
        return self._type.case, self._type.encode(value)

    def decode(self, tagged: Tagged) -> T:
        """From what a command carries. Raises `ValueError`."""
        if tagged[0] != self._type.case:
            raise ValueError(f"wanted a value of {self.kind}, got {tagged!r}")
        return self._type.decode(tagged[1])


class DynamicComponent(Component[Any]):
    """A component of a kind that this SDK does not know: its values travel as their classes say."""

    __slots__ = ()

    def __init__(self, device: str, entity: str, kind: str, access: Access) -> None:
        super().__init__(device, entity, kind, access, values.TEXT)

    def encode(self, value: Any) -> Tagged:
        return values.infer(value)

    def decode(self, tagged: Tagged) -> Any:
        return values.plain(tagged)


class Event(Part):
    """A component that only happens, such as a button that is pressed."""

    __slots__ = ()

    def __init__(self, device: str, entity: str, kind: str) -> None:
        super().__init__(device, entity, kind, Access.EVENT)

    def emit(self, event: str, data: object = None) -> None:
        """Reports that `event`, one of its own, happened, with something to know about it: a value, such as a number.

        Events are in order, and never stored or repeated. Raises [`EmitError`].
        """
        tagged = None if data is None else values.infer(data)
        if self.handle is None:
            raise self._error(EmitError("not-described"))
        try:
            _host.current().emit(self.handle, event, tagged)
        except EmitError as error:
            unknown = error.code == "unknown-component"
            raise self._error(EmitError("not-described") if unknown else error) from None

    def _error(self, error: EmitError) -> EmitError:
        return EmitError(error.code, f"{self}: {error.text}", error.lost)


class Trigger(Part):
    """A component that commands ask for and that has no state: a button on a screen."""

    __slots__ = ()

    def __init__(self, device: str, entity: str, kind: str) -> None:
        super().__init__(device, entity, kind, Access.COMMAND)

    def decode(self, _: Tagged) -> Literal[True]:
        """It was asked for."""
        return True


class Update:
    """One component's new value. Does nothing until it is written."""

    __slots__ = ("component", "time", "value")

    def __init__(self, component: Part, value: Tagged, time: int | None) -> None:
        self.component = component
        self.value = value
        self.time = time

    def __repr__(self) -> str:
        return f"Update({self.component} = {self.value!r})"


def write(updates: Iterable[Update]) -> None:
    """Reports new values, applied as one up to 4096 of them. Raises [`WriteError`]."""
    host = _host.current()
    refused: list[Refusal] = []
    components: list[Part] = []
    described: list[_host.HandleUpdate] = []
    for update in updates:
        component = update.component
        if component.handle is None:
            refused.append(_refusal(component, "not-described", ""))
        else:
            components.append(component)
            described.append(_host.HandleUpdate(component.handle, update.value, update.time))
    for start in range(0, len(described), UPDATES):
        for index, code, text in host.write(described[start : start + UPDATES]):
            refused.append(_refusal(components[start + index], code, text))
    if refused:
        raise WriteError(refused)


def _refusal(component: Part, code: str, text: str) -> Refusal:
    code = "not-described" if code == "unknown-component" else code
    return Refusal(str(component), code, _REFUSALS.get(code) or f"{code}: {text}")
