"""The hub, as [`igloo._host.Host`], over messages. What a component's import answers at once blocks here, too; a
`write` is checked here by the hub's own rules and only sent, for it has no answer. The hub checks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from igloo import _host
from igloo._process import tagged
from igloo._process.connection import CallFailed, Connection, Message, TooLarge
from igloo._process.ports import Ports
from igloo.discovery import Finding, Service, ServiceLost, SsdpDevice, SsdpLost
from igloo.errors import DescribeError, DiscoveryError, EmitError, SerialError, StoreError
from igloo.serial import Settings
from igloo.values import Tagged

UPDATES: Final = 4096
"""Updates in one write (`wit/provider.wit`)."""
FINDINGS: Final = 256
"""Findings of one browse that wait to be taken; those beyond are left out."""


def coded(error: CallFailed, of: str) -> tuple[str, str]:
    """A code and a text for a call's error, as `{"store": "quota"}` or `{"store": {"other": ["code", "text"]}}` are.

    The text is empty for a code that needs none.
    """
    content = error.error
    if content == "busy":
        return "busy", "too many calls wait for their answers"
    if isinstance(content, dict) and of in content:
        content = content[of]
    if isinstance(content, str):
        return content, ""
    if isinstance(content, dict) and len(content) == 1:
        ((code, text),) = content.items()
        if code == "other" and isinstance(text, list) and len(text) == 2:
            return str(text[0]), str(text[1])
        return str(code), str(text)
    return "unexpected", str(content)


class ProcessHost:
    """The hub of a native process."""

    def __init__(self, connection: Connection, config: str) -> None:
        self._connection = connection
        self._config = config
        self._ports = Ports(connection)
        self._browses: dict[int, _Findings] = {}
        # Whether each component that was described has a state to write, by its handle.
        self._has_state: dict[int, bool] = {}
        self._handles: dict[str, Sequence[int]] = {}

    def config(self) -> str:
        return self._config

    def describe(self, device: _host.DeviceDescription) -> Sequence[int]:
        try:
            answer = self._connection.ask("describe", {"device": _device(device)})
            handles: list[int] = answer["handles"]
        except CallFailed as error:
            raise DescribeError(*coded(error, "describe")) from None
        except (KeyError, TypeError) as error:
            raise DescribeError("unexpected", repr(error)) from None
        self._forget(device.id)
        components = [component for entity in device.entities for component in entity.components]
        for component, handle in zip(components, handles, strict=False):
            self._has_state[handle] = component.access in ("read", "read-write")
        self._handles[device.id] = handles
        return handles

    def _forget(self, device: str) -> None:
        for handle in self._handles.pop(device, ()):
            self._has_state.pop(handle, None)

    def remove(self, device: str) -> bool:
        self._forget(device)
        return self._asks_whether("remove", {"device": device})

    def _asks_whether(self, name: str, fields: Message) -> bool:
        try:
            answer: object = self._connection.ask(name, fields)
        except CallFailed:
            return False
        return answer == {"boolean": True}

    def complete(self) -> None:
        self._connection.say("complete", {})

    def ready(self) -> None:
        self._connection.say("ready", {})

    def write(self, updates: Sequence[_host.HandleUpdate]) -> Sequence[_host.BadUpdate]:
        bad = []
        good = []
        for index, update in enumerate(updates):
            why = self._check(update) if index < UPDATES else "limit"
            if why is not None:
                bad.append(_host.BadUpdate(index, why, ""))
                continue
            said: Message = {"component": update.component, "value": tagged.to_message(update.value)}
            if update.time is not None:
                said["time"] = update.time
            good.append(said)
        self._send(good)
        return bad

    def _check(self, update: _host.HandleUpdate) -> str | None:
        has_state = self._has_state.get(update.component)
        if has_state is None:
            return "unknown-component"
        return tagged.check(update.value) if has_state else "not-writable"

    def _send(self, updates: list[Message]) -> None:
        """As one, unless it is too much for one frame."""
        if not updates:
            return
        try:
            self._connection.say("write", {"updates": updates})
        except TooLarge:
            half = len(updates) // 2
            if half:
                self._send(updates[:half])
                self._send(updates[half:])

    def emit(self, component: int, event: str, data: Tagged | None) -> None:
        fields: Message = {"component": component, "event": event}
        if data is not None:
            fields["data"] = tagged.to_message(data)
        try:
            self._connection.ask("emit", fields)
        except CallFailed as error:
            code, text = coded(error, "emit")
            if code != "overflow":
                raise EmitError(code, text) from None
            lost = int(text) if text.isdecimal() else 0
            raise EmitError(code, f"the queue of events is full; {text} are lost so far", lost) from None

    def set_available(self, device: str, available: bool) -> bool:
        return self._asks_whether("set-available", {"device": device, "available": available})

    def log(self, level: _host.Level, message: str) -> None:
        self._connection.log(level, message)

    async def _store(self, name: str, fields: Message) -> Any:
        try:
            return (await self._connection.call(name, fields)).ok
        except CallFailed as error:
            raise StoreError(*coded(error, "store")) from None

    async def store_get(self, key: str) -> bytes | None:
        answer: bytes | None = (await self._store("store-get", {"key": key})).get("bytes")
        return answer

    async def store_set(self, key: str, value: bytes) -> None:
        await self._store("store-set", {"key": key, "value": value})

    async def store_delete(self, key: str) -> None:
        await self._store("store-delete", {"key": key})

    async def store_keys(self, prefix: str) -> Sequence[str]:
        keys: list[str] = (await self._store("store-keys", {"prefix": prefix})).get("keys", [])
        return keys

    def serial_slots(self) -> Sequence[tuple[str, bool]]:
        try:
            answer = self._connection.ask("serial-slots", {})
            return [(slot["name"], slot["bound"]) for slot in answer["slots"]]
        except (CallFailed, KeyError, TypeError):
            return []

    async def serial_wait_present(self, slot: str) -> None:
        try:
            await self._connection.call("serial-wait-present", {"slot": slot})
        except CallFailed as error:
            raise SerialError(*coded(error, "serial")) from None

    async def serial_open(self, slot: str, settings: Settings) -> _host.SerialLink:
        return await self._ports.open(slot, settings)

    def serial_open_blocking(self, slot: str, settings: Settings) -> _host.BlockingPort:
        return self._ports.open_blocking(slot, settings)

    async def browse(self, service_type: str) -> _host.FindingSource:
        return await self._look("browse", {"service-type": service_type})

    async def search(self, target: str) -> _host.FindingSource:
        return await self._look("search", {"target": target})

    async def _look(self, name: str, fields: Message) -> _host.FindingSource:
        findings = _Findings(self)
        try:
            await self._connection.call(name, fields, findings.begun)
        except CallFailed as error:
            self._browses.pop(findings.browse, None)
            raise DiscoveryError(*coded(error, "discovery")) from None
        except asyncio.CancelledError:
            findings.close()
            raise
        return findings

    def heard(self, name: str, fields: Message) -> None:
        """A message that is neither an answer nor a call."""
        if name == "refused":
            for update in fields.get("updates", ()):
                self.log("warn", f"the hub refused an update of a write: {update}")
        elif name == "port-ended":
            self._ports.ended(fields)
        elif name == "finding":
            findings = self._browses.get(fields.get("browse", 0))
            if findings is not None:
                findings.put(fields.get("finding"))
        elif name != "welcome":
            self._connection.unknown(name)

    def register(self, findings: _Findings) -> None:
        """What is found in this browse is for these findings."""
        self._browses[findings.browse] = findings

    def stop(self, findings: _Findings) -> None:
        """Nobody reads these any more."""
        if self._browses.pop(findings.browse, None) is not None:
            self._connection.tell("stop-browse", {"browse": findings.browse})


class _Findings:
    """What one browse found, and nobody has taken yet."""

    def __init__(self, host: ProcessHost) -> None:
        self._host = host
        self._queue: asyncio.Queue[Finding | None] = asyncio.Queue(FINDINGS)
        self._is_told = False
        self.browse = 0

    def begun(self, call: int) -> None:
        """Its call has this id. The first finding may come with the answer."""
        self.browse = call
        self._host.register(self)

    def put(self, message: Any) -> None:
        """From the hub."""
        found = _finding(message)
        if found is None:
            return
        try:
            self._queue.put_nowait(found)
        except asyncio.QueueFull:
            if not self._is_told:
                self._is_told = True
                self._host.log("warn", "findings are left out: their browse is not read")

    async def next(self) -> Finding | None:
        return await self._queue.get()

    def close(self) -> None:
        self._host.stop(self)
        if not self._queue.full():
            self._queue.put_nowait(None)


def _finding(message: Any) -> Finding | None:
    """What is no finding, or one of a newer hub, is None."""
    try:
        ((case, found),) = message.items()
        if case == "service-found":
            properties = tuple((str(key), bytes(value)) for key, value in found["properties"])
            addresses = tuple(found["addresses"])
            return Service(found["kind"], found["name"], found["host"], found["port"], addresses, properties)
        if case == "service-lost":
            kind, name = found
            return ServiceLost(kind, name)
        if case == "ssdp-found":
            headers = tuple((str(key), str(value)) for key, value in found["headers"])
            return SsdpDevice(found["target"], found["usn"], found["location"], headers)
        if case == "ssdp-lost":
            return SsdpLost(found)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    return None


def _device(device: _host.DeviceDescription) -> Message:
    return {
        "id": device.id,
        "name": device.name,
        "attributes": _attributes(device.attributes),
        "entities": [
            {
                "id": entity.id,
                "name": entity.name,
                "attributes": _attributes(entity.attributes),
                "components": [
                    {
                        "kind": component.kind,
                        "access": component.access,
                        "attributes": _attributes(component.attributes),
                    }
                    for component in entity.components
                ],
            }
            for entity in device.entities
        ],
    }


def _attributes(attributes: _host.Attributes) -> list[Message]:
    return [{"key": key, "value": tagged.to_message(value)} for key, value in attributes]
