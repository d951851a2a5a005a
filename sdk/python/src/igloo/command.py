"""What somebody asks of one entity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from igloo import _host, values
from igloo._kind import Kind, TriggerKind
from igloo._parts import Component, Trigger
from igloo.errors import Rejected
from igloo.values import Tagged

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


class Command:
    """A command: changes of one entity that belong together. Apply all of them or none.

    ```python
    if (on := command.asks(self.switch)) is not None: ...      # by component: of this very device and entity
    if (on := command.value(kinds.SWITCH)) is not None: ...    # by kind, whatever the device and the entity
    ```
    """

    __slots__ = ("_changes", "_deadline_ms", "_transition_ms", "device", "entity", "id")

    def __init__(self, request: _host.CommandRequest) -> None:
        self.id = request.id
        """Unique in the hub. The same command is never delivered twice."""
        self.device = request.device
        """The provider's own identifier of the device."""
        self.entity = request.entity
        """The provider's own identifier of the entity."""
        self._changes: dict[str, Tagged] = dict(request.changes)
        self._transition_ms = request.transition_ms
        self._deadline_ms = request.deadline_ms

    @property
    def transition(self) -> float | None:
        """Seconds that the change may take to complete, for lights and covers."""
        return None if self._transition_ms is None else self._transition_ms / 1000

    @property
    def deadline(self) -> float:
        """Seconds from delivery after which the asker is told `timeout` and an answer is discarded."""
        return self._deadline_ms / 1000

    @property
    def changes(self) -> dict[str, object]:
        """The value wanted of each component, by its kind's name. A choice is its index here."""
        return {kind: _value(kind, values.plain, tagged) for kind, tagged in self._changes.items()}

    @overload
    def asks(self, component: Component[T]) -> T | None: ...
    @overload
    def asks(self, component: Trigger) -> bool | None: ...
    def asks(self, component: Component[Any] | Trigger) -> Any:
        """The value wanted of this component (of a trigger True), if the command is about its entity and asks for it;
        else None. Compare with `is not None`: False and 0 are values."""
        if component.entity != self.entity or component.device != self.device:
            return None
        tagged = self._changes.get(component.kind)
        return None if tagged is None else _value(component.kind, component.decode, tagged)

    @overload
    def value(self, kind: Kind[T]) -> T | None: ...
    @overload
    def value(self, kind: TriggerKind) -> bool | None: ...
    @overload
    def value(self, kind: str) -> object: ...
    def value(self, kind: Kind[Any] | TriggerKind | str) -> Any:
        """The value wanted of the component of this kind, whatever the device and the entity; else None."""
        tagged = self._changes.get(kind if isinstance(kind, str) else kind.name)
        if tagged is None:
            return None
        if isinstance(kind, str):
            return _value(kind, values.plain, tagged)
        if isinstance(kind, TriggerKind):
            return True
        return _value(kind.name, kind.value.decode, tagged[1])

    def __repr__(self) -> str:
        changes = " ".join(f"{kind}={content!r}" for kind, (_, content) in self._changes.items())
        return f"Command({self.id}: {self.device}/{self.entity} {changes})"


def _value(kind: str, decode: Callable[[A], B], content: A) -> B:
    try:
        return decode(content)
    except (TypeError, ValueError, OverflowError) as error:
        raise Rejected(f"{kind}: not a value that this provider can take: {error}") from None
