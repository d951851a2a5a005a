"""serialx's platform in a sandbox: `device://`, and a bare name, is a slot of the manifest. Also `igloo://`.

Registered as serialx registers its own platforms. 1.5 stop bits, marks and spaces are unsupported settings.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from types import ModuleType
from typing import Any, Final, Literal, NoReturn

from serialx.common import (
    BaseSerial,
    BaseSerialTransport,
    ModemPins,
    Parity,
    PinState,
    PortSettingsUpdate,
    SerialPortInfo,
    UnsupportedSetting,
    register_uri_handler,
)

from igloo import _host, serial
from igloo._libraries import slots
from igloo.errors import SerialError

WEIGHT: Final = 100
"""Above serialx's own platforms (1 to 4)."""
GOODBYE: Final = 5.0
"""Seconds that the lines may take to be set when a port is closed."""

_PARITIES: Final[dict[Any, Literal["none", "odd", "even"]]] = {
    Parity.NONE: "none",
    Parity.ODD: "odd",
    Parity.EVEN: "even",
}


def _os_error(error: SerialError) -> OSError:
    """As a tty's descriptor raises it."""
    made = OSError(slots.number(error), error.text or error.code)
    made.__cause__ = error
    return made


def _raise(error: SerialError) -> NoReturn:
    if error.code == "invalid-settings":
        raise UnsupportedSetting(error.text) from error
    raise _os_error(error) from error


def _pins(lines: serial.ModemLines) -> ModemPins:
    return ModemPins(
        cts=PinState.convert(lines.clear_to_send),
        dsr=PinState.convert(lines.data_set_ready),
        rng=PinState.convert(lines.ring_indicator),
        car=PinState.convert(lines.carrier_detect),
    )


class SlotSerial(BaseSerial):  # type: ignore[misc]
    """A slot's port, for code that blocks."""

    _link: _host.BlockingPort | None = None

    def settings(self) -> serial.Settings:
        """The present settings as the hub has them. Raises `UnsupportedSetting`."""
        if self._parity not in _PARITIES:
            raise UnsupportedSetting(f"Unsupported parity {self._parity}")
        if self._stopbits not in (1, 2):
            raise UnsupportedSetting(f"Unsupported stop bits {self._stopbits}")
        if self._dsrdtr:
            raise UnsupportedSetting("a slot's port has no DSR/DTR flow control")
        if self._rtscts and self._xonxoff:
            raise UnsupportedSetting("a port has either RTS/CTS or XON/XOFF flow control")
        flow: Literal["none", "software", "hardware"] = (
            "hardware" if self._rtscts else "software" if self._xonxoff else "none"
        )
        return serial.Settings(self._baudrate, self._byte_size, _PARITIES[self._parity], int(self._stopbits), flow)

    def _open(self) -> None:
        if self._link is not None:
            raise ValueError("Serial port is already open")
        try:
            self._link = _host.current().serial_open_blocking(slots.slot(str(self._path)), self.settings())
        except SerialError as error:
            _raise(error)
        self._auto_close = True
        self._set_modem_pins(self._modem_pins_on_open())

    @property
    def is_open(self) -> bool:
        return self._link is not None

    def _opened(self) -> _host.BlockingPort:
        if self._link is None:
            raise ValueError("Serial port is not open")
        return self._link

    def fileno(self) -> int:
        """What an event loop's `add_reader` takes."""
        return self._opened().fileno()

    def _reconfigure_port(self, update: PortSettingsUpdate) -> None:
        try:
            self._opened().configure(self.settings())
        except SerialError as error:
            _raise(error)

    def _close(self) -> None:
        link = self._link
        if link is not None:
            with contextlib.suppress(OSError):
                self._set_modem_pins(self._modem_pins_on_close())
            self._link = None
            link.close()

    def _get_modem_pins(self) -> ModemPins:
        try:
            return _pins(self._opened().lines())
        except SerialError as error:
            _raise(error)

    def _set_modem_pins(self, modem_pins: ModemPins) -> None:
        dtr, rts = modem_pins.dtr.to_bool(), modem_pins.rts.to_bool()
        if dtr is None and rts is None:
            return
        try:
            self._opened().set_lines(dtr, rts)
        except SerialError as error:
            _raise(error)

    def _lost(self, error: SerialError) -> NoReturn:
        if error.code == "disconnected":
            self._mark_broken(_os_error(error))
        _raise(error)

    def _readinto(self, b: Any, *, timeout: float | None) -> int:
        view = memoryview(b).cast("B")
        link = self._opened()
        try:
            data = link.read(len(view))
            if not data and timeout != 0 and link.wait("read", timeout):
                data = link.read(len(view))
        except SerialError as error:
            self._lost(error)
        view[: len(data)] = data
        return len(data)

    def _write(self, data: Any, *, timeout: float | None) -> int:
        view = memoryview(data).cast("B")
        length = len(view)
        link = self._opened()
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while view := view[link.write(view) :]:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not link.wait("write", left):
                    raise TimeoutError("Write timeout")
        except SerialError as error:
            self._lost(error)
        return length

    def _flush(self) -> None:
        try:
            self._opened().drain()
        except SerialError as error:
            _raise(error)

    def num_unread_bytes(self) -> int:
        return self._opened().waiting()

    def num_unwritten_bytes(self) -> int:
        return self._opened().unsent()

    def _reset_read_buffer(self) -> None:
        self._discard("input")

    def _reset_write_buffer(self) -> None:
        self._discard("output")

    def _discard(self, what: _host.Buffers) -> None:
        try:
            self._opened().discard(what)
        except SerialError as error:
            _raise(error)


