"""ECDH and ECDSA on P-256 and P-384, by the hub. Only public numbers are computed with here."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

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
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from igloo_runtime import der, pem
from igloo_runtime.crypto import host, keys


@dataclass(frozen=True)
class _Curve:
    """A curve's numbers: y² = x³ - 3x + b over a prime field (SEC 2, sections 2.4.2 and 2.5.1)."""

    agreement: str
    signature: str
    digest: str
    identifier: str
    bytes: int
    p: int
    b: int


_P256 = _Curve(
    "p256", "ecdsa-p256", "sha256", keys.P256, 32,
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
)  # fmt: skip
_P384 = _Curve(
    "p384", "ecdsa-p384", "sha384", keys.P384, 48,
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
)  # fmt: skip


class EllipticCurve(metaclass=abc.ABCMeta):
    name: str
    key_size: int

    @property
    def group_order(self) -> int:
        raise utils.unsupported("a curve's order", _Reasons.UNSUPPORTED_ELLIPTIC_CURVE)


class SECP256R1(EllipticCurve):
    name = "secp256r1"
    key_size = 256
    _numbers = _P256


class SECP384R1(EllipticCurve):
    name = "secp384r1"
    key_size = 384
    _numbers = _P384


class SECP521R1(EllipticCurve):
    name = "secp521r1"
    key_size = 521


class SECP224R1(EllipticCurve):
    name = "secp224r1"
    key_size = 224


class SECP192R1(EllipticCurve):
    name = "secp192r1"
    key_size = 192


class SECP256K1(EllipticCurve):
    name = "secp256k1"
    key_size = 256


class BrainpoolP256R1(EllipticCurve):
    name = "brainpoolP256r1"
    key_size = 256


class BrainpoolP384R1(EllipticCurve):
    name = "brainpoolP384r1"
    key_size = 384


class BrainpoolP512R1(EllipticCurve):
    name = "brainpoolP512r1"
    key_size = 512


_BY_IDENTIFIER: dict[str, type[EllipticCurve]] = {keys.P256: SECP256R1, keys.P384: SECP384R1}


class EllipticCurveOID:
    SECP256R1 = keys.P256
    SECP384R1 = keys.P384
    SECP521R1 = keys.P521


def get_curve_for_oid(oid: Any) -> type[EllipticCurve]:
    try:
        return _BY_IDENTIFIER[getattr(oid, "dotted_string", oid)]
    except KeyError:
        raise LookupError("The provided object identifier has no matching elliptic curve class") from None


def _numbers(curve: EllipticCurve) -> _Curve:
    found: _Curve | None = getattr(curve, "_numbers", None)
    if found is None:
        if not isinstance(curve, EllipticCurve):
            raise TypeError("curve must be an EllipticCurve instance")
        raise utils.unsupported(f"the curve {curve.name}", _Reasons.UNSUPPORTED_ELLIPTIC_CURVE)
    return found


def curve_of(identifier: str | None) -> EllipticCurve:
    """The curve that a key names."""
    found = _BY_IDENTIFIER.get(identifier or "")
    if found is None:
        raise utils.unsupported(f"the curve {identifier}", _Reasons.UNSUPPORTED_ELLIPTIC_CURVE)
    return found()


class EllipticCurveSignatureAlgorithm(metaclass=abc.ABCMeta):
    algorithm: Any


class ECDSA(EllipticCurveSignatureAlgorithm):
    def __init__(self, algorithm: hashes.HashAlgorithm | Prehashed, deterministic_signing: bool = False) -> None:
        if deterministic_signing:
            raise utils.unsupported("deterministic ECDSA", _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM)
        self.algorithm = algorithm


class ECDH:
    """The one way of agreement."""


def _signature_name(numbers: _Curve, algorithm: Any) -> str:
    if not isinstance(algorithm, ECDSA):
        raise TypeError("Unsupported elliptic curve signature algorithm")
    digest = algorithm.algorithm
    if not isinstance(digest, hashes.HashAlgorithm) or digest.name not in ("sha256", "sha384"):
        name = getattr(digest, "name", type(digest).__name__)
        raise utils.unsupported(f"ECDSA with {name}", _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM)
    return f"{numbers.signature}-{digest.name}"


