"""A peer's certificate as `getpeercert()` shows it. Nothing is decided here: the hub checked it, or was told not to.

Sources: RFC 5280; CPython 3.14, Modules/_ssl.c (`_decode_certificate`), for the shape.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from .. import der, pem
from . import constants, names

_ALTERNATIVE_NAMES = "2.5.29.17"
_CRL_DISTRIBUTION_POINTS = "2.5.29.31"
_AUTHORITY_INFORMATION = "1.3.6.1.5.5.7.1.1"
_OCSP = "1.3.6.1.5.5.7.48.1"
_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Name = tuple[tuple[tuple[str, str], ...], ...]


def text_of(tag: int, content: bytes) -> str:
    """A string of a name."""
    if tag == der.BMP_STRING:
        return content.decode("utf-16-be", "replace")
    if tag == der.UNIVERSAL_STRING:
        return content.decode("utf-32-be", "replace")
    if tag == der.TELETEX_STRING:
        return content.decode("latin-1")
    return content.decode("utf-8", "replace")


def name_of(reader: der.Reader) -> Name:
    """A distinguished name."""
    rdns = []
    while reader:
        attributes = reader.enter(der.SET)
        pairs = []
        while attributes:
            attribute = attributes.enter()
            identifier = attribute.oid()
            pairs.append((names.LONG_NAMES.get(identifier, identifier), text_of(*attribute.any())))
        rdns.append(tuple(pairs))
    return tuple(rdns)


def time_of(tag: int, content: bytes) -> tuple[int, int, int, int, int, int]:
    """A moment in UTC: year, month, day, hour, minute, second."""
    text = content.decode("ascii", "replace")
    if tag == der.UTC_TIME:
        # RFC 5280, section 4.1.2.5.1: years from 1950 to 2049.
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != der.GENERALIZED_TIME:
        raise der.Malformed("a time has the wrong type")
    digits = text.removesuffix("Z")
    if len(digits) != 14 or not digits.isdecimal() or digits == text:
        raise der.Malformed("a time is malformed")
    parts = [int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))]
    return parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]


def _shown(moment: tuple[int, ...]) -> str:
    year, month, day, hour, minute, second = moment
    if not 1 <= month <= 12:
        raise der.Malformed("a time has no such month")
    return f"{_MONTHS[month - 1]} {day:2} {hour:02}:{minute:02}:{second:02} {year} GMT"


def _address(content: bytes) -> str:
    if len(content) == 4:
        return str(ipaddress.IPv4Address(content))
    if len(content) == 16:
        return ":".join(f"{int.from_bytes(content[at : at + 2], 'big'):X}" for at in range(0, 16, 2))
    return "<invalid>"


def _general_names(reader: der.Reader) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for tag, content in reader:
        match tag:
            case 0x81:
                found.append(("email", content.decode("latin-1")))
            case 0x82:
                found.append(("DNS", content.decode("latin-1")))
            case 0x86:
                found.append(("URI", content.decode("latin-1")))
            case 0x87:
                found.append(("IP Address", _address(content)))
            case 0x88:
                found.append(("Registered ID", der.decode_oid(content)))
            case 0xA4:
                found.append(("DirName", name_of(der.Reader(content).enter())))
            case _:
                found.append(("othername", "<unsupported>"))
    return found


class Parsed:
    """A certificate's fields."""

    def __init__(self, data: bytes) -> None:
        outer = der.Reader(data)
        certificate = outer.enter()
        outer.end()
        self.signed = certificate.whole()
        body = der.Reader(self.signed).enter()
        self.version = 1
        if (version := body.optional(der.context(0))) is not None:
            self.version = der.Reader(version).integer() + 1
        self.serial = body.integer()
        body.enter()
        self.issuer = name_of(body.enter())
        validity = body.enter()
        self.not_before = time_of(*validity.any())
        self.not_after = time_of(*validity.any())
        self.subject = name_of(body.enter())
        #: SubjectPublicKeyInfo.
        self.public_key = body.whole()
        self.extensions: dict[str, bytes] = {}
        while body:
            tag, content = body.any()
            if tag != der.context(3):
                continue
            extensions = der.Reader(content).enter()
            while extensions:
                extension = extensions.enter()
                identifier = extension.oid()
                extension.optional(der.BOOLEAN)
                self.extensions[identifier] = extension.take(der.OCTET_STRING)
        algorithm = certificate.enter()
        self.signature_algorithm = algorithm.oid()
        self.signature = certificate.bit_string()

    def alternative_names(self) -> list[tuple[str, Any]]:
        content = self.extensions.get(_ALTERNATIVE_NAMES)
        return [] if content is None else _general_names(der.Reader(content).enter())

    def _access(self, method: str) -> list[str]:
        content = self.extensions.get(_AUTHORITY_INFORMATION)
        found = []
        if content is not None:
            descriptions = der.Reader(content).enter()
            while descriptions:
                description = descriptions.enter()
                if description.oid() == method:
                    tag, location = description.any()
                    if tag == 0x86:
                        found.append(location.decode("latin-1"))
        return found

    def _distribution_points(self) -> list[str]:
        content = self.extensions.get(_CRL_DISTRIBUTION_POINTS)
        found = []
        if content is not None:
            points = der.Reader(content).enter()
            while points:
                for tag, point in points.enter():
                    if tag == 0xA0:
                        for kind, full in der.Reader(point):
                            if kind == 0xA0:
                                found += [value for what, value in _general_names(der.Reader(full)) if what == "URI"]
        return found

    def shown(self) -> dict[str, Any]:
        """As `SSLSocket.getpeercert()` answers."""
        serial = f"{self.serial:X}" if self.serial >= 0 else f"-{-self.serial:X}"
        answer: dict[str, Any] = {
            "subject": self.subject,
            "issuer": self.issuer,
            "version": self.version,
            "serialNumber": serial if len(serial) % 2 == 0 else f"0{serial}",
            "notBefore": _shown(self.not_before),
            "notAfter": _shown(self.not_after),
        }
        for key, value in (
            ("subjectAltName", self.alternative_names()),
            ("OCSP", self._access(_OCSP)),
            ("caIssuers", self._access(_CA_ISSUERS)),
            ("crlDistributionPoints", self._distribution_points()),
        ):
            if value:
                answer[key] = tuple(value)
        return answer

    def is_authority(self) -> bool:
        """Whether it may sign others, as its basic constraints say."""
        content = self.extensions.get("2.5.29.19")
        return content is not None and der.Reader(content).enter().optional(der.BOOLEAN) == b"\xff"


