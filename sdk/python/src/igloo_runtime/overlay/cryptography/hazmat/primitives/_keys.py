"""What keys of all kinds share: how they are written."""

from __future__ import annotations

from typing import Any

from cryptography import utils
from cryptography.exceptions import _Reasons
from cryptography.hazmat.primitives._serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    check,
)
from igloo_runtime import pem
from igloo_runtime.crypto import keys


def no_form(encoding: Encoding, format: PrivateFormat | PublicFormat) -> Exception:
    """Says that a key has no such form, or that nothing here writes it."""
    if Encoding.OpenSSH is encoding or format.name in ("OpenSSH", "PKCS12"):
        return utils.unsupported(f"keys in {format.name}", _Reasons.UNSUPPORTED_SERIALIZATION)
    return ValueError(f"this key cannot be written as {format.name} in {encoding.name}")


def public_info(key: keys.Key, encoding: Encoding, format: PublicFormat, null: bool = False) -> bytes:
    """SubjectPublicKeyInfo, as PEM or DER."""
    data = keys.write_public(key, null)
    if encoding is Encoding.DER:
        return data
    if encoding is Encoding.PEM:
        return pem.block("PUBLIC KEY", data)
    raise no_form(encoding, format)


def private_info(
    key: keys.Key, encoding: Encoding, format: PrivateFormat, encryption: KeySerializationEncryption, null: bool = False
) -> bytes:
    """PKCS#8, with a password or without, as PEM or DER."""
    data = keys.write_private(key, null)
    label = "PRIVATE KEY"
    if isinstance(encryption, BestAvailableEncryption):
        data = keys.encrypt_pkcs8(data, encryption.password)
        label = "ENCRYPTED PRIVATE KEY"
    elif not isinstance(encryption, NoEncryption):
        raise TypeError("Encryption algorithm must be a KeySerializationEncryption instance")
    if encoding is Encoding.DER:
        return data
    if encoding is Encoding.PEM:
        return pem.block(label, data)
    raise no_form(encoding, format)


class RawPublicKey:
    """A public key that is a few bytes: X25519, Ed25519."""

    _algorithm: str
    _raw: bytes

    @classmethod
    def from_public_bytes(cls, data: bytes) -> Any:
        utils._check_byteslike("data", data)
        raw = bytes(data)
        if len(raw) != 32:
            raise ValueError(f"{cls.__name__.removesuffix('PublicKey')} public key is 32 bytes long")
        self = object.__new__(cls)
        self._raw = raw
        return self

    def public_bytes_raw(self) -> bytes:
        return self._raw

    def public_bytes(self, encoding: Encoding, format: PublicFormat) -> bytes:
        check(encoding, format, PublicFormat)
        if encoding is Encoding.Raw or format is PublicFormat.Raw:
            if encoding is Encoding.Raw and format is PublicFormat.Raw:
                return self._raw
            raise ValueError("When using Raw both encoding and format must be Raw")
        if format is PublicFormat.SubjectPublicKeyInfo:
            return public_info(keys.Key(self._algorithm, None, self._raw), encoding, format)
        raise no_form(encoding, format)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._raw == self._raw

    def __hash__(self) -> int:
        return hash((type(self), self._raw))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class RawPrivateKey:
    """A private key that is a few bytes: X25519, Ed25519."""

    _algorithm: str
    _raw: bytes

    def private_bytes_raw(self) -> bytes:
        return self._raw

    def private_bytes(
        self, encoding: Encoding, format: PrivateFormat, encryption_algorithm: KeySerializationEncryption
    ) -> bytes:
        check(encoding, format, PrivateFormat)
        if encoding is Encoding.Raw or format is PrivateFormat.Raw:
            both = encoding is Encoding.Raw and format is PrivateFormat.Raw
            if both and isinstance(encryption_algorithm, NoEncryption):
                return self._raw
            raise ValueError("When using Raw both encoding and format must be Raw and encryption_algorithm must be "
                             "NoEncryption()")  # fmt: skip
        if format is PrivateFormat.PKCS8:
            # RFC 8410, section 7: the bytes are in an octet string of their own.
            inner = bytes((4, len(self._raw))) + self._raw
            return private_info(keys.Key(self._algorithm, None, inner), encoding, format, encryption_algorithm)
        raise no_form(encoding, format)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self
