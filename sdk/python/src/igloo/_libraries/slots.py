"""What a library calls a port is the name of a slot of the manifest."""

from __future__ import annotations

import errno
from typing import Final

from igloo import _host
from igloo.errors import SerialError

NUMBERS: Final = {
    "access-denied": errno.EACCES,
    "not-found": errno.ENOENT,
    "busy": errno.EBUSY,
    "invalid-settings": errno.EINVAL,
    "unsupported": errno.ENOTTY,
    "disconnected": errno.EIO,
    "timeout": errno.ETIMEDOUT,
}
"""errno's number for each code of a serial port's error, as a tty would have it."""


def number(error: SerialError) -> int:
    """errno's number for an error."""
    return NUMBERS.get(error.code, errno.EIO)


def slot(port: str) -> str:
    """The slot of this name. Raises [`SerialError`], which names those that there are."""
    name = port.removeprefix("igloo://").removeprefix("device://")
    slots = dict(_host.current().serial_slots())
    if name not in slots:
        there = ", ".join(f"`{each}`" for each in slots) or "none"
        text = f"there is no slot `{name}`: a port is a slot of the manifest, of which it has {there}"
        raise SerialError("not-found", text)
    if not slots[name]:
        text = f"the slot `{name}` is bound to no port yet: its owner grants `serial:{name}=…`"
        raise SerialError("access-denied", text)
    return name
