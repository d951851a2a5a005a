"""RSA: signatures by the hub (2048 to 8192 bits, signing to 4096), and encryption to a public key, here.

Making keys and decrypting are not there: the hub has neither, and in Python the time it takes would tell the key.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any, NoReturn

from cryptography import utils
from cryptography.exceptions import InvalidSignature, _Reasons
from cryptography.hazmat.primitives import _keys, hashes
from cryptography.hazmat.primitives._serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    check,
)
from cryptography.hazmat.primitives.asymmetric import padding as paddings
from igloo_runtime import der, pem
from igloo_runtime.crypto import host, keys


def _signature_name(padding: paddings.AsymmetricPadding, algorithm: Any) -> str:
    digest = getattr(algorithm, "name", type(algorithm).__name__)
    if isinstance(algorithm, hashes.HashAlgorithm) and digest in ("sha256", "sha384", "sha512"):
        if isinstance(padding, paddings.PKCS1v15):
            return f"rsa-pkcs1-{digest}"
        if isinstance(padding, paddings.PSS):
            length = padding._salt_length
            # The hub's salt is as long as the digest, as TLS's is.
            if padding.mgf._algorithm == algorithm and (
                length == algorithm.digest_size or isinstance(length, (paddings._DigestLength, paddings._Auto))
            ):
                return f"rsa-pss-{digest}"
            raise utils.unsupported("PSS with a salt or a mask of another length than the digest's",
                              _Reasons.UNSUPPORTED_PADDING)  # fmt: skip
    raise utils.unsupported(f"RSA signatures with {type(padding).__name__} and {digest}", _Reasons.UNSUPPORTED_PADDING)


def _mask(seed: bytes, length: int, name: str) -> bytes:
    """MGF1 (RFC 8017, appendix B.2.1)."""
    mask = b""
    number = 0
    while len(mask) < length:
        mask += hashlib.new(name, seed + number.to_bytes(4, "big")).digest()
        number += 1
    return mask[:length]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _nonzero(count: int) -> bytes:
    found = b""
    while len(found) < count:
        found += os.urandom(count).replace(b"\0", b"")
    return found[:count]


def _padded(message: bytes, size: int, padding: paddings.AsymmetricPadding) -> bytes:
    """RFC 8017, sections 7.2.1 and 7.1.1."""
    if isinstance(padding, paddings.PKCS1v15):
        if len(message) > size - 11:
            raise ValueError("Encryption failed")
        return b"\0\2" + _nonzero(size - 3 - len(message)) + b"\0" + message
    if isinstance(padding, paddings.OAEP):
        name, mask = hashes.name_of(padding.algorithm), hashes.name_of(padding.mgf._algorithm)
        label = hashlib.new(name, padding._label or b"").digest()
        if len(message) > size - 2 * len(label) - 2:
            raise ValueError("Encryption failed")
        block = label + bytes(size - len(message) - 2 * len(label) - 2) + b"\1" + message
        seed = os.urandom(len(label))
        hidden = _xor(block, _mask(seed, len(block), mask))
        return b"\0" + _xor(seed, _mask(hidden, len(seed), mask)) + hidden
    raise utils.unsupported(f"RSA encryption with {type(padding).__name__}", _Reasons.UNSUPPORTED_PADDING)


class RSAPublicKey:
    """A modulus and an exponent."""

    def __init__(self, n: int, e: int) -> None:
        if not 1024 <= n.bit_length() <= 16384 or n % 2 == 0 or e < 3 or e % 2 == 0 or e >= n:
            raise ValueError("an RSA public key has a modulus or an exponent that it cannot have")
        self._n, self._e = n, e

    @property
    def key_size(self) -> int:
        return self._n.bit_length()

    def public_numbers(self) -> RSAPublicNumbers:
        return RSAPublicNumbers(self._e, self._n)

    def encrypt(self, plaintext: bytes, padding: paddings.AsymmetricPadding) -> bytes:
        size = (self.key_size + 7) // 8
        block = _padded(bytes(plaintext), size, padding)
        return pow(int.from_bytes(block, "big"), self._e, self._n).to_bytes(size, "big")

    def _pkcs1(self) -> bytes:
        return der.sequence(der.integer(self._n), der.integer(self._e))

    def verify(
        self, signature: utils.Buffer, data: utils.Buffer, padding: paddings.AsymmetricPadding, algorithm: Any
    ) -> None:
        name = _signature_name(padding, algorithm)
        if not 2048 <= self.key_size <= 8192:
            raise utils.unsupported(f"signatures of RSA keys of {self.key_size} bits",
                              _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM)  # fmt: skip
        try:
            host.verify(name, self._pkcs1(), data, signature)
        except host.Refused:
            raise InvalidSignature from None

    def recover_data_from_signature(self, *_: Any) -> NoReturn:
        raise utils.unsupported("taking the digest out of an RSA signature", _Reasons.UNSUPPORTED_PADDING)

    def public_bytes(self, encoding: Encoding, format: PublicFormat) -> bytes:
        check(encoding, format, PublicFormat)
        if format is PublicFormat.SubjectPublicKeyInfo:
            return _keys.public_info(keys.Key(keys.RSA, None, self._pkcs1()), encoding, format, null=True)
        if format is PublicFormat.PKCS1:
            if encoding is Encoding.DER:
                return self._pkcs1()
            if encoding is Encoding.PEM:
                return pem.block("RSA PUBLIC KEY", self._pkcs1())
        raise _keys.no_form(encoding, format)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RSAPublicKey) and (other._n, other._e) == (self._n, self._e)

    def __hash__(self) -> int:
        return hash((self._n, self._e))

    def __copy__(self) -> RSAPublicKey:
        return self

    def __deepcopy__(self, memo: Any) -> RSAPublicKey:
        return self


RSAPublicKeyWithSerialization = RSAPublicKey


class RSAPrivateKey:
    """A private key in PKCS#1's form. The hub signs with it."""

    def __init__(self, pkcs1: bytes) -> None:
        numbers = der.Reader(pkcs1).enter()
        if numbers.integer() != 0:
            raise ValueError("an RSA private key has an unknown version")
        self._public = RSAPublicKey(numbers.integer(), numbers.integer())
        self._rest = [numbers.integer() for _ in range(6)]
        self._pkcs1 = pkcs1
        self._host: host.Signing | None = None

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> RSAPublicKey:
        return self._public

    def private_numbers(self) -> RSAPrivateNumbers:
        d, p, q, dmp1, dmq1, iqmp = self._rest
        return RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, self._public.public_numbers())

    def sign(self, data: utils.Buffer, padding: paddings.AsymmetricPadding, algorithm: Any) -> bytes:
        name = _signature_name(padding, algorithm)
        if self._host is None:
            self._host = host.Signing("pkcs1", self._pkcs1)
        try:
            return self._host.sign(name, memoryview(data))
        except host.Unsupported as error:
            raise utils.of(error, _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM) from None

    def decrypt(self, ciphertext: bytes, padding: paddings.AsymmetricPadding) -> NoReturn:
        raise utils.unsupported("RSA decryption", _Reasons.UNSUPPORTED_PADDING)

    def private_bytes(
        self, encoding: Encoding, format: PrivateFormat, encryption_algorithm: KeySerializationEncryption
    ) -> bytes:
        check(encoding, format, PrivateFormat)
        if format is PrivateFormat.PKCS8:
            key = keys.Key(keys.RSA, None, self._pkcs1)
            return _keys.private_info(key, encoding, format, encryption_algorithm, null=True)
        if format is PrivateFormat.TraditionalOpenSSL:
            if not isinstance(encryption_algorithm, NoEncryption):
                raise utils.unsupported("OpenSSL's old encryption of keys", _Reasons.UNSUPPORTED_SERIALIZATION)
            if encoding is Encoding.DER:
                return self._pkcs1
            if encoding is Encoding.PEM:
                return pem.block("RSA PRIVATE KEY", self._pkcs1)
        raise _keys.no_form(encoding, format)

    def __copy__(self) -> RSAPrivateKey:
        return self

    def __deepcopy__(self, memo: Any) -> RSAPrivateKey:
        return self


RSAPrivateKeyWithSerialization = RSAPrivateKey


@dataclass(frozen=True)
class RSAPublicNumbers:
    e: int
    n: int

    def public_key(self, backend: Any = None) -> RSAPublicKey:
        return RSAPublicKey(self.n, self.e)


@dataclass(frozen=True, repr=False)
class RSAPrivateNumbers:
    p: int
    q: int
    d: int
    dmp1: int
    dmq1: int
    iqmp: int
    public_numbers: RSAPublicNumbers

    def private_key(self, backend: Any = None, *, unsafe_skip_rsa_key_validation: bool = False) -> RSAPrivateKey:
        public = self.public_numbers
        if self.p * self.q != public.n:
            raise ValueError("Invalid private key")
        numbers = (0, public.n, public.e, self.d, self.p, self.q, self.dmp1, self.dmq1, self.iqmp)
        return RSAPrivateKey(der.sequence(*map(der.integer, numbers)))


def generate_private_key(public_exponent: int, key_size: int, backend: Any = None) -> NoReturn:
    raise utils.unsupported("making RSA keys", _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM)