class EllipticCurvePublicKey:
    """A point that is on its curve."""

    def __init__(self, curve: EllipticCurve, x: int, y: int) -> None:
        numbers = _numbers(curve)
        p = numbers.p
        if not (0 <= x < p and 0 <= y < p) or (y * y - (x * x - 3) * x - numbers.b) % p:
            raise ValueError("Invalid EC key. Point is not on the curve specified.")
        self._curve, self._x, self._y = curve, x, y

    @classmethod
    def from_encoded_point(cls, curve: EllipticCurve, data: bytes) -> EllipticCurvePublicKey:
        """From SEC 1's form, uncompressed or compressed."""
        utils._check_bytes("data", data)
        numbers = _numbers(curve)
        size, p = numbers.bytes, numbers.p
        if len(data) == 1 + 2 * size and data[0] == 4:
            return cls(curve, int.from_bytes(data[1 : 1 + size], "big"), int.from_bytes(data[1 + size :], "big"))
        if len(data) != 1 + size or data[0] not in (2, 3):
            raise ValueError("Unsupported elliptic curve point type")
        x = int.from_bytes(data[1:], "big")
        # Both primes leave 3 when divided by 4.
        y = pow((x * x - 3) * x + numbers.b, (p + 1) // 4, p)
        return cls(curve, x, y if y % 2 == data[0] % 2 else p - y)

    @property
    def curve(self) -> EllipticCurve:
        return self._curve

    @property
    def key_size(self) -> int:
        return self._curve.key_size

    def _point(self) -> bytes:
        size = _numbers(self._curve).bytes
        return b"\4" + self._x.to_bytes(size, "big") + self._y.to_bytes(size, "big")

    def verify(
        self, signature: utils.Buffer, data: utils.Buffer, signature_algorithm: EllipticCurveSignatureAlgorithm
    ) -> None:
        name = _signature_name(_numbers(self._curve), signature_algorithm)
        try:
            host.verify(name, self._point(), data, signature)
        except host.Refused:
            raise InvalidSignature from None

    def public_numbers(self) -> EllipticCurvePublicNumbers:
        return EllipticCurvePublicNumbers(self._x, self._y, self._curve)

    def public_bytes(self, encoding: Encoding, format: PublicFormat) -> bytes:
        check(encoding, format, PublicFormat)
        if encoding is Encoding.X962 and format is PublicFormat.UncompressedPoint:
            return self._point()
        if encoding is Encoding.X962 and format is PublicFormat.CompressedPoint:
            point = self._point()
            return bytes((2 + point[-1] % 2,)) + point[1 : 1 + _numbers(self._curve).bytes]
        if format is PublicFormat.SubjectPublicKeyInfo:
            identifier = _numbers(self._curve).identifier
            return _keys.public_info(keys.Key(keys.EC, identifier, self._point()), encoding, format)
        raise _keys.no_form(encoding, format)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EllipticCurvePublicKey) and other._point() == self._point()

    def __hash__(self) -> int:
        return hash(self._point())

    def __copy__(self) -> EllipticCurvePublicKey:
        return self

    def __deepcopy__(self, memo: Any) -> EllipticCurvePublicKey:
        return self


EllipticCurvePublicKeyWithSerialization = EllipticCurvePublicKey


