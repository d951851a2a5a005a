"""AES key wrapping, plain (RFC 3394) and padded (RFC 5649), over the hub's AES-ECB."""

from __future__ import annotations

import hmac
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_PLAIN = b"\xa6" * 8
"""What a plain wrap begins with (RFC 3394, 2.2.3.1)."""
_PADDED = b"\xa6\x59\x59\xa6"
"""What a padded wrap begins with, before the length (RFC 5649, 3)."""
_ROUNDS = 6


class InvalidUnwrap(Exception):
    """The wrapped key was made with another key, or is damaged."""


def _check_key(wrapping_key: bytes) -> None:
    if len(wrapping_key) not in (16, 24, 32):
        raise ValueError("The wrapping key must be a valid AES key length")


def _wrap(key: bytes, start: bytes, blocks: list[bytes]) -> bytes:
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    count = 0
    for _ in range(_ROUNDS):
        for at, block in enumerate(blocks):
            count += 1
            encrypted = aes.update(start + block)
            start = (int.from_bytes(encrypted[:8], "big") ^ count).to_bytes(8, "big")
            blocks[at] = encrypted[8:]
    return start + b"".join(blocks)


def _unwrap(key: bytes, wrapped: bytes) -> tuple[bytes, bytes]:
    """What it begins with, and the key that was wrapped."""
    aes = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    start, blocks = wrapped[:8], _blocks(wrapped[8:])
    count = _ROUNDS * len(blocks)
    for _ in range(_ROUNDS):
        for at in reversed(range(len(blocks))):
            mixed = (int.from_bytes(start, "big") ^ count).to_bytes(8, "big")
            decrypted = aes.update(mixed + blocks[at])
            start, blocks[at] = decrypted[:8], decrypted[8:]
            count -= 1
    return start, b"".join(blocks)


def _blocks(data: bytes) -> list[bytes]:
    return [data[at : at + 8] for at in range(0, len(data), 8)]


def aes_key_wrap(wrapping_key: bytes, key_to_wrap: bytes, backend: Any = None) -> bytes:
    """Wraps a key of 16 bytes or more, a multiple of 8."""
    _check_key(wrapping_key)
    if len(key_to_wrap) < 16:
        raise ValueError("The key to wrap must be at least 16 bytes")
    if len(key_to_wrap) % 8:
        raise ValueError("The key to wrap must be a multiple of 8 bytes")
    return _wrap(wrapping_key, _PLAIN, _blocks(bytes(key_to_wrap)))


def aes_key_unwrap(wrapping_key: bytes, wrapped_key: bytes, backend: Any = None) -> bytes:
    """The key that [`aes_key_wrap`] wrapped. Raises [`InvalidUnwrap`]."""
    if len(wrapped_key) < 24:
        raise InvalidUnwrap("Must be at least 24 bytes")
    if len(wrapped_key) % 8:
        raise InvalidUnwrap("The wrapped key must be a multiple of 8 bytes")
    _check_key(wrapping_key)
    start, key = _unwrap(wrapping_key, bytes(wrapped_key))
    if not hmac.compare_digest(start, _PLAIN):
        raise InvalidUnwrap
    return key


def aes_key_wrap_with_padding(wrapping_key: bytes, key_to_wrap: bytes, backend: Any = None) -> bytes:
    """Wraps a key of any length."""
    _check_key(wrapping_key)
    start = _PADDED + len(key_to_wrap).to_bytes(4, "big")
    padded = bytes(key_to_wrap) + bytes(-len(key_to_wrap) % 8)
    if len(padded) == 8:
        # One block is encrypted as it is (RFC 5649, 4.1).
        return Cipher(algorithms.AES(wrapping_key), modes.ECB()).encryptor().update(start + padded)
    return _wrap(wrapping_key, start, _blocks(padded))


def aes_key_unwrap_with_padding(wrapping_key: bytes, wrapped_key: bytes, backend: Any = None) -> bytes:
    """The key that [`aes_key_wrap_with_padding`] wrapped. Raises [`InvalidUnwrap`]."""
    if len(wrapped_key) < 16:
        raise InvalidUnwrap("Must be at least 16 bytes")
    if len(wrapped_key) % 8:
        raise InvalidUnwrap("The wrapped key must be a multiple of 8 bytes")
    _check_key(wrapping_key)
    if len(wrapped_key) == 16:
        block = Cipher(algorithms.AES(wrapping_key), modes.ECB()).decryptor().update(bytes(wrapped_key))
        start, padded = block[:8], block[8:]
    else:
        start, padded = _unwrap(wrapping_key, bytes(wrapped_key))
    length = int.from_bytes(start[4:], "big")
    fits = len(padded) - 8 < length <= len(padded)
    if not (hmac.compare_digest(start[:4], _PADDED) and fits and not any(padded[length:])):
        raise InvalidUnwrap
    return padded[:length]
