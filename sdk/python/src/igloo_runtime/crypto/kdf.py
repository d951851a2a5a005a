"""Keys from passwords, which CPython has from OpenSSL only."""

from __future__ import annotations

import hashlib
from typing import Any

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def pbkdf2_hmac(hash_name: str, password: Any, salt: Any, iterations: int, dklen: int | None = None) -> bytes:
    """PBKDF2 (RFC 8018, section 5.2), as `hashlib.pbkdf2_hmac`.

    Each round is two digests of CPython's own. A hundred thousand rounds take most of a second in a component, and
    nothing else runs meanwhile.
    """
    if not isinstance(hash_name, str):
        raise TypeError(hash_name)
    password, salt = bytes(memoryview(password)), bytes(memoryview(salt))
    empty = hashlib.new(hash_name)
    if dklen is None:
        dklen = empty.digest_size
    if dklen < 1:
        raise ValueError("key length must be greater than 0.")
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    if len(password) > empty.block_size:
        password = hashlib.new(hash_name, password).digest()
    password = password.ljust(empty.block_size, b"\0")
    inner = hashlib.new(hash_name, password.translate(_INNER))
    outer = hashlib.new(hash_name, password.translate(_OUTER))

    def code(message: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(message)
        second.update(first.digest())
        return second.digest()

    key = b""
    number = 1
    while len(key) < dklen:
        round_ = code(salt + number.to_bytes(4, "big"))
        sum_ = int.from_bytes(round_, "big")
        for _ in range(iterations - 1):
            round_ = code(round_)
            sum_ ^= int.from_bytes(round_, "big")
        key += sum_.to_bytes(empty.digest_size, "big")
        number += 1
    return key[:dklen]
