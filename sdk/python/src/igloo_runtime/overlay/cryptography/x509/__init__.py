"""Certificates, to be looked at: names, dates, fingerprint, public key. They are neither made nor verified here."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from typing import Any, NoReturn

from cryptography import utils
from cryptography.exceptions import _Reasons
from cryptography.hazmat.primitives import hashes, serialization
from igloo_runtime import pem
from igloo_runtime.tls import certificate as parsing
from igloo_runtime.tls import names

__all__ = [
    "Certificate", "Name", "NameAttribute", "NameOID", "ObjectIdentifier", "load_der_x509_certificate",
    "load_pem_x509_certificate", "load_pem_x509_certificates", "oid",
]  # fmt: skip

from cryptography.x509 import oid
from cryptography.x509.oid import NameOID, ObjectIdentifier

_BY_LONG_NAME = {long: identifier for identifier, long in names.LONG_NAMES.items()}


class InvalidVersion(Exception):
    pass


class UnsupportedExtension(Exception):
    pass


class NameAttribute:
    """One attribute of a name."""

    def __init__(self, oid: ObjectIdentifier, value: str) -> None:
        self.oid, self.value = oid, value

    def rfc4514_string(self) -> str:
        long = names.LONG_NAMES.get(self.oid.dotted_string)
        short = next((s for _, s, found, _ in names._OBJECTS if found == long), self.oid.dotted_string)
        return f"{short}={self.value}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NameAttribute) and (other.oid, other.value) == (self.oid, self.value)

    def __hash__(self) -> int:
        return hash((self.oid, self.value))

    def __repr__(self) -> str:
        return f"<NameAttribute(oid={self.oid}, value={self.value!r})>"


class Name:
    """A distinguished name."""

    def __init__(self, attributes: list[NameAttribute]) -> None:
        self._attributes = attributes

    @classmethod
    def _of(cls, parsed: parsing.Name) -> Name:
        return cls([NameAttribute(ObjectIdentifier(_BY_LONG_NAME.get(k, k)), v) for rdn in parsed for k, v in rdn])

    def get_attributes_for_oid(self, oid: ObjectIdentifier) -> list[NameAttribute]:
        return [attribute for attribute in self._attributes if attribute.oid == oid]

    def rfc4514_string(self) -> str:
        return ",".join(attribute.rfc4514_string() for attribute in reversed(self._attributes))

    def __iter__(self) -> Iterator[NameAttribute]:
        return iter(self._attributes)

    def __len__(self) -> int:
        return len(self._attributes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and other._attributes == self._attributes

    def __hash__(self) -> int:
        return hash(tuple(self._attributes))

    def __repr__(self) -> str:
        return f"<Name({self.rfc4514_string()})>"


class Certificate:
    """A certificate that was read."""

    def __init__(self, data: bytes) -> None:
        self._der = data
        self._parsed = parsing.Parsed(data)

    @property
    def serial_number(self) -> int:
        return self._parsed.serial

    @property
    def subject(self) -> Name:
        return Name._of(self._parsed.subject)

    @property
    def issuer(self) -> Name:
        return Name._of(self._parsed.issuer)

    @property
    def not_valid_before_utc(self) -> datetime.datetime:
        return datetime.datetime(*self._parsed.not_before, tzinfo=datetime.UTC)

    @property
    def not_valid_after_utc(self) -> datetime.datetime:
        return datetime.datetime(*self._parsed.not_after, tzinfo=datetime.UTC)

    @property
    def signature(self) -> bytes:
        return self._parsed.signature

    @property
    def signature_algorithm_oid(self) -> ObjectIdentifier:
        return ObjectIdentifier(self._parsed.signature_algorithm)

    @property
    def tbs_certificate_bytes(self) -> bytes:
        return self._parsed.signed

    @property
    def extensions(self) -> NoReturn:
        raise utils.unsupported("a certificate's extensions (but `alternative_names()`)", _Reasons.UNSUPPORTED_X509)

    def alternative_names(self) -> list[str | ipaddress.IPv4Address | ipaddress.IPv6Address]:
        """DNS names and addresses that it is for. Not in the package."""
        found: list[Any] = []
        for kind, value in self._parsed.alternative_names():
            if kind == "DNS":
                found.append(value)
            elif kind == "IP Address":
                found.append(ipaddress.ip_address(value))
        return found

    def public_key(self) -> Any:
        return serialization.public_key(self._parsed.public_key)

    def fingerprint(self, algorithm: hashes.HashAlgorithm) -> bytes:
        return hashes.Hash.hash(algorithm, self._der)

    def public_bytes(self, encoding: serialization.Encoding) -> bytes:
        if encoding is serialization.Encoding.DER:
            return self._der
        if encoding is serialization.Encoding.PEM:
            return pem.block("CERTIFICATE", self._der)
        raise TypeError("encoding must be Encoding.PEM or Encoding.DER")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and other._der == self._der

    def __hash__(self) -> int:
        return hash(self._der)


def load_der_x509_certificate(data: bytes, backend: Any = None) -> Certificate:
    return Certificate(bytes(data))


def load_pem_x509_certificates(data: bytes) -> list[Certificate]:
    found = [Certificate(one) for one in parsing.from_pem(bytes(data))]
    if not found:
        raise ValueError("Unable to load PEM file: there is no certificate in it")
    return found


def load_pem_x509_certificate(data: bytes, backend: Any = None) -> Certificate:
    return load_pem_x509_certificates(data)[0]


_ABSENT = (
    "CertificateBuilder", "CertificateRevocationListBuilder", "CertificateSigningRequest",
    "CertificateSigningRequestBuilder", "Extension", "Extensions", "load_der_x509_crl", "load_der_x509_csr",
    "load_pem_x509_crl", "load_pem_x509_csr", "random_serial_number",
)  # fmt: skip


def __getattr__(name: str) -> NoReturn:
    if name in _ABSENT:
        raise ImportError(
            f"`cryptography.x509.{name}` is not among what a component has (docs/python-cryptography.md); "
            'with `engine = "process"` the whole package is there'
        )
    raise AttributeError(f"module 'cryptography.x509' has no attribute {name!r}")