class EllipticCurvePrivateKey:
    """A scalar. The hub computes with it."""

    def __init__(self, curve: EllipticCurve, scalar: bytes) -> None:
        numbers = _numbers(curve)
        self._curve = curve
        self._scalar = scalar
        self._agreement = host.Agreement(numbers.agreement, scalar)
        self._signing: host.Signing | None = None

    @property
    def curve(self) -> EllipticCurve:
        return self._curve

    @property
    def key_size(self) -> int:
        return self._curve.key_size

    def exchange(self, algorithm: ECDH, peer_public_key: EllipticCurvePublicKey) -> bytes:
        if not isinstance(algorithm, ECDH):
            raise TypeError("algorithm must be ECDH")
        if type(peer_public_key.curve) is not type(self._curve):
            raise ValueError("peer_public_key and self are not on the same curve")
        try:
            return self._agreement.agree(peer_public_key._point())
        except host.Refused:
            raise ValueError("Error computing shared key.") from None

    def public_key(self) -> EllipticCurvePublicKey:
        return EllipticCurvePublicKey.from_encoded_point(self._curve, self._agreement.public_key())

    def sign(self, data: utils.Buffer, signature_algorithm: EllipticCurveSignatureAlgorithm) -> bytes:
        numbers = _numbers(self._curve)
        name = _signature_name(numbers, signature_algorithm)
        own = f"{numbers.signature}-{numbers.digest}"
        if self._signing is None:
            self._signing = host.Signing(own, self._scalar)
        try:
            return self._signing.sign(name, memoryview(data))
        except host.Unsupported as error:
            raise utils.of(error, _Reasons.UNSUPPORTED_PUBLIC_KEY_ALGORITHM) from None

    def private_numbers(self) -> EllipticCurvePrivateNumbers:
        return EllipticCurvePrivateNumbers(int.from_bytes(self._scalar, "big"), self.public_key().public_numbers())

    def private_bytes(
        self, encoding: Encoding, format: PrivateFormat, encryption_algorithm: KeySerializationEncryption
    ) -> bytes:
        check(encoding, format, PrivateFormat)
        point = self._agreement.public_key()
        identifier = _numbers(self._curve).identifier
        if format is PrivateFormat.PKCS8:
            inner = keys.write_sec1(self._scalar, point, None)
            key = keys.Key(keys.EC, identifier, inner)
            return _keys.private_info(key, encoding, format, encryption_algorithm)
        if format is PrivateFormat.TraditionalOpenSSL:
            if not isinstance(encryption_algorithm, NoEncryption):
                raise utils.unsupported("OpenSSL's old encryption of keys", _Reasons.UNSUPPORTED_SERIALIZATION)
            data = keys.write_sec1(self._scalar, point, identifier)
            if encoding is Encoding.DER:
                return data
            if encoding is Encoding.PEM:
                return pem.block("EC PRIVATE KEY", data)
        raise _keys.no_form(encoding, format)

    def __copy__(self) -> EllipticCurvePrivateKey:
        return self

    def __deepcopy__(self, memo: Any) -> EllipticCurvePrivateKey:
        return self


EllipticCurvePrivateKeyWithSerialization = EllipticCurvePrivateKey


@dataclass(frozen=True)
class EllipticCurvePublicNumbers:
    x: int
    y: int
    curve: EllipticCurve

    def public_key(self, backend: Any = None) -> EllipticCurvePublicKey:
        return EllipticCurvePublicKey(self.curve, self.x, self.y)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EllipticCurvePublicNumbers):
            return NotImplemented
        return (self.x, self.y, self.curve.name) == (other.x, other.y, other.curve.name)

    def __hash__(self) -> int:
        return hash((self.x, self.y, self.curve.name))


@dataclass(frozen=True, repr=False)
class EllipticCurvePrivateNumbers:
    private_value: int
    public_numbers: EllipticCurvePublicNumbers

    def private_key(self, backend: Any = None) -> EllipticCurvePrivateKey:
        key = derive_private_key(self.private_value, self.public_numbers.curve)
        if key.public_key().public_numbers() != self.public_numbers:
            raise ValueError("Invalid EC key.")
        return key


def generate_private_key(curve: EllipticCurve, backend: Any = None) -> EllipticCurvePrivateKey:
    return EllipticCurvePrivateKey(curve, host.Agreement(_numbers(curve).agreement).raw())


def derive_private_key(private_value: int, curve: EllipticCurve, backend: Any = None) -> EllipticCurvePrivateKey:
    numbers = _numbers(curve)
    if not isinstance(private_value, int):
        raise TypeError("private_value must be an integer type.")
    if not 0 < private_value < numbers.p:
        raise ValueError("private_value must be a positive integer less than the curve's order.")
    return EllipticCurvePrivateKey(curve, private_value.to_bytes(numbers.bytes, "big"))


def from_sec1(data: bytes, identifier: str | None = None) -> EllipticCurvePrivateKey:
    """A private key in SEC 1's form, whose curve may be named around it."""
    named, scalar = keys.read_sec1(data, identifier)
    curve = curve_of(named)
    if len(scalar) != _numbers(curve).bytes:
        raise der.Malformed("an EC private key has the wrong length")
    return EllipticCurvePrivateKey(curve, scalar)
