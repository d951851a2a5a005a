"""Fernet: AES-128-CBC and HMAC-SHA-256 in a token with a time.

Source: the Fernet specification, version 0x80 (github.com/fernet/spec).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import time
from collections.abc import Iterable
from typing import Any

from igloo_runtime.crypto import host

_VERSION = 0x80
#: Seconds that a token may come from the future.
_SKEW = 60
#: Version, time, initialization vector, one block, code.
_SHORTEST = 1 + 8 + 16 + 16 + 32


class InvalidToken(Exception):
    pass


class Fernet:
    """Encrypts and decrypts tokens with a key of 32 bytes in base64."""

    def __init__(self, key: bytes | str, backend: Any = None) -> None:
        try:
            raw = base64.urlsafe_b64decode(key)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:
            raise ValueError("Fernet key must be 32 url-safe base64-encoded bytes.")
        self._signing, self._encryption = raw[:16], raw[16:]

    @classmethod
    def generate_key(cls) -> bytes:
        return base64.urlsafe_b64encode(os.urandom(32))

    def encrypt(self, data: bytes) -> bytes:
        return self.encrypt_at_time(data, int(time.time()))

    def encrypt_at_time(self, data: bytes, current_time: int) -> bytes:
        return self._encrypt(data, current_time, os.urandom(16))

    def _encrypt(self, data: bytes, current_time: int, iv: bytes) -> bytes:
        if not isinstance(data, bytes):
            raise TypeError("data must be bytes")
        count = 16 - len(data) % 16
        secret = host.once("aes-128-cbc", self._encryption, iv, data + bytes((count,)) * count, encrypt=True)
        body = bytes((_VERSION,)) + current_time.to_bytes(8, "big") + iv + secret
        return base64.urlsafe_b64encode(body + hmac.digest(self._signing, body, "sha256"))

    def decrypt(self, token: bytes | str, ttl: int | None = None) -> bytes:
        return self._decrypt(token, None if ttl is None else (ttl, int(time.time())))

    def decrypt_at_time(self, token: bytes | str, ttl: int, current_time: int) -> bytes:
        if ttl is None:
            raise ValueError("decrypt_at_time() can only be used with a non-None ttl")
        return self._decrypt(token, (ttl, current_time))

    def extract_timestamp(self, token: bytes | str) -> int:
        return self._checked(token)[0]

    def _checked(self, token: bytes | str) -> tuple[int, bytes]:
        if not isinstance(token, (bytes, str)):
            raise TypeError("token must be bytes or str")
        try:
            data = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            raise InvalidToken from None
        if len(data) < _SHORTEST or data[0] != _VERSION:
            raise InvalidToken
        if not hmac.compare_digest(hmac.digest(self._signing, data[:-32], "sha256"), data[-32:]):
            raise InvalidToken
        return int.from_bytes(data[1:9], "big"), data

    def _decrypt(self, token: bytes | str, limits: tuple[int, int] | None) -> bytes:
        made, data = self._checked(token)
        if limits is not None:
            ttl, now = limits
            if made + ttl < now or now + _SKEW < made:
                raise InvalidToken
        secret = data[25:-32]
        if len(secret) % 16:
            raise InvalidToken
        padded = host.once("aes-128-cbc", self._encryption, data[9:25], secret, encrypt=False)
        count = padded[-1]
        if not 1 <= count <= 16 or padded[-count:] != bytes((count,)) * count:
            raise InvalidToken
        return padded[:-count]


class MultiFernet:
    """Encrypts with the first of several keys, and decrypts with any."""

    def __init__(self, fernets: Iterable[Fernet]) -> None:
        self._fernets = list(fernets)
        if not self._fernets:
            raise ValueError("MultiFernet requires at least one Fernet instance")

    def encrypt(self, msg: bytes) -> bytes:
        return self._fernets[0].encrypt(msg)

    def encrypt_at_time(self, msg: bytes, current_time: int) -> bytes:
        return self._fernets[0].encrypt_at_time(msg, current_time)

    def rotate(self, msg: bytes | str) -> bytes:
        for fernet in self._fernets:
            try:
                made, _ = fernet._checked(msg)
                data = fernet._decrypt(msg, None)
            except InvalidToken:
                continue
            return self._fernets[0].encrypt_at_time(data, made)
        raise InvalidToken

    def decrypt(self, msg: bytes | str, ttl: int | None = None) -> bytes:
        for fernet in self._fernets:
            try:
                return fernet.decrypt(msg, ttl)
            except InvalidToken:
                continue
        raise InvalidToken

    def decrypt_at_time(self, msg: bytes | str, ttl: int, current_time: int) -> bytes:
        for fernet in self._fernets:
            try:
                return fernet.decrypt_at_time(msg, ttl, current_time)
            except InvalidToken:
                continue
        raise InvalidToken
