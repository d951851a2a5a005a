"""Ed25519 (RFC 8032), by the hub."""

from __future__ import annotations

import os

from cryptography import utils
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives._keys import RawPrivateKey, RawPublicKey
from igloo_runtime.crypto import host, keys


class Ed25519PublicKey(RawPublicKey):
    _algorithm = keys.ED25519

    def verify(self, signature: utils.Buffer, data: utils.Buffer) -> None:
        if len(memoryview(signature)) != 64:
            raise InvalidSignature
        try:
            host.verify("ed25519", self._raw, data, signature)
        except host.Refused:
            raise InvalidSignature from None


class Ed25519PrivateKey(RawPrivateKey):
    _algorithm = keys.ED25519
    _host: host.Signing | None

    def __init__(self) -> None:
        raise TypeError("Can't instantiate Ed25519PrivateKey: use generate() or from_private_bytes()")

    @classmethod
    def _of(cls, raw: bytes) -> Ed25519PrivateKey:
        self = object.__new__(cls)
        self._raw = raw
        self._host = None
        return self

    @classmethod
    def generate(cls) -> Ed25519PrivateKey:
        return cls._of(os.urandom(32))

    @classmethod
    def from_private_bytes(cls, data: utils.Buffer) -> Ed25519PrivateKey:
        raw = bytes(memoryview(data))
        if len(raw) != 32:
            raise ValueError("An Ed25519 private key is 32 bytes long")
        return cls._of(raw)

    def _key(self) -> host.Signing:
        if self._host is None:
            self._host = host.Signing("ed25519", self._raw)
        return self._host

    def public_key(self) -> Ed25519PublicKey:
        key: Ed25519PublicKey = Ed25519PublicKey.from_public_bytes(self._key().public_key())
        return key

    def sign(self, data: utils.Buffer) -> bytes:
        return self._key().sign("ed25519", memoryview(data))
