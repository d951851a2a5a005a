"""A hub that remembers what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from igloo import _host
from igloo.serial import Settings
from igloo.values import Tagged


class FakeHost:
    """[`igloo._host.Host`] for unit tests."""

    def __init__(self, config: str = "{}") -> None:
        self.text = config
        self.devices: list[_host.DeviceDescription] = []
        self.said: list[Any] = []
        self.lines: list[tuple[str, str]] = []
        self.bad: list[_host.BadUpdate] = []
        self.stored: dict[str, bytes] = {}
        self.link: _host.SerialLink | None = None

    def config(self) -> str:
        return self.text

    def describe(self, device: _host.DeviceDescription) -> Sequence[int]:
        self.devices.append(device)
        return range(10, 10 + sum(len(entity.components) for entity in device.entities))

    def remove(self, device: str) -> bool:
        self.said.append(("remove", device))
        return True

    def complete(self) -> None:
        self.said.append("complete")

    def ready(self) -> None:
        self.said.append("ready")

    def write(self, updates: Sequence[_host.HandleUpdate]) -> Sequence[_host.BadUpdate]:
        self.said.append([(update.component, update.value) for update in updates])
        return self.bad

    def emit(self, component: int, event: str, data: Tagged | None) -> None:
        self.said.append((component, event, data))

    def set_available(self, device: str, available: bool) -> bool:
        self.said.append(("available", device, available))
        return True

    def log(self, level: _host.Level, message: str) -> None:
        self.lines.append((level, message))

    async def store_get(self, key: str) -> bytes | None:
        return self.stored.get(key)

    async def store_set(self, key: str, value: bytes) -> None:
        self.stored[key] = value

    async def store_delete(self, key: str) -> None:
        self.stored.pop(key, None)

    async def store_keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.stored if key.startswith(prefix))

    def serial_slots(self) -> Sequence[tuple[str, bool]]:
        return [("meter", True)]

    async def serial_wait_present(self, slot: str) -> None:
        pass

    async def serial_open(self, slot: str, settings: Settings) -> _host.SerialLink:
        assert self.link is not None
        return self.link

    def serial_open_blocking(self, slot: str, settings: Settings) -> _host.BlockingPort:
        raise AssertionError("no test opens one")

    async def browse(self, service_type: str) -> _host.FindingSource:
        raise NotImplementedError

    async def search(self, target: str) -> _host.FindingSource:
        raise NotImplementedError
