"""The forms that keys are kept in: SubjectPublicKeyInfo, PKCS#8, SEC 1, PKCS#1, and PKCS#8 with a password.

Sources: RFC 5280 (SubjectPublicKeyInfo), RFC 5958 (PKCS#8), RFC 5915 (SEC 1), RFC 8017, appendix A.1 (PKCS#1), RFC 8018
(PBES2), RFC 8410 (X25519, Ed25519).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .. import der
from . import host, kdf

RSA = "1.2.840.113549.1.1.1"
EC = "1.2.840.10045.2.1"
X25519 = "1.3.101.110"
X448 = "1.3.101.111"
ED25519 = "1.3.101.112"
ED448 = "1.3.101.113"
P256 = "1.2.840.10045.3.1.7"
P384 = "1.3.132.0.34"
P521 = "1.3.132.0.35"

_PBES2 = "1.2.840.113549.1.5.13"
_PBKDF2 = "1.2.840.113549.1.5.12"
#: Digests of PBKDF2's HMAC.
_HMACS = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
#: Ciphers of PBES2, with the length of their keys in bytes.
_CIPHERS = {
    "2.16.840.1.101.3.4.1.2": ("aes-128-cbc", 16),
    "2.16.840.1.101.3.4.1.22": ("aes-192-cbc", 24),
    "2.16.840.1.101.3.4.1.42": ("aes-256-cbc", 32),
}
#: As OpenSSL 3 does by itself.
_ROUNDS = 2048
#: More would hold everything up for longer than a command may take; a file can ask for any number.
_MOST_ROUNDS = 5_000_000


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what it is for."""

    #: Identifiers.
    algorithm: str
    curve: str | None
    #: A private key's own structure, or a public key's bits.
    content: bytes


def _algorithm(reader: der.Reader) -> tuple[str, str | None]:
    algorithm = reader.oid()
    curve = None
    if reader.peek() == der.OID:
        curve = reader.oid()
    return algorithm, curve


def read_public(data: bytes) -> Key:
    """SubjectPublicKeyInfo. ValueError if it is none."""
    outer = der.Reader(data)
    info = outer.enter()
    outer.end()
    algorithm, curve = _algorithm(info.enter())
    return Key(algorithm, curve, info.bit_string())


def read_private(data: bytes) -> Key:
    """PKCS#8. ValueError if it is none."""
    outer = der.Reader(data)
    info = outer.enter()
    outer.end()
    if info.integer() not in (0, 1):
        raise der.Malformed("a private key has an unknown version")
    algorithm, curve = _algorithm(info.enter())
    return Key(algorithm, curve, info.take(der.OCTET_STRING))


def read_sec1(data: bytes, curve: str | None = None) -> tuple[str | None, bytes]:
    """SEC 1's private key: its curve, and its scalar, big-endian."""
    info = der.Reader(data).enter()
    if info.integer() != 1:
        raise der.Malformed("an EC private key has an unknown version")
    scalar = info.take(der.OCTET_STRING)
    if (parameters := info.optional(der.context(0))) is not None:
        curve = der.Reader(parameters).oid()
    return curve, scalar


def write_public(key: Key, null: bool = False) -> bytes:
    """SubjectPublicKeyInfo."""
    return der.sequence(_identifier(key, null), der.bits(key.content))


def write_private(key: Key, null: bool = False) -> bytes:
    """PKCS#8."""
    return der.sequence(der.integer(0), _identifier(key, null), der.octets(key.content))


def _identifier(key: Key, null: bool) -> bytes:
    parameters = der.oid(key.curve) if key.curve is not None else der.NULL_ELEMENT if null else b""
    return der.sequence(der.oid(key.algorithm), parameters)


def write_sec1(scalar: bytes, point: bytes, curve: str | None) -> bytes:
    """SEC 1's private key, with its curve unless that stands around it."""
    named = b"" if curve is None else der.element(der.context(0), der.oid(curve))
    return der.sequence(der.integer(1), der.octets(scalar), named, der.element(der.context(1), der.bits(point)))


def decrypt_pkcs8(data: bytes, password: bytes) -> bytes:
    """The PKCS#8 in an EncryptedPrivateKeyInfo. ValueError if the password is wrong, or the scheme is another one."""
    info = der.Reader(data).enter()
    scheme = info.enter()
    if scheme.oid() != _PBES2:
        raise ValueError("the private key is encrypted in an old way; `openssl pkcs8 -topk8 -v2 aes256` makes another")
    parameters = scheme.enter()
    derivation = parameters.enter()
    if derivation.oid() != _PBKDF2:
        raise ValueError("the private key's password is not derived with PBKDF2")
    numbers = derivation.enter()
    salt = numbers.take(der.OCTET_STRING)
    rounds = numbers.integer()
    numbers.optional(der.INTEGER)
    digest = _HMACS.get(numbers.enter().oid()) if numbers else "sha1"
    encryption = parameters.enter()
    cipher, length = _CIPHERS.get(encryption.oid(), ("", 0))
    iv = encryption.take(der.OCTET_STRING)
    secret = info.take(der.OCTET_STRING)
    if digest is None or not cipher or not 1 <= rounds <= _MOST_ROUNDS or not secret or len(secret) % 16:
        raise ValueError("the private key is encrypted in a way that is not supported")
    key = kdf.pbkdf2_hmac(digest, password, salt, rounds, length)
    padded = host.once(cipher, key, iv, secret, encrypt=False)
    count = padded[-1]
    if not 1 <= count <= 16 or padded[-count:] != bytes((count,)) * count:
        raise ValueError("Incorrect password, could not decrypt key")
    try:
        read_private(padded[:-count])
    except ValueError:
        raise ValueError("Incorrect password, could not decrypt key") from None
    return padded[:-count]


def encrypt_pkcs8(data: bytes, password: bytes, rounds: int = _ROUNDS) -> bytes:
    """An EncryptedPrivateKeyInfo: PBES2 with PBKDF2, HMAC-SHA-256 and AES-256-CBC."""
    salt, iv = os.urandom(16), os.urandom(16)
    key = kdf.pbkdf2_hmac("sha256", password, salt, rounds, 32)
    count = 16 - len(data) % 16
    secret = host.once("aes-256-cbc", key, iv, data + bytes((count,)) * count, encrypt=True)
    prf = der.sequence(der.oid("1.2.840.113549.2.9"), der.NULL_ELEMENT)
    derivation = der.sequence(
        der.oid(_PBKDF2), der.sequence(der.octets(salt), der.integer(rounds), prf)
    )
    encryption = der.sequence(der.oid("2.16.840.1.101.3.4.1.42"), der.octets(iv))
    scheme = der.sequence(der.oid(_PBES2), der.sequence(derivation, encryption))
    return der.sequence(scheme, der.octets(secret))
