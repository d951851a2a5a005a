"""WASI's and Igloo's error codes as Python's exceptions, with errno's numbers."""

from __future__ import annotations

import errno
import os
from typing import Any

from componentize_py_types import Err

# A frozen dataclass, which refuses what Python does with every exception on its way: setting its traceback.
Err.__setattr__ = Exception.__setattr__  # type: ignore[method-assign]
Err.__delattr__ = Exception.__delattr__  # type: ignore[method-assign]

_BY_NAME = {
    "AccessDenied": errno.EACCES,
    "NotSupported": errno.EOPNOTSUPP,
    "InvalidArgument": errno.EINVAL,
    "OutOfMemory": errno.ENOMEM,
    "Timeout": errno.ETIMEDOUT,
    "InvalidState": errno.EINVAL,
    "AddressNotBindable": errno.EADDRNOTAVAIL,
    "AddressInUse": errno.EADDRINUSE,
    "RemoteUnreachable": errno.EHOSTUNREACH,
    "ConnectionRefused": errno.ECONNREFUSED,
    "ConnectionBroken": errno.EPIPE,
    "ConnectionReset": errno.ECONNRESET,
    "ConnectionAborted": errno.ECONNABORTED,
    "DatagramTooLarge": errno.EMSGSIZE,
}


def number(code: Any) -> int:
    """errno's number for a case of `wasi:sockets/types.error-code`."""
    return _BY_NAME.get(type(code).__name__.removeprefix("ErrorCode_"), errno.EIO)


def os_error(code: Any, what: str = "") -> OSError:
    """The exception for a case of `wasi:sockets/types.error-code`; a subclass of OSError by its number."""
    of = number(code)
    text = os.strerror(of)
    if of == errno.EACCES:
        text = "Permission denied: it is not granted (`igloo denials` says how to grant it)"
    elif of == errno.EIO:
        text = f"{text}: {getattr(code, 'value', None) or code!r}"
    return OSError(of, f"{text}: {what}" if what else text)
