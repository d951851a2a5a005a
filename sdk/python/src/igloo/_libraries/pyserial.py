"""pyserial's `serial.serialposix`: its `Serial` opens a slot of the manifest, and its descriptor can be waited for.

Everything is as pyserial documents it for POSIX, but that a port of a hub cannot hold the break condition for longer
than it is told beforehand, marks and spaces are no parities, and RS-485 is the hub's to set. Always exclusive.
"""

from __future__ import annotations

import errno
from typing import Any, Final, Literal, NoReturn

from serial.serialutil import (
    PARITY_EVEN,
    PARITY_NONE,
    PARITY_ODD,
    PortNotOpenError,
    SerialBase,
    SerialException,
    SerialTimeoutException,
    Timeout,
    to_bytes,
)

from igloo import _host
from igloo._libraries import slots
from igloo.errors import SerialError
from igloo.serial import ModemLines, Settings

LONGEST_BREAK: Final = 5.0
"""Seconds that one break may be held (`wit/deps/igloo-serial.wit`)."""

_PARITIES: Final[dict[str, Literal["none", "even", "odd"]]] = {
    PARITY_NONE: "none",
    PARITY_EVEN: "even",
    PARITY_ODD: "odd",
}


def _raise(error: SerialError, what: str) -> NoReturn:
    if error.code == "invalid-settings":
        # As pyserial says that a port cannot do its settings.
        raise ValueError(f"{what}: {error.text}") from error
    raise SerialException(slots.number(error), f"{what}: {error.text or error.code}") from error


