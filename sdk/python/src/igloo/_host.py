"""What the SDK needs from a hub, whichever way the provider runs.

Two things implement [`Host`]: `igloo._component` over a component's imports, and `igloo._process` over messages on a
socket. The rest of the SDK knows only this. What a function cannot do it says with an error of [`igloo.errors`], and
with no other.

The other direction, what a hub asks, is [`igloo._driver.Driver`].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from igloo.discovery import Finding
    from igloo.serial import ModemLines, Settings
    from igloo.values import Tagged

Level = Literal["trace", "debug", "info", "warn", "error"]
AccessName = Literal["read", "read-write", "command", "event"]
Buffers = Literal["input", "output", "both"]
Attributes = Sequence[tuple[str, "Tagged"]]


@dataclass(frozen=True, slots=True)
class ComponentDescription:
    """`component-description` of the contract."""

    kind: str
    access: AccessName
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class EntityDescription:
    """`entity-description` of the contract."""

    id: str
    name: str
    attributes: Attributes
    components: Sequence[ComponentDescription]


@dataclass(frozen=True, slots=True)
class DeviceDescription:
    """`device-description` of the contract."""

    id: str
    name: str
    attributes: Attributes
    entities: Sequence[EntityDescription]


class HandleUpdate(NamedTuple):
    """`update` of the contract."""

    component: int
    value: Tagged
    time: int | None
    """Nanoseconds since 1970."""


class BadUpdate(NamedTuple):
    """`bad-update` of the contract: the update at `position` was not applied."""

    position: int
    code: str
    """`unknown-component`, `wrong-type`, `limit`, `not-writable`, or an `other`'s."""
    text: str
    """An `other`'s, or empty."""


class CommandRequest(NamedTuple):
    """`command` of the contract."""

    id: int
    device: str
    entity: str
    changes: Sequence[tuple[str, Tagged]]
    transition_ms: int | None
    deadline_ms: int


class SerialLink(Protocol):
    """An open serial port's bytes and controls. All but `close` raise [`igloo.SerialError`]."""

    async def receive(self) -> bytes:
        """What arrived, at least one byte, as soon as there is any. Empty if the port was closed.

        Called again only when the last call is over, and cancelled only before [`close`]. A port that went away raises
        `disconnected`.
        """

    async def send(self, data: bytes) -> None:
        """Sends all of it; returns when the hub has it. Called again only when the last call is over, and cancelled
        only before [`close`]."""

    async def configure(self, settings: Settings) -> None: ...

    async def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None: ...

    async def lines(self) -> ModemLines: ...

    async def send_break(self, milliseconds: int) -> None: ...

    async def drain(self) -> None: ...

    async def discard(self, what: Buffers) -> None: ...

    def close(self) -> None:
        """Closes the port at once. May be called again. Nobody waits in `receive` or `send` any more."""


class BlockingPort(Protocol):
    """An open serial port for code that blocks, or that waits for its descriptor. All but `close` raise
    [`igloo.SerialError`]. Controls block until the port has done it.
    """

    def fileno(self) -> int:
        """What an event loop's `add_reader` and `add_writer` take."""

    def read(self, count: int) -> bytes:
        """At most `count` bytes of what has arrived; empty if nothing has. A port that went away raises `disconnected`
        once all of it was read."""

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Takes what there is room for, and answers how many bytes that were."""

    def waiting(self) -> int:
        """How many bytes have arrived and were not read."""

    def unsent(self) -> int:
        """How many bytes were written and the hub does not have; natively, at least 1 if there are any."""

    def wait(self, what: Literal["read", "write"], timeout: float | None) -> bool:
        """Blocks until something can be read or written, or for `timeout` seconds. False if nothing can be, or if
        [`interrupt`] was called."""

    def interrupt(self, what: Literal["read", "write"]) -> None:
        """Ends the `wait` for this that is under way, or the next one. Natively from any thread."""

    def configure(self, settings: Settings) -> None: ...

    def set_lines(self, data_terminal_ready: bool | None, request_to_send: bool | None) -> None: ...

    def lines(self) -> ModemLines: ...

    def send_break(self, milliseconds: int) -> None: ...

    def drain(self) -> None:
        """Blocks until everything written has been transmitted."""

    def discard(self, what: Buffers) -> None: ...

    def close(self) -> None:
        """Sends what was written, for a few seconds at most, and closes the port. May be called again."""


class FindingSource(Protocol):
    """What is found, until it is closed."""

    async def next(self) -> Finding | None:
        """The next finding; None if the hub looks no more. Cancelling loses nothing."""

    def close(self) -> None:
        """Ends the looking. May be called again."""


class Host(Protocol):
    """The hub, as the SDK sees it. Functions that are not `async` answer at once or block like an import does."""

    def config(self) -> str:
        """The configuration: a JSON object as text."""

    def describe(self, device: DeviceDescription) -> Sequence[int]:
        """One handle for each component, in the order of the description. Raises [`igloo.DescribeError`]."""

    def remove(self, device: str) -> bool: ...

    def complete(self) -> None: ...

    def ready(self) -> None: ...

    def write(self, updates: Sequence[HandleUpdate]) -> Sequence[BadUpdate]:
        """At most 4096 updates, applied as one. Never raises; the answer is empty as a rule."""

    def emit(self, component: int, event: str, data: Tagged | None) -> None:
        """Raises [`igloo.EmitError`]; with the code `unknown-component` for a handle that is not there."""

    def set_available(self, device: str, available: bool) -> bool: ...

    def log(self, level: Level, message: str) -> None:
        """Never raises. May be called from anywhere, also while the interpreter ends."""

    async def store_get(self, key: str) -> bytes | None:
        """This and the other three raise [`igloo.StoreError`]."""

    async def store_set(self, key: str, value: bytes) -> None: ...

    async def store_delete(self, key: str) -> None: ...

    async def store_keys(self, prefix: str) -> Sequence[str]: ...

    def serial_slots(self) -> Sequence[tuple[str, bool]]:
        """Each slot of the manifest, and whether its owner has bound it to a port."""

    async def serial_wait_present(self, slot: str) -> None:
        """Raises [`igloo.SerialError`]."""

    async def serial_open(self, slot: str, settings: Settings) -> SerialLink:
        """Raises [`igloo.SerialError`]."""

    def serial_open_blocking(self, slot: str, settings: Settings) -> BlockingPort:
        """Blocks for 10 seconds at most. Raises [`igloo.SerialError`]."""

    async def browse(self, service_type: str) -> FindingSource:
        """Raises [`igloo.DiscoveryError`]."""

    async def search(self, target: str) -> FindingSource:
        """Raises [`igloo.DiscoveryError`]."""


_current: Host | None = None


def install(host: Host | None) -> None:
    """Makes this the hub of the whole interpreter. Called once, before anything of the author's runs."""
    global _current
    _current = host


def current() -> Host:
    """The hub. Raises `RuntimeError` where there is none: outside of a running provider."""
    if _current is None:
        raise RuntimeError("there is no hub: this code was not started by one")
    return _current
