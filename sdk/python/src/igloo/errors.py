"""The errors that an author meets, and those that an author raises.

A command or an action that does not succeed raises a [`CommandError`]: [`Rejected`], [`Busy`], [`Unavailable`] or
[`Failed`]. What else it raises becomes one: a lost or refused connection [`Unavailable`], everything else [`Failed`]
with its traceback in the log.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final


class IglooError(Exception):
    """What all errors of the SDK are."""


class CommandError(IglooError):
    """The outcome of a command or an action that did not succeed."""


class Rejected(CommandError):
    """The device or the provider will not do it; the text is for the person who asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Busy(CommandError):
    """Try again later: something else is under way."""

    def __str__(self) -> str:
        return super().__str__() or "busy"


class Unavailable(CommandError):
    """The device cannot be reached now."""

    def __str__(self) -> str:
        return super().__str__() or "unavailable"


class _Coded(IglooError):
    """A code for programs and a text for people, which codes of the contract bring with them."""

    _texts: ClassVar[Mapping[str, str]] = {}

    def __init__(self, code: str, text: str = "") -> None:
        text = text or self._texts.get(code, "")
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code
        self.text = text or code


class Failed(_Coded, CommandError):
    """Anything else: a code for programs, a text for people."""


class DescribeError(_Coded):
    """The hub did not take a device's description. The code is `limit`, `invalid`, or another; the text says what."""


class EmitError(_Coded):
    """An event was not taken: `not-described`, `not-an-event`, `overflow`, `limit`, or another code."""

    _texts: ClassVar = {
        "not-described": "the event's device is not described",
        "not-an-event": "the component is not an event",
        "limit": "a limit is exceeded",
    }

    def __init__(self, code: str, text: str = "", lost: int = 0) -> None:
        super().__init__(code, text)
        self.lost = lost
        """With `overflow`: how many events this session has lost so far."""


class StoreError(_Coded):
    """The store did not do it, and nothing was changed: `quota`, `unavailable`, `format`, or another code."""

    _texts: ClassVar = {"quota": "the granted storage is used up, or the key or value is too large"}


class DiscoveryError(_Coded):
    """The hub does not look: `access-denied`, `unavailable`, `invalid-argument`, or another code."""

    _texts: ClassVar = {
        "access-denied": "the owner has not granted this service type",
        "unavailable": "this hub cannot look",
        "invalid-argument": "the service type or search target is not well formed",
    }


class SerialError(_Coded, OSError):
    """A serial port. An `OSError`, so that code written for files and sockets meets what it expects.

    The code is one of `igloo:serial`: `access-denied`, `not-found`, `busy`, `invalid-settings`, `unsupported`,
    `disconnected`, `timeout`, or another.
    """

    _texts: ClassVar = {
        "access-denied": "the owner has not granted this slot, or the manifest does not name it",
        "not-found": "the port is not there now",
        "busy": "somebody else has the port open",
        "unsupported": "the port has no such function",
        "disconnected": "the port went away",
        "timeout": "the hub gave up waiting for the port",
    }


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one new value was refused."""

    component: str
    """`device/entity/kind`."""
    code: str
    """`not-described`, `wrong-type` (also: not finite), `limit`, `not-writable` (it has no state), or another."""
    text: str
    """For people."""


class WriteError(IglooError):
    """Some of the new values were refused; the others of the same write were taken."""

    def __init__(self, refused: list[Refusal]) -> None:
        shown = "; ".join(f"{each.component}: {each.text}" for each in refused[:3])
        more = f"; and {len(refused) - 3} more" if len(refused) > 3 else ""
        super().__init__(f"refused: {shown}{more}")
        self.refused = refused


class ConfigError(IglooError):
    """The configuration, or an action's parameters, do not fit the type that they are to fill."""


_LOST: Final = frozenset(
    {
        *(errno.EPIPE, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.ENOTCONN, errno.ETIMEDOUT),
    }
)


def is_connection_lost(error: BaseException) -> bool:
    """Whether this says that the device cannot be reached now."""
    if isinstance(error, SerialError):
        return error.code in ("not-found", "disconnected")
    if isinstance(error, (ConnectionError, TimeoutError, EOFError)):
        return True
    return isinstance(error, OSError) and error.errno in _LOST
