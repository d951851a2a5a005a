"""A value and its topics: what a payload means, and the payload for what is asked. The device's own report is what is
written, never what was asked for."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from igloo import Component, ConfigError, Device, Kind
from igloo.kinds import KINDS


@dataclass
class Value:
    """As it is configured; [`describe`] comes first."""

    name: str
    kind: str
    topic: str
    field: str | None = None
    set_topic: str | None = None
    on: str = "ON"
    off: str = "OFF"
    scale: float = 1.0
    component: Component[Any] = dataclasses.field(init=False)

    def describe(self, device: Device) -> None:
        """Adds itself to its device, as an entity of its own."""
        known = KINDS.get(self.kind)
        case = known.value.case if isinstance(known, Kind) else None
        if case not in ("boolean", "integer", "real", "text"):
            raise ConfigError(f"`{self.kind}` is no kind whose value a payload can be")
        self.case = case
        id = self.name.lower().replace(" ", "-")
        self.component = device.entity(id, self.name).component(self.kind, writable=self.set_topic is not None)

    def show(self, payload: str) -> None:
        """Reports what was published. Raises `ValueError` for what is not understood."""
        read: Any = payload
        if self.field is not None:
            message = json.loads(payload)
            if not isinstance(message, dict) or self.field not in message:
                return
            read = message[self.field]
        if read is None:
            self.component.write_unknown()
        else:
            self.component.write(self.read(read))

    def read(self, read: Any) -> Any:
        if self.case == "boolean":
            if read is True or read == self.on:
                return True
            if read is False or read == self.off:
                return False
            raise ValueError(f"{read!r} is neither {self.on} nor {self.off}")
        if self.case == "text":
            return str(read)
        number = float(read) * self.scale
        return round(number) if self.case == "integer" else number

    def payload(self, wanted: Any) -> str:
        """What to publish for a value that is asked for."""
        plain: Any
        if self.case == "boolean":
            plain = self.on if wanted else self.off
        elif self.case == "text":
            plain = wanted
        else:
            plain = wanted / self.scale
            plain = int(plain) if float(plain).is_integer() else plain
        return str(plain) if self.field is None else json.dumps({self.field: plain})
