"""Describing devices: a device has entities, an entity has components.

```python
lamp = Device("lamp-1", "Living lamp", manufacturer="Acme")
bulb = lamp.entity("bulb", "Bulb").light()
switch = bulb.switch(writable=True)
brightness = bulb.dimmer(writable=True, step=0.01)
home.describe(lamp)
switch.write(True)
```

The methods that add components are generated from the model, one for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from igloo import _host, kinds, values
from igloo._builder import EntityKinds
from igloo._kind import Access, EventKind, Kind, Marker, TriggerKind
from igloo._parts import Component, DynamicComponent, Event, Part, Trigger
from igloo.values import Tagged

if TYPE_CHECKING:
    from igloo._attributes import ComponentAttributes, DeviceAttributes, EntityAttributes

T = TypeVar("T")
P = TypeVar("P", bound=Part)


def _keys(attributes: Mapping[str, Any]) -> dict[str, Tagged]:
    # An option that is not there is None, so that what a device did not tell can be passed on as it is.
    return {key.replace("_", "-"): values.infer(value) for key, value in attributes.items() if value is not None}


class Device:
    """A device: something with a serial number or an address of its own."""

    def __init__(self, id: str, name: str, **attributes: Unpack[DeviceAttributes]) -> None:
        self.id = id
        """Stable and the device's own (a serial number, a MAC address), the same in every session."""
        self.name = name
        self._attributes = _keys(attributes)
        self._entities: dict[str, Entity] = {}

    def entity(self, id: str, name: str, **attributes: Unpack[EntityAttributes]) -> Entity:
        """The entity with this identifier, which is made if there is none yet."""
        entity = self._entities.get(id)
        if entity is None:
            entity = self._entities[id] = Entity(self.id, id, name)
        entity._attributes.update(_keys(attributes))
        return entity

    def attribute(self, key: str, value: object) -> None:
        """Sets an attribute by its key. Counts when the device is described next."""
        self._attributes[key] = values.infer(value)

    def set_available(self, available: bool) -> bool:
        """Whether it can be reached. Its values stay when it is not. False if it is not described."""
        return _host.current().set_available(self.id, available)

    def __repr__(self) -> str:
        return f"Device({self.id})"

    def describe(self) -> _host.DeviceDescription:
        """For the hub."""
        entities = tuple(entity.describe() for entity in self._entities.values())
        return _host.DeviceDescription(self.id, self.name, tuple(self._attributes.items()), entities)

    def parts(self) -> list[Part]:
        """All of its components, in the order of the description."""
        return [part for entity in self._entities.values() for part in entity._parts.values()]


class Entity(EntityKinds):
    """A part of a device that does one thing, such as a bulb or a temperature sensor."""

    def __init__(self, device: str, id: str, name: str) -> None:
        self.device = device
        self.id = id
        self.name = name
        self._attributes: dict[str, Tagged] = {}
        self._parts: dict[str, Part] = {}

    def attribute(self, key: str, value: object) -> None:
        """Sets an attribute by its key. Counts when the device is described next."""
        self._attributes[key] = values.infer(value)

    @overload
    def component(
        self,
        kind: Kind[T],
        *,
        writable: bool = False,
        command_only: bool = False,
        **attributes: Unpack[ComponentAttributes],
    ) -> Component[T]: ...
    @overload
    def component(
        self,
        kind: str,
        *,
        writable: bool = False,
        command_only: bool = False,
        **attributes: Unpack[ComponentAttributes],
    ) -> Component[Any]: ...
    def component(
        self,
        kind: Kind[Any] | str,
        *,
        writable: bool = False,
        command_only: bool = False,
        **attributes: Unpack[ComponentAttributes],
    ) -> Component[Any]:
        """A component of a kind, which may be known by its name only when the provider runs, such as from its
        configuration: then its values are not checked by type checkers.

        An entity has at most one component of a kind: asking again gives the same one.
        """
        if not isinstance(kind, str):
            return self._component(kind, writable, command_only, attributes)
        known = kinds.KINDS.get(kind)
        if known is None:
            made = DynamicComponent(self.device, self.id, kind, Access.READ)
            return self._set(made, writable, command_only, attributes)
        if not isinstance(known, Kind):
            raise TypeError(f"{kind} has no value: use entity.{kind.replace('-', '_')}()")
        return self._component(known, writable, command_only, attributes)

    def _component(
        self, kind: Kind[T], writable: bool, command_only: bool, attributes: ComponentAttributes
    ) -> Component[T]:
        made = Component(self.device, self.id, kind.name, kind.access, kind.value)
        return self._set(made, writable, command_only, attributes)

    def _set(
        self, made: Component[T], writable: bool, command_only: bool, attributes: ComponentAttributes
    ) -> Component[T]:
        part = self._add(made, attributes)
        if command_only:
            part.access = Access.COMMAND
        elif writable:
            part.access = Access.READ_WRITE
        return part

    def _mark(self, kind: Marker) -> None:
        self._add(Component(self.device, self.id, kind.name, Access.READ, values.TEXT), {})

    def _event(self, kind: EventKind, events: tuple[str, ...], attributes: ComponentAttributes) -> Event:
        event = self._add(Event(self.device, self.id, kind.name), attributes)
        event.attribute("options", list(events))
        return event

    def _trigger(self, kind: TriggerKind, attributes: ComponentAttributes) -> Trigger:
        return self._add(Trigger(self.device, self.id, kind.name), attributes)

    def _add(self, part: P, attributes: Mapping[str, Any]) -> P:
        known = self._parts.setdefault(part.kind, part)
        if not isinstance(known, type(part)):
            raise TypeError(f"{known} is there already, as {type(known).__name__}")
        known._attributes.update(_keys(attributes))
        return known

    def __repr__(self) -> str:
        return f"Entity({self.device}/{self.id})"

    def describe(self) -> _host.EntityDescription:
        """For the hub."""
        parts = tuple(part.describe() for part in self._parts.values())
        return _host.EntityDescription(self.id, self.name, tuple(self._attributes.items()), parts)
