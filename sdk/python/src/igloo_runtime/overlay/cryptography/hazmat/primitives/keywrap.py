"""AES key wrap (RFC 3394), on the hub's AES."""

from __future__ import annotations

import hmac
from typing import Any

from cryptography import utils
from cryptography.exceptions import _Reasons
from igloo_runtime.crypto import host

__all__ = [
    "InvalidUnwrap", "aes_key_unwrap", "aes_key_unwrap_with_padding", "aes_key_wrap", "aes_key_wrap_with_padding",
]  # fmt: skip

#: RFC 3394, section 2.2.3.1.
_INITIAL = b"\xa6" * 8


class InvalidUnwrap(Exception):
    pass


def _running(key: bytes, encrypt: bool) -> host.Running:
    if len(key) not in (16, 24, 32):
        raise ValueError("The wrapping key must be a valid AES key length")
    return host.Running(f"aes-{len(key) * 8}-ecb", key, b"", encrypt)


def _step(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(8, "big")


def aes_key_wrap(wrapping_key: bytes, key_to_wrap: bytes, backend: Any = None) -> bytes:
    running = _running(wrapping_key, encrypt=True)
    if len(key_to_wrap) < 16:
        raise ValueError("The key to wrap must be at least 16 bytes")
    if len(key_to_wrap) % 8:
        raise ValueError("The key to wrap must be a multiple of 8 bytes")
    check = _INITIAL
    parts = [key_to_wrap[at : at + 8] for at in range(0, len(key_to_wrap), 8)]
    for turn in range(6):
        for number, part in enumerate(parts):
            block = running.update(check + part)
            check = _xor(block[:8], _step(turn * len(parts) + number + 1))
            parts[number] = block[8:]
    running.close()
    return check + b"".join(parts)


def aes_key_unwrap(wrapping_key: bytes, wrapped_key: bytes, backend: Any = None) -> bytes:
    if len(wrapped_key) < 24:
        raise InvalidUnwrap("Must be at least 24 bytes")
    if len(wrapped_key) % 8:
        raise InvalidUnwrap("The wrapped key must be a multiple of 8 bytes")
    running = _running(wrapping_key, encrypt=False)
    check = wrapped_key[:8]
    parts = [wrapped_key[at : at + 8] for at in range(8, len(wrapped_key), 8)]
    for turn in reversed(range(6)):
        for number in reversed(range(len(parts))):
            block = running.update(_xor(check, _step(turn * len(parts) + number + 1)) + parts[number])
            check = block[:8]
            parts[number] = block[8:]
    running.close()
    if not hmac.compare_digest(check, _INITIAL):
        raise InvalidUnwrap
    return b"".join(parts)


def aes_key_wrap_with_padding(wrapping_key: bytes, key_to_wrap: bytes, backend: Any = None) -> bytes:
    raise utils.unsupported("AES key wrap with padding", _Reasons.UNSUPPORTED_CIPHER)


def aes_key_unwrap_with_padding(wrapping_key: bytes, wrapped_key: bytes, backend: Any = None) -> bytes:
    raise utils.unsupported("AES key wrap with padding", _Reasons.UNSUPPORTED_CIPHER)
