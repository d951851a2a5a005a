"""X25519 (RFC 7748), by the hub."""

from __future__ import annotations

import os

from cryptography import utils
from cryptography.hazmat.primitives._keys import RawPrivateKey, RawPublicKey
from igloo_runtime.crypto import host, keys


class X25519PublicKey(RawPublicKey):
    _algorithm = keys.X25519


class X25519PrivateKey(RawPrivateKey):
    _algorithm = keys.X25519
    _host: host.Agreement | None

    def __init__(self) -> None:
        raise TypeError("Can't instantiate X25519PrivateKey: use generate() or from_private_bytes()")

    @classmethod
    def _of(cls, raw: bytes) -> X25519PrivateKey:
        self = object.__new__(cls)
        self._raw = raw
        self._host = None
        return self

    @classmethod
    def generate(cls) -> X25519PrivateKey:
        return cls._of(os.urandom(32))

    @classmethod
    def from_private_bytes(cls, data: utils.Buffer) -> X25519PrivateKey:
        raw = bytes(memoryview(data))
        if len(raw) != 32:
            raise ValueError("An X25519 private key is 32 bytes long")
        return cls._of(raw)

    def _key(self) -> host.Agreement:
        if self._host is None:
            self._host = host.Agreement("x25519", self._raw)
        return self._host

    def public_key(self) -> X25519PublicKey:
        key: X25519PublicKey = X25519PublicKey.from_public_bytes(self._key().public_key())
        return key

    def exchange(self, peer_public_key: X25519PublicKey) -> bytes:
        if not isinstance(peer_public_key, X25519PublicKey):
            raise TypeError("peer_public_key must be X25519PublicKey.")
        try:
            return self._key().agree(peer_public_key._raw)
        except host.Refused:
            raise ValueError("Error computing shared key.") from None
