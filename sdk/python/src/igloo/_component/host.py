"""The hub, as a component reaches it: calls of its imports."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import igloo_intrinsics as intrinsics
from componentize_py_types import Err
from wit_world.imports import browser, home, ports, store
from wit_world.imports import igloo_discovery_types as wit_discovery
from wit_world.imports import igloo_provider_types as wit

from igloo import _host, discovery
from igloo._component.ports import Link, Port
from igloo._component.values import code, to_wit
from igloo.errors import DescribeError, DiscoveryError, EmitError, SerialError, StoreError
from igloo.serial import Settings
from igloo.values import Tagged
from igloo_runtime.streams import Reader

#: Findings that are read at a time.
_FINDINGS = 16
_LEVELS = {
    "trace": wit.LogLevel.TRACE,
    "debug": wit.LogLevel.DEBUG,
    "info": wit.LogLevel.INFO,
    "warn": wit.LogLevel.WARN,
    "error": wit.LogLevel.ERROR,
}
_ACCESS = {
    "read": wit.Access.READ,
    "read-write": wit.Access.READ_WRITE,
    "command": wit.Access.COMMAND,
    "event": wit.Access.EVENT,
}


def _attributes(attributes: _host.Attributes) -> list[Any]:
    return [wit.Attribute(key, to_wit(value)) for key, value in attributes]


def _device(device: _host.DeviceDescription) -> Any:
    return wit.DeviceDescription(
        device.id,
        device.name,
        _attributes(device.attributes),
        [
            wit.EntityDescription(
                entity.id,
                entity.name,
                _attributes(entity.attributes),
                [
                    wit.ComponentDescription(each.kind, _ACCESS[each.access], _attributes(each.attributes))
                    for each in entity.components
                ],
            )
            for entity in device.entities
        ],
    )


class ComponentHost:
    """[`igloo._host.Host`] over the imports."""

    def config(self) -> str:
        return home.config()

    def describe(self, device: _host.DeviceDescription) -> Sequence[int]:
        try:
            return home.describe(_device(device))
        except Err as error:
            raise DescribeError(*code(error.value)) from None

    def remove(self, device: str) -> bool:
        return home.remove(device)

    def complete(self) -> None:
        home.complete()

    def ready(self) -> None:
        home.ready()

    def write(self, updates: Sequence[_host.HandleUpdate]) -> Sequence[_host.BadUpdate]:
        try:
            home.write([wit.Update(component, to_wit(value), time) for component, value, time in updates])
        except Err as error:
            return [_host.BadUpdate(each.index, *code(each.error)) for each in error.value]
        return ()

    def emit(self, component: int, event: str, data: Tagged | None) -> None:
        try:
            home.emit(component, event, None if data is None else to_wit(data))
        except Err as error:
            lost = error.value.value if isinstance(error.value, wit.EmitError_Overflow) else 0
            raise EmitError(*code(error.value), lost=lost) from None

    def set_available(self, device: str, available: bool) -> bool:
        return home.set_available(device, available)

    def log(self, level: _host.Level, message: str) -> None:
        # The bindings take only what UTF-8 can say.
        home.log(_LEVELS[level], message.encode("utf-8", "backslashreplace").decode())

    async def store_get(self, key: str) -> bytes | None:
        try:
            return await store.get(key)
        except Err as error:
            raise StoreError(*code(error.value)) from None

    async def store_set(self, key: str, value: bytes) -> None:
        try:
            await store.set(key, bytes(value))
        except Err as error:
            raise StoreError(*code(error.value)) from None

    async def store_delete(self, key: str) -> None:
        try:
            await store.delete(key)
        except Err as error:
            raise StoreError(*code(error.value)) from None

    async def store_keys(self, prefix: str) -> Sequence[str]:
        try:
            return await store.keys(prefix)
        except Err as error:
            raise StoreError(*code(error.value)) from None

    def serial_slots(self) -> Sequence[tuple[str, bool]]:
        return [(slot.name, slot.bound) for slot in ports.slots()]

    async def serial_wait_present(self, slot: str) -> None:
        try:
            await ports.wait_present(slot)
        except Err as error:
            raise SerialError(*code(error.value)) from None

    async def serial_open(self, slot: str, settings: Settings) -> Link:
        return await Link.open(slot, settings)

    def serial_open_blocking(self, slot: str, settings: Settings) -> Port:
        return Port.open(slot, settings)

    async def browse(self, service_type: str) -> ComponentFindings:
        try:
            return ComponentFindings(await browser.browse(service_type))
        except Err as error:
            raise DiscoveryError(*code(error.value)) from None

    async def search(self, target: str) -> ComponentFindings:
        try:
            return ComponentFindings(await browser.search(target))
        except Err as error:
            raise DiscoveryError(*code(error.value)) from None


class ComponentFindings:
    """[`igloo._host.FindingSource`] over a stream of findings."""

    def __init__(self, stream: Any) -> None:
        self._waiting: deque[Any] = deque()
        self._changed = asyncio.Event()
        self._reader = Reader(stream, intrinsics.cancel_find, self._waiting.extend, self._changed.set)

    async def next(self) -> discovery.Finding | None:
        while not self._reader.closed:
            if self._waiting:
                return _finding(self._waiting.popleft())
            if self._reader.over:
                return None
            self._changed.clear()
            self._reader.read(_FINDINGS)
            if not self._waiting and not self._reader.over:
                await self._changed.wait()
        return None

    def close(self) -> None:
        self._reader.close()
        self._changed.set()


def _finding(finding: Any) -> discovery.Finding:
    value = finding.value
    if isinstance(finding, wit_discovery.Finding_ServiceFound):
        return discovery.Service(
            value.kind, value.name, value.host, value.port, tuple(value.addresses), tuple(value.properties)
        )
    if isinstance(finding, wit_discovery.Finding_ServiceLost):
        return discovery.ServiceLost(*value)
    if isinstance(finding, wit_discovery.Finding_SsdpFound):
        return discovery.SsdpDevice(value.target, value.usn, value.location, tuple(value.headers))
    return discovery.SsdpLost(value)
