"""Authenticated encryption of whole messages, by the hub: at most 1 MiB each."""

from __future__ import annotations

import os

from cryptography import utils
from cryptography.exceptions import InvalidTag, _Reasons
from igloo_runtime.crypto import host

__all__ = ["AESCCM", "AESGCM", "AESGCMSIV", "AESOCB3", "AESSIV", "ChaCha20Poly1305"]


class _Aead:
    _tag = 16

    def __init__(self, key: utils.Buffer) -> None:
        self._raw = bytes(memoryview(key))
        self._host: host.Aead | None = None

    def _name(self) -> str:
        raise NotImplementedError

    def _check_nonce(self, nonce: utils.Buffer, length: int) -> None:
        raise NotImplementedError

    def _key(self) -> host.Aead:
        # Made when it is needed: keys may be made while there is no hub yet.
        if self._host is None:
            try:
                self._host = host.Aead(self._name(), self._raw)
            except host.Unsupported as error:
                raise utils.of(error, _Reasons.UNSUPPORTED_CIPHER) from None
        return self._host

    def encrypt(self, nonce: utils.Buffer, data: utils.Buffer, associated_data: utils.Buffer | None) -> bytes:
        """The ciphertext, and the tag after it."""
        self._check_nonce(nonce, len(memoryview(data)))
        return self._key().seal(nonce, associated_data or b"", data)

    def decrypt(self, nonce: utils.Buffer, data: utils.Buffer, associated_data: utils.Buffer | None) -> bytes:
        """The plaintext. InvalidTag if anything was changed."""
        self._check_nonce(nonce, max(0, len(memoryview(data)) - self._tag))
        if len(memoryview(data)) < self._tag:
            raise InvalidTag
        try:
            return self._key().open(nonce, associated_data or b"", data)
        except host.Refused:
            raise InvalidTag from None

    def encrypt_into(
        self, nonce: utils.Buffer, data: utils.Buffer, associated_data: utils.Buffer | None, buf: utils.Buffer
    ) -> int:
        return _into(self.encrypt(nonce, data, associated_data), buf)

    def decrypt_into(
        self, nonce: utils.Buffer, data: utils.Buffer, associated_data: utils.Buffer | None, buf: utils.Buffer
    ) -> int:
        return _into(self.decrypt(nonce, data, associated_data), buf)


def _into(data: bytes, buf: utils.Buffer) -> int:
    view = memoryview(buf).cast("B")
    if len(view) != len(data):
        raise ValueError(f"buffer must be {len(data)} bytes")
    view[:] = data
    return len(data)


def _check_aes_key(key: bytes, what: str) -> None:
    if len(key) not in (16, 24, 32):
        raise ValueError(f"{what} key must be 128, 192, or 256 bits.")


def _generate(bit_length: int) -> bytes:
    if not isinstance(bit_length, int):
        raise TypeError("bit_length must be an integer")
    if bit_length not in (128, 192, 256):
        raise ValueError("bit_length must be 128, 192, or 256")
    return os.urandom(bit_length // 8)


class ChaCha20Poly1305(_Aead):
    """RFC 8439."""

    def __init__(self, key: utils.Buffer) -> None:
        super().__init__(key)
        if len(self._raw) != 32:
            raise ValueError("ChaCha20Poly1305 key must be 32 bytes.")

    @classmethod
    def generate_key(cls) -> bytes:
        return os.urandom(32)

    def _name(self) -> str:
        return "chacha20-poly1305"

    def _check_nonce(self, nonce: utils.Buffer, length: int) -> None:
        if len(memoryview(nonce)) != 12:
            raise ValueError("Nonce must be 12 bytes")


class AESGCM(_Aead):
    """NIST SP 800-38D, with nonces of 12 bytes."""

    def __init__(self, key: utils.Buffer) -> None:
        super().__init__(key)
        _check_aes_key(self._raw, "AESGCM")

    @classmethod
    def generate_key(cls, bit_length: int) -> bytes:
        return _generate(bit_length)

    def _name(self) -> str:
        return f"aes-{len(self._raw) * 8}-gcm"

    def _check_nonce(self, nonce: utils.Buffer, length: int) -> None:
        size = len(memoryview(nonce))
        if not 8 <= size <= 128:
            raise ValueError("Nonce must be between 8 and 128 bytes")
        if size != 12:
            raise utils.unsupported(f"AES-GCM with a nonce of {size} bytes", _Reasons.UNSUPPORTED_CIPHER)


class AESCCM(_Aead):
    """RFC 3610."""

    def __init__(self, key: utils.Buffer, tag_length: int = 16) -> None:
        super().__init__(key)
        _check_aes_key(self._raw, "AESCCM")
        if not isinstance(tag_length, int):
            raise TypeError("tag_length must be an integer")
        if tag_length not in (4, 6, 8, 10, 12, 14, 16):
            raise ValueError("Invalid tag_length")
        self._tag = tag_length

    @classmethod
    def generate_key(cls, bit_length: int) -> bytes:
        return _generate(bit_length)

    def _name(self) -> str:
        name = f"aes-{len(self._raw) * 8}-ccm"
        return name if self._tag == 16 else f"{name}-{self._tag}"

    def _check_nonce(self, nonce: utils.Buffer, length: int) -> None:
        size = len(memoryview(nonce))
        if not 7 <= size <= 13:
            raise ValueError("Nonce must be between 7 and 13 bytes")
        if length >= 2 ** (8 * (15 - size)):
            raise ValueError("Data too long for nonce")


class AESGCMSIV(_Aead):
    def __init__(self, key: utils.Buffer) -> None:
        raise utils.unsupported("AES-GCM-SIV", _Reasons.UNSUPPORTED_CIPHER)


class AESOCB3(_Aead):
    def __init__(self, key: utils.Buffer) -> None:
        raise utils.unsupported("AES-OCB3", _Reasons.UNSUPPORTED_CIPHER)


class AESSIV(_Aead):
    def __init__(self, key: utils.Buffer) -> None:
        raise utils.unsupported("AES-SIV", _Reasons.UNSUPPORTED_CIPHER)
