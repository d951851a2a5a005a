"""What the modules of this package share."""

from __future__ import annotations

from collections.abc import Buffer as Buffer
from typing import Any

from igloo_runtime.crypto import host

from .exceptions import UnsupportedAlgorithm, _Reasons


class CryptographyDeprecationWarning(UserWarning):
    pass


def _check_bytes(name: str, value: Any) -> None:
    if not isinstance(value, bytes):
        raise TypeError(f"{name} must be bytes")


def _check_byteslike(name: str, value: Any) -> None:
    try:
        memoryview(value)
    except TypeError:
        raise TypeError(f"{name} must be bytes-like") from None


def int_to_bytes(integer: int, length: int | None = None) -> bytes:
    if length == 0:
        raise ValueError("length argument can't be 0")
    return integer.to_bytes(length or (integer.bit_length() + 7) // 8 or 1, "big")


def unsupported(what: str, reason: _Reasons | None = None) -> UnsupportedAlgorithm:
    """Says that a component has no such thing, and what has."""
    return UnsupportedAlgorithm(
        f"{what}: a component has no such thing (docs/python-cryptography.md); "
        'with `engine = "process"` the whole cryptography package is there',
        reason,
    )


def of(error: host.Unsupported, reason: _Reasons) -> UnsupportedAlgorithm:
    """The hub's answer as this package's exception."""
    return UnsupportedAlgorithm(str(error), reason)