def shown(data: bytes) -> dict[str, Any]:
    """As `getpeercert()` answers. ValueError if it is no certificate."""
    return Parsed(data).shown()


class Certificate:
    """`_ssl.Certificate`: one of a chain."""

    __slots__ = ("_der",)

    def __init__(self, data: bytes) -> None:
        self._der = data

    def public_bytes(self, format: int = constants.ENCODING_PEM) -> bytes | str:
        """As DER, or as PEM in a text."""
        if format == constants.ENCODING_DER:
            return self._der
        if format == constants.ENCODING_PEM:
            return pem.block("CERTIFICATE", self._der).decode("ascii")
        raise ValueError("Unsupported format")

    def get_info(self) -> dict[str, Any]:
        """As `getpeercert()` answers."""
        return shown(self._der)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and other._der == self._der

    def __hash__(self) -> int:
        return hash(self._der)

    def __repr__(self) -> str:
        return f"<_ssl.Certificate SHA-256 {hashlib.sha256(self._der).hexdigest()}>"


def from_pem(data: bytes) -> list[bytes]:
    """The certificates in a PEM text, as DER; other blocks are skipped."""
    labels = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
    return [content for label, content, _ in pem.blocks(data) if label in labels]


def from_der(data: bytes) -> list[bytes]:
    """Certificates as DER, one after the other."""
    reader = der.Reader(data)
    found = []
    while reader:
        if reader.peek() != der.SEQUENCE:
            raise der.Malformed("not a certificate")
        found.append(reader.whole())
    return found