class _Protocol(asyncio.Protocol):
    """Between the SDK's transport and serialx's."""

    def __init__(self, outer: SlotTransport) -> None:
        self._outer = outer

    def data_received(self, data: bytes) -> None:
        self._outer._protocol.data_received(data)

    def pause_writing(self) -> None:
        self._outer._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._outer._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._outer._lost(exc)


class SlotTransport(BaseSerialTransport):  # type: ignore[misc]
    """A slot's port, for an event loop: the SDK's own transport."""

    transport_name = "slot"
    _inner: serial.SerialTransport | None = None
    _goodbye: asyncio.Task[None] | None = None

    async def _connect(self, *, path: str | None, **kwargs: Any) -> None:
        made = self._serial = SlotSerial(path=path, **kwargs)
        self._extra["serial"] = made
        try:
            slot = slots.slot(str(path))
            inner, _ = await serial.create_connection(lambda: _Protocol(self), slot, made.settings())
        except SerialError as error:
            _raise(error)
        self._inner = inner
        if self._closing:
            inner.abort()
            return
        await self._set_modem_pins(made._modem_pins_on_open())
        self._call_protocol_connection_made()

    def _lost(self, error: Exception | None) -> None:
        self._closing = True
        if isinstance(error, SerialError):
            error = _os_error(error)
        if error is not None and not self._user_initiated_close:
            self._mark_broken(error)
        self._call_protocol_connection_lost(error)

    def _opened(self) -> serial.SerialTransport:
        if self._inner is None:
            raise ValueError("Serial port is not open")
        return self._inner

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._check_broken()
        self._opened().write(data)

    def pause_reading(self) -> None:
        self._opened().pause_reading()

    def resume_reading(self) -> None:
        self._opened().resume_reading()

    def is_reading(self) -> bool:
        return self._opened().is_reading()

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0 if self._inner is None else self._inner.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._opened().get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._opened().set_write_buffer_limits(high, low)

    def close(self) -> None:
        """Sends what was written, sets the lines as asked for, and closes the port."""
        self._mark_user_closed()
        self._arm_close_timeout()
        if self._closing:
            if self._inner is None:
                self._resolve_closed_waiter()
            return
        self._closing = True
        if self._inner is None:
            self._call_protocol_connection_lost(None)
        else:
            self._goodbye = self._loop.create_task(self._close(self._inner))

    async def _close(self, inner: serial.SerialTransport) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            await inner.sent()
            async with asyncio.timeout(GOODBYE):
                await self._set_modem_pins(self._serial._modem_pins_on_close())
        inner.close()

    def abort(self) -> None:
        self._mark_user_closed()
        self._closing = True
        if self._goodbye is not None:
            self._goodbye.cancel()
        if self._inner is None:
            self._call_protocol_connection_lost(None)
        else:
            self._inner.abort()

    async def _flush(self) -> None:
        inner = self._opened()
        try:
            await inner.sent()
            await inner.link.drain()
        except SerialError as error:
            _raise(error)

    async def _get_modem_pins(self) -> ModemPins:
        try:
            return _pins(await self._opened().link.lines())
        except SerialError as error:
            _raise(error)

    async def _set_modem_pins(self, modem_pins: ModemPins) -> None:
        dtr, rts = modem_pins.dtr.to_bool(), modem_pins.rts.to_bool()
        if dtr is None and rts is None:
            return
        try:
            await self._opened().link.set_lines(dtr, rts)
        except SerialError as error:
            _raise(error)

    async def _reconfigure_port(self, update: PortSettingsUpdate) -> None:
        try:
            await self._opened().link.configure(self._serial.settings())
        except SerialError as error:
            _raise(error)


def _ports(**_: Any) -> list[SerialPortInfo]:
    """The slots that are bound to a port. What is behind one a provider does not learn."""
    unknown: dict[str, Any] = dict.fromkeys(
        (
            *("vid", "pid", "serial_number", "manufacturer", "product", "bcd_device"),
            *("interface_description", "interface_num"),
        )
    )
    return [
        SerialPortInfo(device=name, resolved_device=name, **unknown)
        for name, bound in _host.current().serial_slots()
        if bound
    ]


async def _async_ports(**kwargs: Any) -> list[SerialPortInfo]:
    return _ports(**kwargs)


def extend(common: ModuleType) -> None:
    """Registers the platform. What serialx has chosen already, it chooses again."""
    import sys

    if common._REGISTERED_URI_HANDLERS["igloo://"]:
        return
    register_uri_handler(
        scheme="device://",
        unique_scheme="igloo://",
        sync_cls=SlotSerial,
        async_transport_cls=SlotTransport,
        list_serial_ports_func=_ports,
        async_list_serial_ports_func=_async_ports,
        weight=WEIGHT,
        strip_uri_scheme=True,
    )
    for name in ("serialx", "serialx.platforms"):
        module = sys.modules.get(name)
        if hasattr(module, "SerialTransport"):
            module.Serial, module.SerialTransport = SlotSerial, SlotTransport  # type: ignore[union-attr]