class Serial(SerialBase):  # type: ignore[misc]
    """A serial port: `Serial("meter", 115200)` opens the slot `meter`."""

    # What pyserial's own class sets.
    is_open: bool
    _port: str | None
    _break_state: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._link: _host.BlockingPort | None = None
        self._applied: Settings | None = None
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Opens the slot with the present settings. Raises `SerialException`, `ValueError` for settings."""
        if self._port is None:
            raise SerialException("Port must be configured before it can be used.")
        if self.is_open:
            raise SerialException("Port is already open.")
        settings = self._settings()
        try:
            self._link = _host.current().serial_open_blocking(slots.slot(self._port), settings)
        except SerialError as error:
            _raise(error, f"could not open port {self._port}")
        self._applied = settings
        self.is_open = True
        try:
            dtr = None if self._dsrdtr else bool(self._dtr_state)
            rts = None if self._rtscts else bool(self._rts_state)
            self._set_lines(dtr, rts)
            self.reset_input_buffer()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Sends what was written, and closes the port."""
        link, self._link = self._link, None
        self.is_open = False
        if link is not None:
            link.close()

    def _opened(self) -> _host.BlockingPort:
        if self._link is None:
            raise PortNotOpenError()
        return self._link

    # Settings.

    def _settings(self) -> Settings:
        if self._parity not in _PARITIES:
            raise ValueError(f"Invalid parity: {self._parity!r}")
        if self._rtscts and self._xonxoff:
            raise ValueError("a port has either `rtscts` or `xonxoff`")
        flow: Literal["none", "software", "hardware"] = (
            "hardware" if self._rtscts else "software" if self._xonxoff else "none"
        )
        # 1.5 is 2 on POSIX, says pyserial.
        stop_bits = 1 if self._stopbits == 1 else 2
        return Settings(self._baudrate, self._bytesize, _PARITIES[self._parity], stop_bits, flow)

    def _reconfigure_port(self, force_update: bool = False) -> None:
        if self._rs485_mode is not None:
            raise NotImplementedError("a slot's port has no RS485 mode")
        settings = self._settings()
        if settings == self._applied and not force_update:
            return
        try:
            self._opened().configure(settings)
        except SerialError as error:
            _raise(error, "could not configure the port")
        self._applied = settings

    # Bytes.

    @property
    def in_waiting(self) -> int:
        """Bytes that have arrived."""
        try:
            return self._opened().waiting()
        except SerialError as error:
            _raise(error, "in_waiting")

    @property
    def out_waiting(self) -> int:
        """Bytes that were not sent, or more."""
        try:
            return self._opened().unsent()
        except SerialError as error:
            _raise(error, "out_waiting")

    def read(self, size: int = 1) -> bytes:
        """`size` bytes; fewer after the timeout, after a pause of `inter_byte_timeout`, or once cancelled."""
        found = bytearray()
        timeout = Timeout(self._timeout)
        while len(found) < size:
            try:
                data = self._opened().read(size - len(found))
            except SerialError as error:
                if found:
                    # Told by the next one.
                    break
                _raise(error, "read failed")
            if data:
                found += data
                continue
            left = timeout.time_left()
            if found and self._inter_byte_timeout is not None:
                left = self._inter_byte_timeout if left is None else min(left, self._inter_byte_timeout)
            if left == 0 or not self._opened().wait("read", left):
                break
        return bytes(found)

    def write(self, data: Any) -> int:
        """All of it; what there is room for if `write_timeout` is 0. Raises `SerialTimeoutException`."""
        link = self._opened()
        view = memoryview(to_bytes(data))
        length = len(view)
        timeout = Timeout(self._write_timeout)
        while view:
            try:
                view = view[link.write(view) :]
                if not view or timeout.is_non_blocking:
                    break
                if not link.wait("write", timeout.time_left()):
                    if timeout.expired():
                        raise SerialTimeoutException("Write timeout")
                    break
            except SerialError as error:
                _raise(error, "write failed")
        return length - len(view)

    def flush(self) -> None:
        """Blocks until everything written has been transmitted."""
        try:
            self._opened().drain()
        except SerialError as error:
            _raise(error, "flush failed")

    def reset_input_buffer(self) -> None:
        """Throws away what has arrived."""
        self._discard("input")

    def reset_output_buffer(self) -> None:
        """Throws away what was not sent, as far as the hub has it."""
        self._discard("output")

    def _discard(self, what: _host.Buffers) -> None:
        try:
            self._opened().discard(what)
        except SerialError as error:
            _raise(error, "could not discard")

    def cancel_read(self) -> None:
        """Ends a `read` that waits, or the next one that would."""
        if self._link is not None:
            self._link.interrupt("read")

    def cancel_write(self) -> None:
        """The same for a `write`."""
        if self._link is not None:
            self._link.interrupt("write")

    def fileno(self) -> int:
        """What an event loop's `add_reader` takes."""
        return self._opened().fileno()

    @property
    def fd(self) -> int | None:
        """The same; None if it is closed."""
        return None if self._link is None else self._link.fileno()

    # Lines.

    def _set_lines(self, dtr: bool | None, rts: bool | None) -> None:
        try:
            self._opened().set_lines(dtr, rts)
        except SerialError as error:
            if error.code != "unsupported":
                _raise(error, "could not set the lines")

    def _update_rts_state(self) -> None:
        self._set_lines(None, bool(self._rts_state))

    def _update_dtr_state(self) -> None:
        self._set_lines(bool(self._dtr_state), None)

    def _lines(self) -> ModemLines:
        try:
            return self._opened().lines()
        except SerialError as error:
            _raise(error, "could not read the lines")

    @property
    def cts(self) -> bool:
        """Clear to send."""
        return self._lines().clear_to_send

    @property
    def dsr(self) -> bool:
        """Data set ready."""
        return self._lines().data_set_ready

    @property
    def ri(self) -> bool:
        """Ring indicator."""
        return self._lines().ring_indicator

    @property
    def cd(self) -> bool:
        """Carrier detect."""
        return self._lines().carrier_detect

    def send_break(self, duration: float = 0.25) -> None:
        """Holds the break condition, 1 ms to 5 s."""
        try:
            self._opened().send_break(max(1, round(min(duration, LONGEST_BREAK) * 1000)))
        except SerialError as error:
            _raise(error, "could not send a break")

    def _update_break_state(self) -> None:
        if self._break_state:
            self._break_state = False
            raise SerialException(errno.ENOTTY, "a slot's port holds a break only for a given time: `send_break`")

    def set_input_flow_control(self, enable: bool = True) -> None:
        """Raises `SerialException`: the hub controls the flow."""
        raise SerialException(errno.ENOTTY, "the hub controls the flow of a slot's port")

    set_output_flow_control = set_input_flow_control

    def set_low_latency_mode(self, low_latency_settings: bool) -> None:
        """Does nothing: the hub hands bytes on as they arrive."""

    def nonblocking(self) -> None:
        """Has no use, as pyserial says."""


class PosixPollSerial(Serial):
    """The same."""


class VTIMESerial(Serial):
    """The same."""
