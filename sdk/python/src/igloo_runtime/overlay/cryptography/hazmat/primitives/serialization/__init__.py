"""Keys from PEM and DER."""

from __future__ import annotations

from typing import Any, NoReturn

from cryptography import utils
from cryptography.exceptions import _Reasons
from cryptography.hazmat.primitives._serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    ParameterFormat,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from igloo_runtime import der, pem
from igloo_runtime.crypto import keys

__all__ = [
    "BestAvailableEncryption", "Encoding", "KeySerializationEncryption", "NoEncryption", "ParameterFormat",
    "PrivateFormat", "PublicFormat", "load_der_private_key", "load_der_public_key", "load_pem_parameters",
    "load_pem_private_key", "load_pem_public_key", "load_ssh_private_key", "load_ssh_public_key",
]  # fmt: skip


def _no_key(error: Exception) -> ValueError:
    return ValueError(f"Could not deserialize key data: {error}")


def _raw(content: bytes) -> bytes:
    inner = der.Reader(content)
    raw = inner.take(der.OCTET_STRING)
    inner.end()
    return raw


def _private(data: bytes) -> Any:
    key = keys.read_private(data)
    if key.algorithm == keys.RSA:
        return rsa.RSAPrivateKey(key.content)
    if key.algorithm == keys.EC:
        return ec.from_sec1(key.content, key.curve)
    if key.algorithm == keys.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(_raw(key.content))
    if key.algorithm == keys.X25519:
        return x25519.X25519PrivateKey.from_private_bytes(_raw(key.content))
    raise utils.unsupported(f"private keys of {key.algorithm}", _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM)


def public_key(data: bytes) -> Any:
    """The key in a SubjectPublicKeyInfo."""
    key = keys.read_public(data)
    if key.algorithm == keys.RSA:
        outer = der.Reader(key.content)
        numbers = outer.enter()
        outer.end()
        return rsa.RSAPublicKey(numbers.integer(), numbers.integer())
    if key.algorithm == keys.EC:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.curve_of(key.curve), key.content)
    if key.algorithm == keys.ED25519:
        return ed25519.Ed25519PublicKey.from_public_bytes(key.content)
    if key.algorithm == keys.X25519:
        return x25519.X25519PublicKey.from_public_bytes(key.content)
    raise utils.unsupported(f"public keys of {key.algorithm}", _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM)


def _is_encrypted(data: bytes) -> bool:
    """EncryptedPrivateKeyInfo begins with an algorithm where PKCS#8 begins with a number."""
    return der.Reader(data).enter().peek() == der.SEQUENCE


def _check_password(password: bytes | None, encrypted: bool) -> None:
    if password is not None and not isinstance(password, (bytes, bytearray, memoryview)):
        raise TypeError("password must be bytes-like")
    if encrypted and password is None:
        raise TypeError("Password was not given but private key is encrypted")
    if not encrypted and password is not None:
        raise TypeError("Password was given but private key is not encrypted.")


def load_pem_private_key(
    data: utils.Buffer, password: bytes | None, backend: Any = None, *, unsafe_skip_rsa_key_validation: bool = False
) -> Any:
    """PKCS#8, with a password or without; SEC 1; PKCS#1."""
    try:
        found = [block for block in pem.blocks(bytes(memoryview(data))) if block[0].endswith("PRIVATE KEY")]
        if not found:
            raise ValueError("there is no private key in it")
        label, content, headers = found[0]
        old = "ENCRYPTED" in headers.get("Proc-Type", "")
        _check_password(password, old or label == "ENCRYPTED PRIVATE KEY")
        if old:
            raise utils.unsupported("OpenSSL's old encryption of keys", _Reasons.UNSUPPORTED_SERIALIZATION)
        if label == "PRIVATE KEY":
            return _private(content)
        if label == "ENCRYPTED PRIVATE KEY":
            return _private(keys.decrypt_pkcs8(content, bytes(password or b"")))
        if label == "RSA PRIVATE KEY":
            return rsa.RSAPrivateKey(content)
        if label == "EC PRIVATE KEY":
            return ec.from_sec1(content)
    except ValueError as error:
        raise _no_key(error) from None
    raise utils.unsupported(f"keys in PEM as {label}", _Reasons.UNSUPPORTED_SERIALIZATION)


def load_der_private_key(
    data: utils.Buffer, password: bytes | None, backend: Any = None, *, unsafe_skip_rsa_key_validation: bool = False
) -> Any:
    """PKCS#8, with a password or without; SEC 1; PKCS#1."""
    raw = bytes(memoryview(data))
    try:
        encrypted = _is_encrypted(raw)
        _check_password(password, encrypted)
        if encrypted:
            raw = keys.decrypt_pkcs8(raw, bytes(password or b""))
        fields = der.Reader(raw).enter()
        fields.integer()
        # What follows the version: an algorithm in PKCS#8, a scalar in SEC 1, a modulus in PKCS#1.
        if fields.peek() == der.OCTET_STRING:
            return ec.from_sec1(raw)
        if fields.peek() == der.INTEGER:
            return rsa.RSAPrivateKey(raw)
        return _private(raw)
    except ValueError as error:
        raise _no_key(error) from None


def load_pem_public_key(data: utils.Buffer, backend: Any = None) -> Any:
    """SubjectPublicKeyInfo, or PKCS#1."""
    try:
        for label, content, _ in pem.blocks(bytes(memoryview(data))):
            if label == "PUBLIC KEY":
                return public_key(content)
            if label == "RSA PUBLIC KEY":
                return load_der_public_key(content)
        raise ValueError("there is no public key in it")
    except ValueError as error:
        raise _no_key(error) from None


def load_der_public_key(data: utils.Buffer, backend: Any = None) -> Any:
    """SubjectPublicKeyInfo, or PKCS#1."""
    raw = bytes(memoryview(data))
    try:
        fields = der.Reader(raw).enter()
        if fields.peek() == der.INTEGER:
            return rsa.RSAPublicKey(fields.integer(), fields.integer())
        return public_key(raw)
    except ValueError as error:
        raise _no_key(error) from None


def load_pem_parameters(data: utils.Buffer, backend: Any = None) -> NoReturn:
    raise utils.unsupported("Diffie-Hellman's parameters", _Reasons.UNSUPPORTED_DIFFIE_HELLMAN)


def load_der_parameters(data: utils.Buffer, backend: Any = None) -> NoReturn:
    raise utils.unsupported("Diffie-Hellman's parameters", _Reasons.UNSUPPORTED_DIFFIE_HELLMAN)


def load_ssh_private_key(data: utils.Buffer, password: bytes | None, backend: Any = None) -> NoReturn:
    raise utils.unsupported("keys of OpenSSH", _Reasons.UNSUPPORTED_SERIALIZATION)


def load_ssh_public_key(data: utils.Buffer, backend: Any = None) -> NoReturn:
    raise utils.unsupported("keys of OpenSSH", _Reasons.UNSUPPORTED_SERIALIZATION)
